"""Jobs put off, over fakeredis and a real redis-server: no thread held, no try or place lost."""

import logging
import threading
from dataclasses import replace

import pytest

from bot.commands.work import PutOff
from bot.errors import StaleError
from bot.store import Lane
from bot.store.claims import RedisClaims
from bot.store.holding import Begun
from sandbox.clock import Time
from tests.adapters.test_store_lanes import QUICK, Scribe, change, lane, renewals
from tests.adapters.test_store_queue import NOON

WAIT = 60.0


class Putting(Scribe):
    """Puts off the jobs of the deployment `busy`, so many times each, by a clock that stands."""

    def __init__(self, times=1):
        super().__init__()
        self.times = times
        self.time = Time(rate=0)
        self.tries = []

    def perform(self, running):
        if not running.job.text.startswith("deploy busy"):
            return super().perform(running)
        self.tries.append((running.begun.tries, running.begun.put_off))
        begun = self.lines.count(("begin", running.job.id))
        self.write("begin", running.job.id)
        if begun < self.times:
            return PutOff(self.time.monotonic() + WAIT, self.time)
        self.write("end", running.job.id)
        return None

    def wait_moving(self, *line, times=1):
        """Move the time on until a line was written; a job may be put off after one move."""
        with self.wrote:
            for _ in range(1000):
                if self.wrote.wait_for(lambda: self.lines.count(line) >= times, 0.05):
                    return True
                self.time.advance(WAIT)
        return False


def test_a_job_that_is_put_off_waits_without_a_thread_and_before_the_next_of_its_deployment(
    redis_url, queue
):
    work = Putting()
    queue.put(change(1, "busy"))
    queue.put(change(2, "busy"))
    with lane(redis_url, work, pace=replace(QUICK, threads=1)):
        assert work.wait("begin", "job-1")
        queue.put(change(3, "other"))
        assert work.wait("end", "job-3")
        assert ("begin", "job-2") not in work.lines
        work.time.advance(WAIT - 1)
        queue.put(change(4, "other"))
        assert work.wait("end", "job-4")
        assert work.lines.count(("begin", "job-1")) == 1
        work.time.advance(1)
        assert work.wait("begin", "job-2")

    ended = work.lines.index(("end", "job-1"))
    assert ended < work.lines.index(("begin", "job-2"))


def test_however_often_a_job_is_put_off_it_is_not_parked(redis_url, queue, raw):
    work = Putting(times=QUICK.tries + 2)
    queue.put(change(1, "busy"))
    with lane(redis_url, work):
        for number in range(QUICK.tries + 2):
            assert work.wait_moving("begin", "job-1", times=number + 2)
        assert work.wait("end", "job-1")

    assert work.tries == [(1, False)] + [(1, True)] * (QUICK.tries + 2)
    assert (work.told, raw.xlen("leadline:parked")) == ([], 0)


def test_many_jobs_that_are_put_off_and_those_behind_them_leave_room_for_others(redis_url, queue):
    work = Putting()
    pace = replace(QUICK, threads=2, ahead=3)
    numbers = range(12)
    for number in numbers:
        queue.put(change(number, f"busy{number % 6}"))
    with lane(redis_url, work, pace=pace):
        queue.put(change(90, "other"))
        assert work.wait("end", "job-90")
        assert not any(("end", f"job-{number}") in work.lines for number in numbers)
        assert all(work.wait_moving("end", f"job-{number}") for number in numbers)


def test_what_a_worker_put_off_before_it_stopped_another_tries_at_once_and_knows_it_was_told(
    redis_url, queue
):
    work, after = Putting(), Putting(times=0)
    queue.put(change(1, "busy"))
    with lane(redis_url, work):
        assert work.wait("begin", "job-1")
    with lane(redis_url, after, "w2"):
        assert after.wait("end", "job-1")

    assert after.tries == [(1, True)]


def test_what_a_worker_put_off_before_it_died_the_next_tries_and_knows_that_it_was_told(
    redis_url, queue
):
    queue.put(change(1, "busy"))
    dead = RedisClaims.connect(redis_url, "w1")
    dead.inherit(Lane.CHANGE)
    [taken] = dead.take(Lane.CHANGE, 1, 0)
    dead.begin(taken, "a", NOON)
    dead.excuse(taken)
    work = Putting(times=0)
    with lane(redis_url, work, "w1"):
        assert work.wait("end", "job-1")

    assert work.tries == [(1, True)]


def test_that_a_job_was_put_off_is_known_until_its_end(redis_url, queue, raw):
    queue.put(change(1, "busy"))
    begun = []
    for attempt in "ab":
        claims = RedisClaims.connect(redis_url, "w1")
        [taken] = claims.inherit(Lane.CHANGE) or claims.take(Lane.CHANGE, 1, 0)
        begun.append(claims.begin(taken, attempt, NOON))
        claims.excuse(taken)
    claims.end(taken)

    assert begun == [Begun(1, NOON), Begun(1, NOON, again=True, put_off=True)]
    assert raw.hgetall("leadline:tries:change") == {}


def test_a_job_in_other_hands_is_not_put_off_and_its_tries_stay(redis_url, queue, raw):
    queue.put(change(1, "busy"))
    older = RedisClaims.connect(redis_url, "w1")
    older.inherit(Lane.CHANGE)
    [taken] = older.take(Lane.CHANGE, 1, 0)
    older.begin(taken, "a", NOON)
    RedisClaims.connect(redis_url, "w1").inherit(Lane.CHANGE)

    with pytest.raises(StaleError, match="putting a command off"):
        older.excuse(taken)
    assert raw.hget("leadline:tries:change", taken.receipt) == "1"
    assert not raw.hexists("leadline:tries:change", f"told:{taken.receipt}")


def test_a_put_off_job_is_renewed_so_that_no_other_worker_takes_it(redis_url, queue, raw):
    work = Putting()
    queue.put(change(1, "busy"))
    with lane(redis_url, work, pace=replace(QUICK, look=60)):
        assert work.wait("begin", "job-1")
        assert renewals(raw, 3)

    assert work.lines == [("begin", "job-1")]


class Dawdling(logging.Handler):
    """A log whose reader is slow: the line of a job put off waits for its next beginning."""

    def __init__(self, work):
        super().__init__()
        self.work = work

    def emit(self, record):
        if "put off" in record.getMessage():
            with self.work.wrote:
                self.work.wrote.wait_for(lambda: len(self.work.lines) > 1, 0.5)


def test_a_job_whose_time_has_come_before_it_is_laid_by_does_not_run_twice_at_once(
    redis_url, queue, caplog
):
    go, work = threading.Event(), Putting()

    def perform(running):
        work.write("begin", running.job.id)
        if work.lines.count(("begin", running.job.id)) == 1:
            return PutOff(work.time.monotonic(), work.time)
        assert go.wait(20)
        work.write("end", running.job.id)
        return None

    work.perform = perform
    caplog.set_level(logging.INFO)
    log, dawdling = logging.getLogger("bot.commands.lanes"), Dawdling(work)
    log.addHandler(dawdling)
    try:
        queue.put(change(1, "m"))
        with lane(redis_url, work):
            assert work.wait("begin", "job-1", times=2)
            with work.wrote:
                assert not work.wrote.wait_for(lambda: len(work.lines) > 2, 1)
            go.set()
            assert work.wait("end", "job-1")
    finally:
        log.removeHandler(dawdling)

    assert work.lines.count(("begin", "job-1")) == 2
