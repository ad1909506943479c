"""No worker for longer than people wait: what had begun is ended, the rest is told and not run.

The audit log has one line of each, and nothing of a question.
"""

import json

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import CHANNEL

LONG = 60.0
"""Real seconds in which anything comes, on a busy machine too."""

NIGHT = 1000.0
"""Seconds of the sandbox; a change waits for 900 at most."""

SECRET = "merger"


def finished(entry):
    return (entry.world, entry.call) == ("leadline", "finished")


def audited(leadline):
    entries = [json.loads(line)["audit"] for line in leadline.printed]
    return [(entry["act"], entry["outcome"]) for entry in entries]


def told(worlds, since):
    whispers = [e for e in worlds.journal.entries(since) if e.call == "chat.postEphemeral"]
    return [str(entry.detail["text"]) for entry in whispers]


def test_a_change_whose_worker_was_stopped_in_the_middle_goes_on_the_next_morning(worlds):
    with running(worlds, "serve", "work") as leadline:
        fault = worlds.faults[worlds.faults.arm(Fault("github", "POST pulls", "after", "hold"))]
        worlds.type("deploy qwen3-32b sglang")
        assert fault.reached.wait(LONG)
        leadline.processes["work"].terminate()
        leadline.processes["work"].wait(LONG)
        leadline.kill("work")
        fault.released.set()
        worlds.time.advance(NIGHT)
        since = len(worlds.journal.entries())
        leadline.start("work")
        assert worlds.journal.wait(finished, since, LONG), leadline.said[-20:]

    [card] = [m for m in worlds.slack.messages(CHANNEL) if "qwen3-32b-sglang" in m["text"][:20]]
    assert len(worlds.github.state()["pulls"]) == 1
    assert "pull request open" in card["text"]
    assert told(worlds, since) == []
    assert audited(leadline) == [("deploy", "done")]


def test_what_nobody_began_is_told_and_in_the_audit_log_without_the_question(worlds):
    with running(worlds, "serve", "work") as leadline:
        leadline.kill("work")
        worlds.type("deploy qwen3-32b sglang")
        worlds.type(f"ask qwen3-32b-sglang {SECRET}")
        worlds.type(f"{SECRET} is what?")
        worlds.time.advance(NIGHT)
        since = len(worlds.journal.entries())
        leadline.start("work")
        for _ in range(3):
            entry = worlds.journal.wait(finished, since, LONG)
            assert entry, leadline.said[-20:]
            since = entry.number

    assert sorted(audited(leadline)) == [("ask", "late"), ("deploy", "late"), ("unknown", "late")]
    assert worlds.github.state()["pulls"] == []
    assert SECRET not in "\n".join([*leadline.said, *leadline.printed])
