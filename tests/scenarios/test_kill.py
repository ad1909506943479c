"""SIGKILL of the worker at its outgoing calls: restarted, it ends with one of everything."""

import urllib.parse
import urllib.request

import pytest

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import ALICE, BOB, CHANNEL

NAME = "qwen3-32b-sglang"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("world", "call", "nth"),
    [
        ("github", "POST git/refs", 1),
        ("github", "POST pulls", 1),
        ("slack", r"chat\.postMessage", 1),
        ("slack", r"chat\.postMessage", 2),
    ],
    ids=["createRef", "create pull", "card", "thread reply"],
)
def test_a_killed_worker_leaves_one_branch_one_pull_request_one_card(
    worlds, world, call, nth, moment
):
    fault = Fault(world, call, moment, "hold", nth=nth)
    worlds.faults.arm(fault)
    with running(worlds, "web", "worker") as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert fault.reached.wait(10)

        leadline.kill("worker")
        fault.released.set()
        leadline.start("worker")
        done = worlds.journal.wait(finished, at_most=10)

    assert done is not None
    branches = [name for name in worlds.github.state()["branches"] if name != "main"]
    assert branches == [f"llm/example/{NAME}"]
    assert [pull["number"] for pull in worlds.github.state()["pulls"]] == [1]
    messages = worlds.slack.messages(CHANNEL)
    cards = [m for m in messages if m["text"].startswith(NAME)]
    replies = [m for m in messages if ":memo:" in m["text"]]
    assert (len(messages), len(cards), len(replies)) == (2, 1, 1)
    assert replies[0]["thread_ts"] == cards[0]["ts"]


def finished(entry):
    return (entry.world, entry.call) == ("leadline", "finished")


def test_the_same_delivery_twice_is_one_pull_request(worlds, leadline):
    form = {
        "command": "/llm",
        "text": "deploy qwen3-32b sglang",
        "team_id": "T0ACME0001",
        "user_id": ALICE,
        "channel_id": CHANNEL,
        "trigger_id": "1.2.3",
    }
    body = urllib.parse.urlencode(form).encode()
    url = f"http://127.0.0.1:{worlds.environment['LEADLINE_PORT']}/slack/events"
    for _ in range(2):
        request = urllib.request.Request(url, body, worlds.slack.signed_headers(body))
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200

    assert worlds.journal.wait(finished)
    worlds.type("help")  # runs after whatever the second delivery may have queued
    assert worlds.journal.wait(lambda e: e.call == "chat.postEphemeral")
    assert len(worlds.github.state()["pulls"]) == 1
    assert len([m for m in worlds.slack.messages(CHANNEL) if m["text"].startswith(NAME)]) == 1


def test_the_same_request_again_attaches_to_the_open_pull_request(worlds, leadline):
    worlds.type("deploy qwen3-32b sglang")
    assert worlds.journal.wait(finished)
    since = len(worlds.journal.entries())

    worlds.type("deploy qwen3-32b sglang", BOB)
    assert worlds.journal.wait(finished, since)

    assert len(worlds.github.state()["pulls"]) == 1
    assert len(worlds.slack.messages(CHANNEL)) == 2


def test_a_watcher_killed_between_speaking_and_remembering_says_it_once(worlds):
    fault = Fault("slack", r"chat\.postMessage", "after", "hold", nth=3)
    worlds.faults.arm(fault)
    with running(worlds) as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert worlds.journal.wait(finished)
        worlds.merge(1)
        assert fault.reached.wait(10)

        leadline.kill("watch")
        fault.released.set()
        leadline.start("watch")
        assert worlds.journal.wait(lambda e: "Serving" in str(e.detail.get("text")), at_most=15)

    texts = [m["text"] for m in worlds.slack.messages(CHANNEL)]
    assert len([text for text in texts if "merged" in text]) == 1
    assert len([text for text in texts if "Applied" in text]) == 1


def test_a_pull_request_merged_while_the_worker_was_dead_still_gets_its_card(worlds):
    fault = Fault("github", "POST pulls", "after", "hold")
    worlds.faults.arm(fault)
    with running(worlds, "web", "worker") as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert fault.reached.wait(10)

        leadline.kill("worker")
        fault.released.set()
        worlds.merge(1)
        leadline.start("worker")
        assert worlds.journal.wait(finished)

    assert [pull["number"] for pull in worlds.github.state()["pulls"]] == [1]
    assert len([m for m in worlds.slack.messages(CHANNEL) if m["text"].startswith(NAME)]) == 1
