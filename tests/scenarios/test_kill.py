"""SIGKILL of the worker at its outgoing calls: restarted, it ends with one of everything."""

import itertools
import re
import time
import urllib.parse
import urllib.request

import pytest

from bot.store import Lane
from bot.store.connection import WORKER, connect
from bot.store.queue import RedisQueue
from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import ALICE, BOB, CHANNEL
from tests.scenarios import killing
from tests.scenarios.conftest import RATE

NAME = "qwen3-32b-sglang"
_numbers = itertools.count(1)

TIMED = (
    r"HELLO .*|CLIENT .*"  # a connection's greeting: none of its calls has been made yet
    r"|XREAD .*"  # the wait for jobs, which takes none
    r"|XREADGROUP leadline:jobs:ask .*|XREADGROUP .* 0|XAUTOCLAIM .*"  # looks, every few seconds
    r"|RENEW.*"  # of claims and locks, every ten seconds
)
"""Calls to Redis that the time makes, not the job; whatever they change comes again."""

TAKES = r"XREADGROUP leadline:jobs:change >"
"""What takes a job. Made once for it; afterwards it looks for a next one."""

PARTS = ((r"[0-9a-f]{40}", "[0-9a-f]{40}"), (r"[0-9a-f]{12,16}", "[0-9a-f]{12,16}"),
         (r"k[0-9]+", "k[0-9]+"), (r"[0-9]+", "[0-9]+"))  # fmt: skip
"""What is different in the same call of another deployment: commits, jobs and states, numbers."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with killing.stage(tmp_path_factory.mktemp("kill"), RATE, "work", "serve") as made:
        yield made


@pytest.fixture(scope="module")
def calls(stage):
    """Return every call that the worker makes for a deploy, in order, with which one of its name.

    The gate's journal has no other role's calls to Redis.
    """
    worlds, _ = stage
    deploy(worlds)  # once before, so that what is asked once a process is known
    since = len(worlds.journal.entries())
    deploy(worlds)
    made = [e for e in worlds.journal.entries(since) if e.world in {"slack", "github", "redis"}]
    all_ = [(e.world, pattern(e.call)) for e in made if "delivered" not in e.call]
    names = [each for each in all_ if each[0] != "redis" or not re.fullmatch(TIMED, each[1])]
    numbered = [(*name, names[: at + 1].count(name)) for at, name in enumerate(names)]
    return [(world, call, nth) for world, call, nth in numbered if call != TAKES or nth == 1]


def pattern(call):
    """Return what matches the same call of another deployment."""
    for seen, any_ in PARTS:
        call = re.sub(rf"(?<=[/:]){seen}(?=[/:]|\Z)", any_, call)
    return call


def deploy(worlds):
    name = f"k{next(_numbers)}"
    since = len(worlds.journal.entries())
    worlds.type(f"deploy qwen3-32b sglang {name}")
    assert worlds.journal.wait(finished, since, LONG)
    return name


LONG = 60.0
"""Seconds in which anything comes, on a busy machine too."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", ["slack and github", "redis"])
def test_a_worker_killed_at_any_call_leaves_one_of_everything(stage, calls, kind, moment):
    worlds, leadline = stage
    chosen = [each for each in calls if each[0] in kind.split()]
    assert {call for _, call, _ in chosen} >= ESSENTIAL[kind]
    assert len(chosen) >= FEWEST[kind]
    for world, call, nth in chosen:
        name = f"k{next(_numbers)}"
        fault = Fault(world, call, moment, "hold", nth=nth)
        worlds.faults.arm(fault)
        since = len(worlds.journal.entries())
        worlds.type(f"deploy qwen3-32b sglang {name}")
        assert fault.reached.wait(LONG), (call, nth)

        leadline.again(fault)

        until_done(worlds, since, (moment, call, nth))
        check_one_of_everything(worlds, name, (moment, call, nth))


def until_done(worlds, since, where):
    """Wait until no command is left; the log says nothing of one that had just ended."""
    with connect(worlds.addresses["redis"], WORKER) as redis:
        queue, end = RedisQueue(redis), time.monotonic() + LONG
        while queue.depth(Lane.CHANGE).jobs:
            assert time.monotonic() < end, where
            worlds.journal.wait(finished, since, 0.1)


ESSENTIAL = {
    "slack and github": {"POST git/refs", "POST pulls", "chat.postMessage"},
    "redis": {TAKES, "BEGIN leadline:jobs:change", "WRITE_FENCED leadline:proposals",
              "RPUSH leadline:wakes", "RELEASE leadline:lock:example/k[0-9]+",
              "END leadline:jobs:change"},
}  # fmt: skip
FEWEST = {"slack and github": 12, "redis": 25}


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
