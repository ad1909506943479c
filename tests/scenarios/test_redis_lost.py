"""Redis loses everything: what serves, and what is only proposed, is followed in its old thread."""

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


def lose_all(worlds, leadline):
    """Let Redis lose everything, and start the watch again as whoever runs it would.

    Return how many entries the journal had between the two.
    """
    since = len(worlds.journal.entries())
    redis.Redis.from_url(worlds.environment["REDIS_URL"]).flushall()
    assert worlds.journal.wait(role("ended", "watch"), since, 20), leadline.said[-20:]
    leadline.kill("watch")  # it has lost the lead and ended
    since = len(worlds.journal.entries())
    leadline.start("watch")
    return since


def test_after_redis_lost_all_a_restart_is_told_in_the_old_thread_and_nothing_twice(worlds):
    with running(worlds) as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert worlds.journal.wait(says("opened"), at_most=20)
        worlds.merge(1)
        assert worlds.journal.wait(says("*Serving*"), at_most=30)
        before = [m["text"] for m in replies(worlds)]
        [card] = roots(worlds)

        since = lose_all(worlds, leadline)

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


def test_after_redis_lost_all_a_pull_request_that_is_still_open_is_followed_again(worlds):
    with running(worlds) as leadline:
        worlds.type("deploy qwen3-32b sglang")
        assert worlds.journal.wait(says("opened"), at_most=20)
        worlds.github.review(1, "bob", "COMMENT", "before")
        assert worlds.journal.wait(says("«before»"), at_most=20)
        before, [card] = [m["text"] for m in replies(worlds)], roots(worlds)

        since = lose_all(worlds, leadline)
        # What happens before it is found again counts as told; a look of its own comes after that.
        assert worlds.journal.wait(lambda e: e.call == "GET pulls/1", since, 20), leadline.said[
            -20:
        ]
        worlds.github.check(f"llm/example/{NAME}", "lint", "failure")
        assert worlds.journal.wait(says("failed: lint"), since, 30), leadline.said[-20:]
        worlds.merge(1)
        assert worlds.journal.wait(says("*Serving*"), since, 30), leadline.said[-20:]

        told = [m["text"] for m in replies(worlds)]
        assert told[: len(before)] == before
        assert len([text for text in told if "«before»" in text]) == 1
        assert len([text for text in told if "merged by" in text]) == 1
        assert {m["thread_ts"] for m in replies(worlds)} == {card["ts"]}
        assert [m["ts"] for m in roots(worlds)] == [card["ts"]]
