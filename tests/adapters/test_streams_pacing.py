"""Slack's tiers, kept by all answers of a workspace together, over one process and over several."""

import dataclasses
import threading

import pytest

from bot.chat import Person, Place
from bot.notice import Footer
from bot.slack.client import SlackChat
from bot.slack.pacing import APPEND, START, TIERS, UPDATE, WINDOW, Pacing
from bot.store.budgets import RedisBudgets
from bot.store.connection import EDGE, WORKER, connect
from sandbox.clock import Time
from sandbox.redis import serving_redis
from sandbox.slack.limits import Limits
from sandbox.slack.workspace import Workspace
from tests.adapters.conftest import real_redis
from tests.adapters.test_streams import moving
from tests.sandbox.test_slack_bench import FIXED, OPS, TEAM, Slack

ALICE = Person("U0ALICE", TEAM.id)
FOOTER = Footer("qwen3-32b", 0.2, 30, 12.5, "stop")
TICK = 0.001  # pyrate-limiter counts in milliseconds
RATE = 10.0  # seconds of Slack in a real one
LATE = 25.0  # seconds that a call may be late, 2.5 real ones: many threads here share one core
WORDS = [f"word{number} " for number in range(40)]


def taken(pacing, call, times):
    return [pacing.take(call) == 0 for _ in range(times)].count(True)


def test_a_call_has_room_again_when_the_window_has_passed():
    clock = Time(rate=0)
    pacing = Pacing(clock)

    assert taken(pacing, START, 30) == TIERS[START]
    assert 0 < pacing.take(START) <= WINDOW + TICK
    clock.advance(WINDOW + TICK)
    assert pacing.take(START) == 0


def test_each_call_has_room_of_its_own():
    pacing = Pacing(Time(rate=0))
    taken(pacing, START, 30)

    assert taken(pacing, APPEND, 200) == TIERS[APPEND]
    assert taken(pacing, UPDATE, 200) == TIERS[UPDATE]


def test_whoever_waits_too_long_is_told():
    clock = Time(rate=0)
    pacing = Pacing(clock)
    taken(pacing, START, 30)

    assert not pacing.wait(START, WINDOW - 1)
    with moving(clock):
        assert pacing.wait(START, WINDOW + 1)


def test_processes_share_their_room(redis_url):
    clock = Time(rate=0)
    ours, theirs = [
        Pacing(clock, RedisBudgets(connect(redis_url, WORKER), clock)) for _ in range(2)
    ]

    assert taken(ours, START, 12) + taken(theirs, START, 12) == TIERS[START]
    assert 0 < ours.take(START) <= WINDOW + TICK
    clock.advance(WINDOW + TICK)
    assert taken(theirs, START, 30) == TIERS[START]


def test_a_redis_that_is_away_leaves_each_process_its_own_count():
    clock = Time(rate=0)
    pacing = Pacing(clock, RedisBudgets(connect("redis://127.0.0.1:9/0", EDGE), clock))

    assert taken(pacing, START, 30) == TIERS[START]


def test_a_redis_that_restarted_counts_anew(tmp_path):
    clock = Time(rate=0)
    with real_redis(tmp_path, "--save", "") as server:
        pacing = Pacing(clock, RedisBudgets(connect(server.url, WORKER), clock))
        assert taken(pacing, START, 5) == 5
        server.kill()
        server.start()

        assert taken(pacing, START, 30) == TIERS[START]


def answer(chat, root):
    with chat.stream(Place(OPS, root), ALICE) as stream:
        for word in WORDS:
            stream.append(word)
            chat._clock.sleep(0.5)
        stream.end(FOOTER)


class Live(Slack):
    """A workspace whose time runs, with tiers but no limit on messages of a channel."""

    def __init__(self):
        super().__init__()
        self.time = Time(rate=RATE, start=FIXED)
        counted = WINDOW - LATE
        limits = dataclasses.replace(Limits.documented(), channel_burst=0, minute=counted)
        self.workspace = Workspace(self.time, self.journal, TEAM, limits)


@pytest.mark.parametrize("processes", [1, 2])
def test_many_answers_at_once_stay_inside_slacks_limits_and_arrive_whole(processes):
    with serving_redis() as url, Live().served() as slack:
        budgets = [RedisBudgets(connect(url, WORKER), slack.time) for _ in range(processes)]
        chats = [SlackChat(slack.client, slack.time, budget) for budget in budgets]
        posted = [slack.client.chat_postMessage(channel=OPS, text="question") for _ in range(26)]
        roots = [each["ts"] for each in posted]
        answers = [
            threading.Thread(target=answer, args=(chats[at % processes], root))
            for at, root in enumerate(roots)
        ]
        for each in answers:
            each.start()
        for each in answers:
            each.join(60)
        shown = [m for m in slack.workspace.messages(OPS) if m["ts"] not in roots]
        refused = [
            e.call for e in slack.journal.entries() if e.detail.get("error") == "ratelimited"
        ]
        edited = slack.heard("chat.update")

    assert not any(each.is_alive() for each in answers)
    assert refused == []
    assert edited  # those for which no stream was left
    assert len(shown) == len(roots)
    assert {text_of(message) for message in shown} == {"".join(WORDS)}


def text_of(message):
    parts = [b["text"] for b in message["blocks"] if b["type"] == "markdown"]
    return "".join(parts) or message["text"]
