"""What a worker makes of a job: run, refused, too late, interrupted, broken; heard in Slack."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from bot.commands.lanes import Hall, Pace
from bot.commands.work import PutOff, Running
from bot.commands.worker import Worker
from bot.errors import NotFoundError, StaleError, StoreUnavailableError
from bot.settings import SlackSettings
from bot.slack.client import SlackChat
from bot.store import Fence, Job, Lane
from bot.store.claims import RedisClaims
from bot.store.locks import RedisLocks
from bot.store.queue import RedisQueue
from gitops.errors import ForgeBusyError
from sandbox.redis import serving_redis
from tests.sandbox.test_slack_bench import OPS, TEAM, Slack

NOON = datetime(2026, 11, 24, 20, tzinfo=UTC)
"""The time in the sandbox's Slack, where it stands still."""

JOB = Job("abc", Lane.CHANGE, "deploy q vllm", "U0ALICE", TEAM.id, OPS, NOON)
ASK = replace(JOB, lane=Lane.ASK, text="ask q hi")


@pytest.fixture
def slack():
    with Slack().served() as served:
        yield served


@pytest.fixture
def worker(slack):
    """Give a worker with a command; its chat is the sandbox's Slack."""
    settings = SlackSettings("xoxb-leadline", "shh", f"{slack.workspace.base_url}/api/")

    def make(command, hall=None, paces=None):
        made = Worker(
            hall, SlackChat.connect(settings, slack.time), slack.time, command,
            lambda job: job.text.split()[1],
        )  # fmt: skip
        return replace(made, paces=paces) if paces else made

    return make


def heard(slack):
    return [detail["text"] for detail in slack.heard("chat.postEphemeral")]


def refuse(error):
    def command(running):
        raise error

    return command


def test_a_command_that_could_not_be_done_is_told_to_the_person_alone(slack, worker):
    worker(refuse(NotFoundError("no deployment q; deploy it first"))).perform(Running(JOB, 1, None))

    [note] = slack.heard("chat.postEphemeral")
    assert "no deployment q; deploy it first" in note["text"]
    assert (note["user"], note["channel"]) == ("U0ALICE", OPS)


@pytest.mark.parametrize("error", [StaleError("x"), StoreUnavailableError("x")])
def test_what_only_concerns_the_queue_is_not_told(error, slack, worker):
    with pytest.raises(type(error)):
        worker(refuse(error)).perform(Running(JOB, 1, None))
    assert heard(slack) == []


@pytest.mark.parametrize(
    ("job", "minutes", "words"),
    [
        (ASK, 2.1, "your command waited for more than 2 min and was not run; type it again"),
        (JOB, 16, "your command waited for more than 15 min and was not run; type it again"),
    ],
    ids=["ask", "change"],
)
def test_a_command_that_waited_too_long_is_told_and_not_run(job, minutes, words, slack, worker):
    ran = []
    old = replace(job, at=NOON - timedelta(minutes=minutes))

    worker(ran.append).perform(Running(old, 1, None))

    assert ran == []
    assert words in heard(slack)[0]


@pytest.mark.parametrize(("job", "minutes"), [(ASK, 1.9), (JOB, 14)], ids=["ask", "change"])
def test_a_command_that_waited_a_little_is_run(job, minutes, slack, worker):
    ran = []
    running = Running(replace(job, at=NOON - timedelta(minutes=minutes)), 1, Fence("k", 3, "w"))

    worker(ran.append).perform(running)

    assert ran == [running]
    assert heard(slack) == []


BUSY = ForgeBusyError("writing to GitHub: its 80 writes a minute are used up", 41.2)
WAITS = "GitHub's limit on writes is used up; your command runs by itself in about 42 s"
REFUSED = "its 80 writes a minute are used up; try again in 42 s"


@pytest.mark.parametrize(
    ("job", "age", "put_off", "line"),
    [
        (JOB, 0, False, WAITS),
        (JOB, 300, True, None),
        (JOB, 900 - 41.2, False, WAITS),
        (JOB, 900 - 41.2, True, None),
        (JOB, 900 - 41, False, REFUSED),
        (JOB, 900 - 41, True, REFUSED),
        (ASK, 0, False, REFUSED),
    ],
    ids=["new", "again", "just", "just-again", "too-old", "too-old-again", "ask"],
)
def test_a_change_that_finds_github_busy_is_put_off_and_told_once_while_it_is_young(
    job, age, put_off, line, slack, worker
):
    made = worker(refuse(BUSY))
    old = replace(job, at=NOON - timedelta(seconds=age))

    until = made.perform(Running(old, 1, None, put_off))

    waits = line != REFUSED
    assert until == (PutOff(slack.time.monotonic() + 41.2, slack.time) if waits else None)
    assert [line in text for text in heard(slack)] == ([True] if line else [])


def test_a_wait_of_no_time_is_a_second_so_that_a_lane_does_not_spin(slack, worker):
    until = worker(refuse(ForgeBusyError("x", 0.0))).perform(Running(JOB, 1, None))

    assert until == PutOff(slack.time.monotonic() + 1, slack.time)


def counted(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_change_that_was_put_off_is_counted_when_it_ends_and_its_wait_once(slack, worker):
    def counts():
        ended = [
            counted("leadline_commands_total", act="deploy", outcome=outcome)
            for outcome in ("done", "refused")
        ]
        return (*ended, counted("leadline_command_wait_seconds_count", lane="change"))

    before = counts()
    worker(refuse(BUSY)).perform(Running(JOB, 1, None))
    between = counts()
    worker(lambda running: None).perform(Running(JOB, 1, None, put_off=True))

    assert [a - b for a, b in zip(between, before, strict=True)] == [0, 0, 1]
    assert [a - b for a, b in zip(counts(), before, strict=True)] == [1, 0, 1]


def test_a_question_that_had_begun_is_not_asked_again(slack, worker):
    ran = []

    worker(ran.append).perform(Running(ASK, 2, None))

    assert ran == []
    assert "your question was interrupted; ask again" in heard(slack)[0]


def test_a_change_that_had_begun_goes_on_however_late(slack, worker):
    ran = []
    running = Running(replace(JOB, at=NOON - timedelta(days=1)), 2, None)

    worker(ran.append).perform(running)

    assert ran == [running]


def test_a_broken_command_is_told_with_its_reference(slack, worker):
    worker(print).broken(JOB)

    assert "Something broke (ref abc)" in heard(slack)[0]


def test_what_slack_does_not_take_is_in_the_log(slack, worker, caplog):
    elsewhere = replace(JOB, channel="C0NOWHERE")

    worker(print).broken(elsewhere)

    assert "unsaid ref=abc" in caplog.text


def test_only_changes_have_a_deployment_of_their_own(worker):
    made = worker(print)

    assert (made.key(JOB), made.key(ASK)) == ("q", None)


@pytest.fixture
def redis_url():
    with serving_redis() as url:
        yield url


def test_a_worker_runs_both_lanes_with_a_fence_for_changes_until_it_is_stopped(worker, redis_url):
    ran, stop, both = {}, threading.Event(), threading.Event()

    def command(running):
        ran[running.job.id] = running
        if len(ran) == 2:
            both.set()

    queue = RedisQueue.connect(redis_url)
    queue.put(replace(JOB, id="change"))
    queue.put(replace(ASK, id="ask"))
    claims = RedisClaims.connect(redis_url, "w1")
    hall = Hall("w1", claims, claims, RedisLocks.connect(redis_url))
    pace = Pace(idle=0.1)
    made = worker(command, hall, {Lane.CHANGE: pace, Lane.ASK: pace})
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    assert both.wait(10)
    stop.set()
    thread.join(10)

    assert ran["ask"].fence is None
    assert (ran["change"].fence.key, ran["change"].tries) == ("q", 1)
    assert not thread.is_alive()


def test_a_lane_that_fails_ends_the_worker(worker, redis_url):
    claims = RedisClaims.connect(redis_url, "w1")
    hall = Hall("w1", claims, claims, RedisLocks.connect(redis_url))

    with pytest.raises(KeyError):  # the lane of asks was given no pace
        worker(print, hall, {Lane.CHANGE: Pace(idle=0.1)}).run(threading.Event())


def test_a_change_that_finds_github_busy_runs_by_itself_when_there_is_room(
    slack, worker, redis_url
):
    ran, stop, told, done = [], threading.Event(), threading.Event(), threading.Event()

    def command(running):
        ran.append((running.job.id, running.tries))
        if running.job.id == "late":
            done.set()
        elif running.job.id == "other":
            told.set()
        elif slack.time.monotonic() < 41:
            raise BUSY

    queue = RedisQueue.connect(redis_url)
    for name, text in (("busy", "deploy q"), ("late", "deploy q"), ("other", "deploy r")):
        queue.put(replace(JOB, id=name, text=text))
    claims = RedisClaims.connect(redis_url, "w1")
    hall = Hall("w1", claims, claims, RedisLocks.connect(redis_url))
    pace = Pace(threads=1, idle=0.1)
    made = worker(command, hall, {Lane.CHANGE: pace, Lane.ASK: pace})
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    assert told.wait(10)
    before = list(ran)
    slack.time.advance(42)
    assert done.wait(10)
    stop.set()
    thread.join(10)

    assert before == [("busy", 1), ("other", 1)]
    assert ran == [*before, ("busy", 1), ("late", 1)]
    assert [WAITS in text for text in heard(slack)] == [True]
