"""A caller who hangs up frees the slot within a second, on both sides of the contract."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.engine.raw import HELLO, until

LONG = {"max_tokens": 1900, "ignore_eos": True}  # seconds of work on either side
RUNNING = "vllm:num_requests_running"


@pytest.mark.parametrize("streams", [True, False], ids=["stream", "whole"])
def test_a_caller_who_hangs_up_frees_the_slot_within_a_second(engine, streams):
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(contextlib.closing(engine.connect()))
        body = HELLO | LONG | {"stream": streams}
        engine.send(connection, "POST", "/v1/chat/completions", body)
        if streams:
            answer = stack.enter_context(connection.getresponse())
            assert answer.readline().startswith(b"data: ")
        assert until(lambda: engine.metric(RUNNING) == 1, 5) is not None

    assert until(lambda: engine.metric(RUNNING) == 0, 1) is not None


def test_the_openai_client_hangs_up_when_it_is_closed(engine):
    with engine.client() as client:
        stream = client.chat.completions.create(**HELLO, extra_body=LONG, stream=True)
        next(iter(stream))
        assert until(lambda: engine.metric(RUNNING) == 1, 5) is not None
        stream.close()

    assert until(lambda: engine.metric(RUNNING) == 0, 1) is not None


def test_many_callers_are_answered_at_once(engine):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda seed: engine.chat(seed=seed), range(16)))

    assert [answer.status for answer in answers] == [200] * 16
    assert until(lambda: engine.metric(RUNNING) == 0, 1) is not None
