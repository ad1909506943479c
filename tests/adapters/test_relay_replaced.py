"""A leader pod that is replaced in the middle of a question, in a deployment of two groups."""

import threading

import pytest

from sandbox.engine import Pace
from sandbox.redis import serving_redis
from tests.adapters.test_relay_asking import Desk, repository
from tests.engine.raw import until
from tests.sandbox.test_engine_bench import network, vllm
from tests.sandbox.test_slack_bench import Slack


@pytest.fixture
def desk(request, tmp_path):
    body = vllm(image="vllm:v0.32.0", replicas=2)
    with network(body, request.param) as net, serving_redis() as url, Slack().served() as slack:
        net.bench.wait("lws.available")
        yield Desk(net, slack, url, repository(tmp_path))


def replace_the_leader_that_was_asked(desk, begun):
    """Ask, delete the leader's pod once `begun` says so, and wait for the end."""
    asking = threading.Thread(target=desk.ask)
    asking.start()
    assert desk.net.bench.journal.wait(lambda e: e.call == "POST chat/completions")
    assert until(begun, 10) is not None
    [asked] = desk.net.chats()
    desk.net.bench.core.delete_namespaced_pod(asked["pod"], "default")
    asking.join(20)
    assert not asking.is_alive()
    return asked["pod"]


@pytest.mark.parametrize("desk", [Pace(first=3, token=0)], indirect=True)
def test_before_its_first_token_the_other_group_is_asked(desk):
    gone = replace_the_leader_that_was_asked(desk, lambda: True)
    pods = [chat["pod"] for chat in desk.net.chats()]

    assert pods == [gone, "qwen-1" if gone == "qwen-0" else "qwen-0"]
    assert "finish: stop" in desk.footer()


@pytest.mark.parametrize("desk", [Pace(first=0, token=0.2)], indirect=True)
def test_after_its_first_token_what_came_stands_and_nobody_else_is_asked(desk):
    replace_the_leader_that_was_asked(desk, lambda: len(desk.messages()) == 2)

    assert len(desk.net.chats()) == 1
    assert "The answer stops here" in desk.footer()
    assert desk.answer()["text"]
