"""Redis loses everything while a command is in work: its person is told, and may type it again."""

import redis

from sandbox.faults import Fault
from sandbox.leadline import running
from sandbox.worlds import CHANNEL

NAME = "qwen3-32b-sglang"


def says(call, text):
    return lambda entry: entry.call == call and text in str(entry.detail.get("text"))


def test_a_deploy_whose_redis_is_emptied_is_told_and_typed_again_goes_on_where_it_stopped(worlds):
    with running(worlds, "serve", "work") as leadline:
        fault = worlds.faults[worlds.faults.arm(Fault("github", "POST pulls", "after"))]
        worlds.type("deploy qwen3-32b sglang")
        assert fault.reached.wait(20)

        redis.Redis.from_url(worlds.environment["REDIS_URL"]).flushall()
        fault.released.set()

        told = says("chat.postEphemeral", "Redis was emptied while your command was in work")
        assert worlds.journal.wait(told, at_most=20), leadline.said[-20:]
        since = len(worlds.journal.entries())
        worlds.type("deploy qwen3-32b sglang")
        again = says("chat.postMessage", "asked for the same")
        assert worlds.journal.wait(again, since, 20), leadline.said[-20:]

    messages = worlds.slack.messages(CHANNEL)
    cards = {m["ts"] for m in messages if m["text"].startswith(NAME)}
    assert len(worlds.github.state()["pulls"]) == 1
    assert len(cards) == 1
    assert {m["thread_ts"] for m in messages if m["thread_ts"]} == cards
    assert len([entry for entry in worlds.journal.entries() if told(entry)]) == 1
