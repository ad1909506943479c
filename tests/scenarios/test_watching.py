"""The watcher as a process: SIGKILL at its calls, two that take turns, a failing merge."""

import subprocess
import sys

import pytest

from gitops.settings import child_environment
from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import CHANNEL

NAME = "qwen3-32b-sglang"


def finished(entry):
    return (entry.world, entry.call) == ("leadline", "finished")


def says(text):
    return lambda entry: text in str(entry.detail.get("text"))


@pytest.fixture
def proposed(worlds):
    """Give a Leadline without a watcher, with one deployment proposed."""
    with running(worlds, "serve", "work") as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert worlds.journal.wait(finished, at_most=20)
        yield leadline


def replies(worlds):
    messages = worlds.slack.messages(CHANNEL)
    return [m["text"] for m in messages if m["thread_ts"] and m["thread_ts"] != m["ts"]]


ONCE = ("merged by", "Applied to the cluster", "*Serving*")  # phases pass while nobody looks


def check(worlds):
    texts = replies(worlds)
    counts = [len([text for text in texts if part in text]) for part in ONCE]
    assert counts == [1] * len(ONCE), texts
    assert len(texts) == len(set(texts)), texts


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_watcher_killed_at_post_after_post_says_everything_once(worlds, proposed, moment):
    """Kill each watcher at the next post that has not killed one yet, until none comes."""
    worlds.merge(1)
    deaths = 0
    while deaths < 3:
        again = deaths > 0 and moment == "before"  # the call that Slack did not get comes again
        fault = Fault("slack", r"chat\.postMessage", moment, "hold", nth=2 if again else 1)
        worlds.faults.arm(fault)
        proposed.start("watch")
        if not fault.reached.wait(8):
            proposed.kill("watch")
            break
        proposed.kill("watch")
        fault.released.set()
        deaths += 1
    worlds.faults.release_all()
    proposed.start("watch")
    assert worlds.journal.wait(says("*Serving*"), at_most=20)

    assert deaths >= 2
    check(worlds)


def test_of_two_watchers_one_speaks_and_the_other_takes_over(worlds, proposed):
    worlds.merge(1)
    proposed.start("watch")
    settings = {**worlds.environment, "LEADLINE_WORKER": "worker-2"}
    command = [sys.executable, "-m", "bot", "watch"]
    other = subprocess.Popen(command, env=child_environment(settings), stderr=subprocess.DEVNULL)
    try:
        assert worlds.journal.wait(says("*Serving*"), at_most=20)
        check(worlds)
        since = len(worlds.journal.entries())

        proposed.kill("watch")
        worlds.cluster.oom("default", f"{NAME}-0-1")

        assert worlds.journal.wait(says("recovered"), since, at_most=40)  # past the lock's 15 s
        check(worlds)
    finally:
        other.kill()
        other.wait()


def test_what_keeps_the_controller_from_applying_a_merge_is_told_in_its_words(worlds, proposed):
    proposed.start("watch")
    worlds.agent.fail("refused", times=100)
    worlds.merge(1)
    assert worlds.journal.wait(says("not in the cluster"), at_most=20), replies(worlds)
    [told] = [text for text in replies(worlds) if "not in the cluster" in text]
    assert "denied" in told
    assert worlds.journal.wait(
        lambda e: e.call == "chat.update" and "denied" in str(e.detail), at_most=10
    )

    worlds.agent.repair()
    worlds.agent.sync()

    assert worlds.journal.wait(says("*Serving*"), at_most=20)
    check(worlds)
    [card] = [m for m in worlds.slack.messages(CHANNEL) if m["text"].startswith(NAME)]
    assert "denied" not in str(card)
