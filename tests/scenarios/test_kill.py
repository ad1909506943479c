"""SIGKILL of the worker at its outgoing calls: restarted, it ends with one of everything."""

import itertools
import re
import urllib.parse
import urllib.request

import pytest

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import ALICE, BOB, CHANNEL, sandbox
from tests.scenarios.conftest import RATE

NAME = "qwen3-32b-sglang"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with (
        sandbox(tmp_path_factory.mktemp("kill"), RATE) as worlds,
        running(worlds, "serve", "work") as leadline,
    ):
        yield worlds, leadline


@pytest.fixture(scope="module")
def calls(stage):
    """Return every call that the worker makes to Slack and GitHub for a deploy, in order."""
    worlds, _ = stage
    deploy(worlds)  # once before, so that what is asked once a process is known
    since = len(worlds.journal.entries())
    deploy(worlds)
    made = [e for e in worlds.journal.entries(since) if e.world in {"slack", "github"}]
    names = [(e.world, pattern(e.call)) for e in made if "delivered" not in e.call]
    return [(world, call, names[: at + 1].count((world, call)))
            for at, (world, call) in enumerate(names)]  # fmt: skip


def pattern(call):
    """Return what matches the same call of another deployment."""
    for seen, any_ in ((r"[0-9a-f]{40}", "[0-9a-f]{40}"), (r"/k[0-9]+", "/k[0-9]+"),
                       (r"/[0-9]+", "/[0-9]+")):  # fmt: skip
        call = re.sub(seen + r"(?=/|\Z)", any_, call)
    return call


def deploy(worlds):
    name = f"k{next(_numbers)}"
    since = len(worlds.journal.entries())
    worlds.type(f"deploy qwen3-32b sglang {name}")
    assert worlds.journal.wait(finished, since)
    return name


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_at_any_call_leaves_one_of_everything(stage, calls, moment):
    worlds, leadline = stage
    assert {"POST git/refs", "POST pulls", "chat.postMessage"} <= {call for _, call, _ in calls}
    assert len(calls) > 12
    for world, call, nth in calls:
        name = f"k{next(_numbers)}"
        fault = Fault(world, call, moment, "hold", nth=nth)
        worlds.faults.arm(fault)
        since = len(worlds.journal.entries())
        worlds.type(f"deploy qwen3-32b sglang {name}")
        assert fault.reached.wait(10), (call, nth)

        leadline.kill("work")
        fault.released.set()
        leadline.start("work")

        assert worlds.journal.wait(finished, since), (call, nth)
        check_one_of_everything(worlds, name, (moment, call, nth))


def check_one_of_everything(worlds, name, where):
    state = worlds.github.state()
    branch = f"llm/example/{name}"
    assert [b for b in state["branches"] if b == branch] == [branch], where
    [pull] = [p for p in state["pulls"] if p["head"] == branch]
    assert "llm" in pull["labels"], where
    messages = worlds.slack.messages(CHANNEL)
    [card] = [m for m in messages if m["text"].startswith(f"{name} · ")]
    assert f'"ts":"{card["ts"]}"' in pull["body"].replace(" ", ""), where
    replies = [m["text"] for m in messages if m["thread_ts"] == card["ts"] and m is not card]
    assert [text.partition(" ")[0] for text in replies] == [":mag:", ":memo:"], where
    assert f"(example/{name})" in replies[0], where


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
    texts = [m["text"] for m in worlds.slack.messages(CHANNEL)]
    assert [text.partition(" ")[0] for text in texts[1:]] == [":mag:", ":memo:", ":link:"]


def test_a_watcher_killed_between_speaking_and_remembering_says_it_once(worlds):
    fault = Fault("slack", r"chat\.postMessage", "after", "hold", nth=4)
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
    with running(worlds, "serve", "work") as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert fault.reached.wait(10)

        leadline.kill("work")
        fault.released.set()
        worlds.merge(1)
        leadline.start("work")
        assert worlds.journal.wait(finished)

    assert [pull["number"] for pull in worlds.github.state()["pulls"]] == [1]
    assert len([m for m in worlds.slack.messages(CHANNEL) if m["text"].startswith(NAME)]) == 1
