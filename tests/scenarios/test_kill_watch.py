"""SIGKILL of the watcher at each call to Slack from a merge to Serving: nothing is lost or doubled.

The sandbox's clock all but stands and is moved by hand, so that whatever a watcher should say, one
that was killed and started again can still say. GitHub is only read here: the watcher writes
there before the merge (tests/adapters/test_reviews.py). Calls to Redis are in a file of their own,
as these take minutes.
"""

import itertools
import threading
import time
import urllib.request

import pytest

from bot.store.connection import WORKER, connect
from bot.store.shared import RedisShared
from sandbox.cluster import Speeds
from sandbox.faults import Fault
from sandbox.people import OWNER_TOKEN
from sandbox.worlds import CHANNEL
from tests.scenarios.killing import stage

LONG = 60.0
"""Real seconds in which anything comes, on a busy machine too."""

LOOK = 0.02
"""Real seconds between two looks at what the journal does not tell."""

RATE = 0.2
"""The clock all but stands: a try that waits to be made again must be made at last."""

ANSWERED = "*Serving*"
SPEEDS = Speeds(schedule=20, pull=20, start=1, load=40, worker_ready=20)
STEPS = (
    (6, "merged by"),
    (0, "Applied"),
    (0, "scheduling"),
    (20, "pulling"),
    (21, "loading"),
    (21, "joining"),
    (20, ANSWERED),
)
"""Seconds to pass, and what is said then."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_watcher_killed_at_any_call_to_slack_says_everything_once(tmp_path, moment):
    assert killed_at_every_call(tmp_path, "slack", ".*", moment) >= 14


def killed_at_every_call(folder, world, calls, moment):
    """Kill the watcher once in a rollout, at the first call, the second, and so on; count them."""
    with stage(folder, RATE, "watch", "serve", "work", nodes=200, speeds=SPEEDS) as made:
        for nth in itertools.count(1):
            fault = Fault(world, calls, moment, "hold", nth=nth)
            if not killed_in_a_rollout(*made, f"w{nth}", fault):
                break
    return nth - 1


def killed_in_a_rollout(worlds, leadline, name, fault):
    """Roll a deployment out, kill the watcher on the way; say whether it came to the call."""
    number = deploy(worlds, name)
    worlds.faults.arm(fault)
    over = threading.Event()

    def kill():
        while not fault.reached.wait(0.02):
            if over.is_set():
                return
        leadline.again(fault)

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        worlds.merge(number)
        roll_out(worlds, name, (name, fault.moment, fault.nth))
        struck = fault.reached.wait(0.3)  # it may have been the very last call
    finally:
        over.set()
        killing.join()
    fault.times = 0
    check_everything_was_said_once(worlds, name, (name, fault.moment, fault.nth))
    forget(worlds, name, number)
    return struck


def forget(worlds, name, number):
    """Let nobody follow a deployment any more, so that all calls are those of the next one.

    Its pull request no longer leads back to the thread, so that it is not recalled from main.
    """
    url = f"{worlds.addresses['github']}/repos/acme/gitops/pulls/{number}"
    signed = {"Authorization": f"Bearer {OWNER_TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(url, b'{"body": ""}', signed, method="PATCH")
    ) as answer:
        assert answer.status == 200
    with connect(worlds.addresses["redis"], WORKER) as redis:
        assert redis.hdel("leadline:proposals", f"example/{name}") == 1


def deploy(worlds, name):
    since = len(worlds.journal.entries())
    worlds.type(f"deploy qwen3-32b vllm {name}")
    assert worlds.journal.wait(edited(f"{name} · pull request open"), since, 20)
    assert worlds.journal.wait(lambda e: (e.world, e.call) == ("leadline", "finished"), since)
    [pull] = [p for p in worlds.github.state()["pulls"] if p["head"] == f"llm/example/{name}"]
    return pull["number"]


def roll_out(worlds, name, where):
    """Let time pass, step by step, once the watcher has said what it should at each."""
    since, end = len(worlds.journal.entries()), time.monotonic() + LONG
    for seconds, words in STEPS:
        worlds.time.advance(seconds)
        if words != ANSWERED:
            assert worlds.journal.wait(said(words), since, LONG), (where, words)
    while not worlds.journal.wait(said(ANSWERED), since, LOOK):
        assert time.monotonic() < end, where
        worlds.time.advance(1)  # an engine that is asked needs time of the sandbox
    with connect(worlds.addresses["redis"], WORKER) as redis:
        while not RedisShared(redis).cards()[f"example/{name}"].phase.startswith("serving"):
            assert time.monotonic() < end, where
            worlds.journal.wait(lambda _: True, len(worlds.journal.entries()), LOOK)


def check_everything_was_said_once(worlds, name, where):
    told = replies(worlds, name)[2:]  # what the worker said comes first
    for _, words in STEPS:
        assert len([text for text in told if words in text]) == 1, (where, words, told)
    assert len(told) == len(STEPS), (where, told)
    assert card(worlds, name)["text"].startswith(f"{name} · serving"), where


def card(worlds, name):
    [found] = [m for m in worlds.slack.messages(CHANNEL) if m["text"].startswith(f"{name} · ")]
    return found


def replies(worlds, name):
    root = card(worlds, name)
    messages = worlds.slack.messages(CHANNEL)
    return [m["text"] for m in messages if m["thread_ts"] == root["ts"] and m is not root]


def said(words):
    return lambda entry: entry.call == "chat.postMessage" and words in entry.detail["text"]


def edited(text):
    return lambda entry: entry.call == "chat.update" and text in str(entry.detail.get("text"))
