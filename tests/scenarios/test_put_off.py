"""GitHub's limit is used up while a person deploys: they hear which one, once; then it goes on."""

from sandbox.github.troubles import Trouble
from sandbox.leadline import running
from sandbox.worlds import CHANNEL

LIMIT = "GitHub's secondary rate limit"


def shows(call, text):
    return lambda entry: entry.call == call and text in str(entry.detail)


def test_a_deploy_that_meets_a_limit_names_it_and_runs_by_itself_also_under_another_worker(worlds):
    with running(worlds, "serve", "work") as leadline:
        worlds.github.arm(Trouble("POST git/trees", "secondary"))
        worlds.type("deploy qwen3-32b sglang")
        waits = shows("chat.postEphemeral", f"{LIMIT} is used up; your command runs by itself")
        assert worlds.journal.wait(waits, at_most=20), leadline.said[-20:]
        leadline.processes["work"].terminate()
        leadline.processes["work"].wait(15)
        leadline.kill("work")
        worlds.github.arm(Trouble("POST git/trees", "secondary"))
        leadline.start("work")
        assert worlds.journal.wait(shows("chat.postMessage", "opened"), at_most=30), leadline.said[
            -20:
        ]

    entries = worlds.journal.entries()
    [card] = [m for m in worlds.slack.messages(CHANNEL) if "qwen3-32b-sglang" in m["text"][:20]]
    assert len(worlds.github.state()["pulls"]) == 1
    assert len([entry for entry in entries if waits(entry)]) == 1
    assert any(shows("chat.update", f"not proposed yet: {LIMIT} is used up")(e) for e in entries)
    assert "pull request open" in card["text"]
