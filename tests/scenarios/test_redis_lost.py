"""Redis loses everything while a deployment serves: it is followed again in its old thread."""

import redis

from sandbox.leadline import running
from sandbox.worlds import CHANNEL

NAME = "qwen3-32b-sglang"


def says(text):
    return lambda entry: text in str(entry.detail.get("text"))


def shows(phase):
    return lambda entry: entry.call == "chat.update" and phase in str(entry.detail)


def role(call, name):
    return lambda entry: entry.call == call and entry.detail.get("role") == name


def roots(worlds):
    messages = worlds.slack.messages(CHANNEL)
    return [m for m in messages if not m["thread_ts"] or m["thread_ts"] == m["ts"]]


def replies(worlds):
    messages = worlds.slack.messages(CHANNEL)
    return [m for m in messages if m["thread_ts"] and m["thread_ts"] != m["ts"]]


def test_after_redis_lost_all_a_restart_is_told_in_the_old_thread_and_nothing_twice(worlds):
    with running(worlds) as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert worlds.journal.wait(says("opened"), at_most=20)
        worlds.merge(1)
        assert worlds.journal.wait(says("*Serving*"), at_most=30)
        before = [m["text"] for m in replies(worlds)]
        [card] = roots(worlds)
        since = len(worlds.journal.entries())

        redis.Redis.from_url(worlds.environment["REDIS_URL"]).flushall()

        assert worlds.journal.wait(role("ended", "watch"), since, 20), leadline.said[-20:]
        leadline.kill("watch")  # it has lost the lead and ended; whoever runs it starts it again
        since = len(worlds.journal.entries())
        leadline.start("watch")
        assert worlds.journal.wait(shows("serving · 1/1 groups proved"), since, 30), leadline.said[
            -20:
        ]
        assert [m["text"] for m in replies(worlds)] == before

        worlds.cluster.oom("default", f"{NAME}-0-1")
        assert worlds.journal.wait(says("recovered"), since, 30), leadline.said[-20:]

        told = [m["text"] for m in replies(worlds)][len(before) :]
        assert [text.partition(" ")[0] for text in told] == [":warning:", ":large_green_circle:"]
        assert {m["thread_ts"] for m in replies(worlds)} == {card["ts"]}
        assert [m["ts"] for m in roots(worlds)] == [card["ts"]]
