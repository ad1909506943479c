"""Answers that break off or are none, from Slack and GitHub: all roles live on, nothing is lost."""

import re

import pytest

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import CHANNEL, sandbox

NAME = "qwen3-32b-sglang"


@pytest.fixture
def worlds(tmp_path):
    with sandbox(tmp_path, 20.0) as made:
        yield made


def finished(entry):
    return (entry.world, entry.call) == ("leadline", "finished")


def says(text):
    return lambda entry: entry.call == "chat.postMessage" and text in str(entry.detail.get("text"))


def arm(worlds, world, call, act):
    """Let both the next call's answer and, where it comes, the following one's be broken."""
    fault = Fault(world, call, "after", act, times=2)
    worlds.faults.arm(fault)
    return fault


def done(worlds, text):
    since = len(worlds.journal.entries())
    worlds.type(text)
    return worlds.journal.wait(finished, since, 30)


@pytest.mark.parametrize("act", ["cut", "page"])
def test_a_deploy_its_watch_and_a_question_survive_answers_that_break_off(worlds, act):
    with running(worlds) as leadline:
        struck = [
            arm(worlds, "slack", r"chat\.postMessage", act),
            arm(worlds, "github", "GET branches/main", act),
        ]
        assert done(worlds, "deploy qwen3-32b sglang")
        struck.append(arm(worlds, "slack", r"chat\.postMessage", act))
        worlds.merge(1)
        assert worlds.journal.wait(says("Serving"), at_most=60)
        struck.append(arm(worlds, "slack", r"chat\.(append|stop)Stream", act))
        assert done(worlds, f"ask {NAME} hello")
        assert all(process.poll() is None for process in leadline.processes.values())

    assert [fault.reached.is_set() for fault in struck] == [True] * len(struck)
    texts = [m["text"] for m in worlds.slack.messages(CHANNEL)]
    cards = [text for text in texts if text.startswith(NAME)]
    told = [len([t for t in texts if part in t]) for part in ("merged by", "*Serving*")]
    assert (len(cards), told) == (1, [1, 1]), texts
    assert [pull["number"] for pull in worlds.github.state()["pulls"]] == [1]
    assert not re.search("role failed|thread died", "\n".join(leadline.said))
