"""Lanes over fakeredis and a real redis-server: order, renewal, poison, outages, the end."""

import contextlib
import json
import threading
import time
from dataclasses import replace

import redis

from bot.commands.hand import first_of_each, place, remembered
from bot.commands.lanes import LaneReader
from bot.commands.pace import Pace
from bot.errors import StaleError
from bot.store import Lane, Taken
from bot.store.claims import RedisClaims
from bot.store.connection import WORKER
from bot.store.holding import Hall
from bot.store.locks import RedisLocks
from bot.store.queue import RedisQueue
from tests.adapters.test_store_queue import JOB, NOON
from tests.engine.raw import until

QUICK = Pace(threads=3, renew=0.1, look=0.1, idle=0.2, blocked=0.01, again=0.01, grace=0.3)


class Scribe:
    """Writes down what begins and ends; `act` is what a job does. Its words name a deployment."""

    def __init__(self, act=lambda running: None):
        self.act = act
        self.told = []
        self.lines = []
        self.wrote = threading.Condition()

    def now(self):
        return NOON

    def key(self, job):
        return job.text.partition(" ")[2] or None

    def perform(self, running):
        self.write("begin", running.job.id)
        self.act(running)
        self.write("end", running.job.id)

    def broken(self, job):
        self.told.append(job.id)
        self.write("broken", job.id)

    def lost(self, job):
        self.told.append(job.id)
        self.write("lost", job.id)

    def write(self, *line):
        with self.wrote:
            self.lines.append(line)
            self.wrote.notify_all()

    def wait(self, *line, times=1):
        """Wait until a line was written so many times."""
        with self.wrote:
            return self.wrote.wait_for(lambda: self.lines.count(line) >= times, 20)


@contextlib.contextmanager
def lane(url, work, name="w1", pace=QUICK, which=Lane.CHANGE, patience=WORKER):
    """Run a lane for the length of a `with` block."""
    claims = RedisClaims.connect(url, name, 60.0, patience)
    reader = LaneReader(which, Hall(name, claims, claims, RedisLocks.connect(url)), work, pace)
    stop = threading.Event()
    thread = threading.Thread(target=reader.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def change(number, deployment=""):
    return replace(JOB, id=f"job-{number}", text=f"deploy {deployment}".strip())


def test_the_first_of_each_deployment_in_a_line_is_the_one_that_may_run():
    line = [Taken(change(n, d), f"5-{n}") for n, d in enumerate(["a", "b", "a", "", "b"])]

    assert first_of_each(line, Scribe().key) == {"a": "5-0", "b": "5-1"}


def test_receipts_sort_as_numbers():
    assert sorted(["9-10", "10-0", "9-9"], key=place) == ["9-9", "9-10", "10-0"]


def test_changes_of_one_deployment_run_one_by_one_in_their_order(redis_url, queue):
    work = Scribe()
    jobs = [change(number, f"m{number % 3}") for number in range(24)]
    for job in jobs:
        queue.put(job)
    with lane(redis_url, work, "w1"), lane(redis_url, work, "w2"):
        assert all(work.wait("end", job.id) for job in jobs)

    for each in range(3):
        mine = [job.id for job in jobs if job.text == f"deploy m{each}"]
        lines = [line for line in work.lines if line[1] in mine]
        assert lines == [(what, name) for name in mine for what in ("begin", "end")]


def test_a_deployment_that_takes_long_does_not_hold_back_another(redis_url, queue):
    go = threading.Event()
    work = Scribe(lambda running: running.job.text == "deploy slow" and go.wait(20))
    for number in range(6):
        queue.put(change(number, "slow"))
    queue.put(change(9, "other"))
    with lane(redis_url, work):
        assert work.wait("end", "job-9")
        assert ("end", "job-0") not in work.lines
        go.set()
        assert work.wait("end", "job-5")


def test_asks_that_take_long_do_not_hold_back_a_change(redis_url, queue):
    go = threading.Event()
    work = Scribe(lambda running: running.job.lane is Lane.ASK and go.wait(20))
    for number in range(5):
        queue.put(replace(JOB, id=f"ask-{number}", lane=Lane.ASK, text="ask"))
    with lane(redis_url, work, which=Lane.ASK), lane(redis_url, work):
        assert work.wait("begin", "ask-2")
        queue.put(change(1))
        assert work.wait("end", "job-1")
        go.set()
        assert work.wait("end", "ask-4")


def test_a_change_that_raises_three_times_is_parked_told_once_and_the_next_one_runs(
    redis_url, queue, raw, caplog
):
    def act(running):
        if running.job.id == "job-1":
            raise ValueError("poison")

    work = Scribe(act)
    queue.put(change(1, "m"))
    queue.put(change(2, "m"))
    with lane(redis_url, work):
        assert work.wait("end", "job-2")

    assert work.lines.count(("begin", "job-1")) == 3
    assert work.told == ["job-1"]
    assert [fields["reason"] for _, fields in raw.xrange("leadline:parked")] == [
        "ValueError: poison"
    ]
    assert "broken ref=job-1 try=3" in caplog.text


def test_a_change_that_killed_its_worker_three_times_is_parked_without_being_run(
    redis_url, queue, raw
):
    queue.put(change(1))
    for number in range(3):
        claims = RedisClaims.connect(redis_url, "w1")
        claims.inherit(Lane.CHANGE)
        [taken] = claims.take(Lane.CHANGE, 1, 0) or claims.line(Lane.CHANGE)
        claims.begin(taken, f"try-{number}", NOON)
    work = Scribe()
    with lane(redis_url, work):
        assert work.wait("broken", "job-1")
        queue.put(change(2))
        assert work.wait("end", "job-2")

    assert ("begin", "job-1") not in work.lines
    assert raw.xlen("leadline:parked") == 1


def test_a_change_whose_parking_kills_its_worker_too_is_parked_in_silence(redis_url, queue, raw):
    queue.put(change(1))
    for number in range(4):
        claims = RedisClaims.connect(redis_url, "w1")
        claims.inherit(Lane.CHANGE)
        [taken] = claims.take(Lane.CHANGE, 1, 0) or claims.line(Lane.CHANGE)
        claims.begin(taken, f"try-{number}", NOON)
    queue.put(change(2))
    work = Scribe()
    with lane(redis_url, work, pace=replace(QUICK, threads=1)):
        assert work.wait("end", "job-2")

    assert work.told == []
    assert raw.xlen("leadline:parked") == 1


def test_an_ask_that_raises_is_parked_at_once_and_no_log_has_its_words(
    redis_url, queue, raw, caplog
):
    def act(running):
        raise ValueError(running.job.text)

    work = Scribe(act)
    queue.put(replace(JOB, lane=Lane.ASK, text="ask q our merger", response_url="https://x/merger"))
    with lane(redis_url, work, which=Lane.ASK):
        assert work.wait("broken", "abc")
        assert emptied(queue, Lane.ASK)

    assert work.lines.count(("begin", "abc")) == 1
    [(_, parked)] = raw.xrange("leadline:parked")
    assert (parked["reason"], json.loads(parked["job"])["text"]) == ("ValueError", "ask")
    assert "broken ref=abc try=1" in caplog.text
    assert "in act" in caplog.text  # where it broke
    assert "merger" not in caplog.text + str(parked)


def test_a_job_without_a_key_that_can_be_found_does_not_stop_its_lane(redis_url, queue):
    class Puzzled(Scribe):
        def key(self, job):
            return ("m", "n")[int(job.id[-1])]

    work = Puzzled()
    queue.put(change(7))
    queue.put(change(1))
    with lane(redis_url, work):
        assert work.wait("end", "job-7")
        assert work.wait("end", "job-1")


def test_a_running_job_is_renewed(redis_url, queue, raw):
    go = threading.Event()
    work = Scribe(lambda running: go.wait(20))
    queue.put(change(1, "m"))
    with lane(redis_url, work, pace=replace(QUICK, look=60)):
        assert work.wait("begin", "job-1")
        assert renewals(raw, 2)
        go.set()


def renewals(raw, times):
    """Wait until a pending job's idle time has fallen so many times."""
    before, seen, end = 0, 0, time.monotonic() + 20
    while seen < times and time.monotonic() < end:
        [entry] = raw.xpending_range("leadline:jobs:change", "workers", "-", "+", 1)
        idle = entry["time_since_delivered"]
        seen, before = seen + (idle < before), idle
    return seen == times


def test_a_stop_waits_for_what_ends_soon_and_gives_back_the_rest(redis_url, queue):
    go = threading.Event()
    work = Scribe(lambda running: running.job.id == "job-1" and go.wait(20))
    queue.put(change(1, "m"))
    queue.put(change(2, "m"))
    with lane(redis_url, work):
        assert work.wait("begin", "job-1")
    after = Scribe()
    with lane(redis_url, after, "w2"):
        assert after.wait("end", "job-2")
        go.set()

    assert after.lines == [(w, j) for j in ("job-1", "job-2") for w in ("begin", "end")]


def test_what_a_worker_says_after_it_was_overtaken_is_not_taken_for_the_end(redis_url, queue):
    tries = []

    def act(running):
        tries.append(running.begun.tries)
        if len(tries) == 1:
            raise StaleError("keeping a proposal: another worker has taken over")

    work = Scribe(act)
    queue.put(change(1, "m"))
    with lane(redis_url, work):
        assert work.wait("end", "job-1")

    assert tries == [1, 2]


def test_a_job_that_ended_while_redis_was_away_is_closed_later_and_not_run_again(redis_server):
    away = threading.Event()
    work = Scribe(lambda running: running.job.id == "job-1" and away.wait(20))
    queue = RedisQueue.connect(redis_server.url, WORKER)
    queue.put(change(1))
    with lane(redis_server.url, work):
        assert work.wait("begin", "job-1")
        redis_server.kill()
        away.set()
        assert work.wait("end", "job-1")
        redis_server.start()
        queue.put(change(2))
        assert work.wait("end", "job-2")
        assert emptied(queue)

    assert work.lines.count(("begin", "job-1")) == 1


def emptied(queue, which=Lane.CHANGE):
    """Wait until no job is left; there is nothing else that tells of it."""
    pause, end = threading.Event(), time.monotonic() + 30
    while queue.depth(which).jobs and time.monotonic() < end:
        pause.wait(0.02)
    return queue.depth(which).jobs == 0


class Buggy(RedisClaims):
    """Has a bug the first time that a job ends."""

    def __init__(self, *args):
        super().__init__(*args)
        self.bugs = ["a bug"]

    def end(self, taken):
        if self.bugs:
            raise ValueError(self.bugs.pop())
        super().end(taken)


def test_a_bug_in_closing_a_job_costs_no_thread_and_it_is_taken_up_anew(redis_url, queue, caplog):
    work, stop = Scribe(), threading.Event()
    claims = Buggy.connect(redis_url, "w1")
    hall = Hall("w1", claims, claims, RedisLocks.connect(redis_url))
    reader = LaneReader(Lane.CHANGE, hall, work, replace(QUICK, threads=1))
    queue.put(change(1, "m"))
    thread = threading.Thread(target=reader.run, args=(stop,))
    thread.start()
    try:
        assert work.wait("end", "job-1", times=2)
        assert emptied(queue)
    finally:
        stop.set()
        thread.join()

    assert "unclosed ref=job-1" in caplog.text


def test_a_job_that_was_lost_and_came_back_is_not_run_without_the_lock(
    redis_url, queue, raw, caplog
):
    go, fences = threading.Event(), []

    def act(running):
        if running.job.id == "job-2":
            fences.append(running.fence)
        elif running.job.id == "job-1":
            assert go.wait(20)

    work, locks = Scribe(act), RedisLocks.connect(redis_url)
    queue.put(change(1, "slow"))
    queue.put(change(2, "z"))
    before = RedisClaims.connect(redis_url, "w1")
    before.inherit(Lane.CHANGE)
    [_, second] = [taken.receipt for taken in before.take(Lane.CHANGE, 2, 0)]
    with lane(redis_url, work, pace=replace(QUICK, threads=1)):
        assert work.wait("begin", "job-1")
        move = ("leadline:jobs:change", "workers", "other:1", 0, [second])
        raw.xclaim(*move)
        assert until(lambda: "not ours any more ref=job-2" in caplog.text, 20)
        raw.xclaim(*move, idle=60_001, justid=True)
        assert until(lambda: owner(raw, second).startswith("w1:"), 20)
        fence = locks.acquire("z", "somebody else", 600)
        go.set()
        queue.put(change(3))
        assert work.wait("end", "job-3")
        assert fences == []
        locks.release(fence)
        assert work.wait("end", "job-2")

    assert [fence.key for fence in fences] == ["z"]


def owner(raw, receipt):
    found = raw.xpending_range("leadline:jobs:change", "workers", receipt, receipt, 1)
    return found[0]["consumer"] if found else ""


def test_a_lane_without_room_waits_as_long_as_one_with_room(redis_server):
    url = redis_server.url
    queue = RedisQueue.connect(url, WORKER)
    for number in range(12):
        queue.put(change(number, "m"))
    before = RedisClaims.connect(url, "w1")
    before.inherit(Lane.CHANGE)
    assert len(before.take(Lane.CHANGE, 12, 0)) == 12
    assert RedisLocks.connect(url).acquire("m", "somebody else", 600)
    pace = Pace(threads=2, ahead=4, blocked=1.0, look=0.1)
    with redis.Redis.from_url(url, socket_timeout=5) as raw, lane(url, Scribe(), pace=pace):
        threading.Event().wait(0.5)
        began = raw.info("stats")["total_commands_processed"]
        threading.Event().wait(2)
        calls = raw.info("stats")["total_commands_processed"] - began

    assert calls <= 90  # 10 looks a second, of three calls


def test_no_log_has_the_words_of_a_question_whose_deployment_cannot_be_told(caplog):
    def find(job):
        raise ValueError(job.text)

    assert remembered(find)(replace(JOB, text="what is our merger")) is None
    assert "no key ref=abc" in caplog.text
    assert "merger" not in caplog.text


def test_an_idle_lane_asks_redis_a_few_times_a_second(redis_server):
    url = redis_server.url
    with redis.Redis.from_url(url, socket_timeout=5) as raw, lane(url, Scribe(), pace=Pace()):
        before = raw.info("stats")["total_commands_processed"]
        threading.Event().wait(2)
        calls = raw.info("stats")["total_commands_processed"] - before

    assert calls <= 20
