"""A Redis that is emptied at any moment: lanes go on by themselves, and nobody waits in vain.

Over fakeredis and a real redis-server.
"""

import threading
import time
from dataclasses import replace

import pytest

from bot.commands.work import PutOff
from bot.errors import LostError, StaleError
from bot.store import Lane
from bot.store.claims import RedisClaims
from bot.store.connection import WORKER
from bot.store.queue import RedisQueue
from bot.store.redis import RedisStore
from tests.adapters.conftest import real_redis
from tests.adapters.lane_worker import proposal
from tests.adapters.test_store_kill_points import MOST, ambush
from tests.adapters.test_store_lanes import QUICK, Scribe, change, lane
from tests.adapters.test_store_put_off import Putting
from tests.adapters.test_store_queue import NOON
from tests.engine.raw import until

BOUND = 5.0
"""Seconds after which a command that was put when Redis was empty must have ended."""


class Witness(Scribe):
    """Knows what came into a worker's hands."""

    def __init__(self, act=lambda running: None):
        super().__init__(act)
        self.held = set()

    def key(self, job):
        self.held.add(job.id)
        return super().key(job)


CALLS = {
    "inherit": lambda claims, taken: claims.inherit(Lane.CHANGE),
    "take": lambda claims, taken: claims.take(Lane.CHANGE, 1, 0),
    "take and wait": lambda claims, taken: claims.take(Lane.CHANGE, 1, 0.5),
    "adopt": lambda claims, taken: claims.adopt(Lane.CHANGE, 1, ()),
    "line": lambda claims, taken: claims.line(Lane.CHANGE)[1:],
    "renew": lambda claims, taken: claims.renew(taken),
    "begin": lambda claims, taken: claims.begin(taken, "a", NOON),
    "end": lambda claims, taken: claims.end(taken),
    "park": lambda claims, taken: claims.park(taken, "x"),
    "give back": lambda claims, taken: claims.give_back(taken),
    "excuse": lambda claims, taken: claims.excuse(taken),
}
OF_A_JOB = {"renew", "begin", "end", "park", "give back", "excuse"}


@pytest.mark.parametrize("put", ["before", "after"])
@pytest.mark.parametrize("name", CALLS)
def test_after_any_call_that_finds_redis_empty_the_next_command_is_taken_once(
    name, put, redis_url, queue, raw
):
    claims = RedisClaims.connect(redis_url, "w1")
    claims.inherit(Lane.CHANGE)
    queue.put(change(1))
    [taken] = claims.take(Lane.CHANGE, 1, 0)
    raw.flushall()
    if put == "before":
        queue.put(change(2))

    if name in OF_A_JOB:
        with pytest.raises(LostError, match="job-1: Redis was emptied and has lost it"):
            CALLS[name](claims, taken)
        found = []
    else:
        found = [*CALLS[name](claims, taken)]
    if put == "after":
        queue.put(change(2))

    found += claims.take(Lane.CHANGE, 5, 1.0) if not found else []
    assert [each.job.id for each in found] == ["job-2"]
    assert not claims.take(Lane.CHANGE, 5, 0)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lane_whose_redis_is_emptied_at_any_call_runs_what_is_put_afterwards(
    moment, redis_url, queue, raw
):
    numbers = []
    for number in range(1, MOST):
        numbers.append(number)
        if not emptied_at(redis_url, queue, raw, number, moment):
            break

    assert 8 < len(numbers) < MOST - 1


def emptied_at(url, queue, raw, number, moment):
    """Let a lane do a job and empty Redis at a call; say whether it came to that."""
    work, before, after = Witness(), change(2 * number, "m"), change(2 * number + 1, "m")
    queue.put(before)
    with ambush(url, number, moment, raw.flushall) as trap, lane(trap.url, work):
        while not trap.struck.wait(0.01) and queue.depth(Lane.CHANGE).jobs:
            pass
        struck = trap.struck.wait(0.05)  # it may have been the job's very last call
        if not struck:
            return False
        began = time.monotonic()
        queue.put(after)
        assert work.wait("end", after.id)
        assert time.monotonic() - began < BOUND
        assert before.id not in work.held or heard_of(work, before.id)
    assert work.lines.count(("begin", after.id)) == 1
    assert work.lines.count(("begin", before.id)) <= 1
    assert work.told.count(before.id) <= 1
    return True


def heard_of(work, job):
    """Wait until a job has ended or its person was told that it was lost; the lane renews it."""
    with work.wrote:
        ends = {("end", job), ("lost", job)}
        return work.wrote.wait_for(lambda: ends & set(work.lines), BOUND)


def test_a_job_that_runs_while_redis_is_emptied_ends_once_and_before_the_next_of_its_deployment(
    redis_url, queue, raw
):
    go = threading.Event()
    work = Scribe(lambda running: running.job.id == "job-1" and go.wait(20))
    queue.put(change(1, "m"))
    with lane(redis_url, work):
        assert work.wait("begin", "job-1")
        raw.flushall()
        queue.put(change(2, "m"))
        queue.put(change(3, "other"))
        assert work.wait("end", "job-3")
        assert ("begin", "job-2") not in work.lines
        go.set()
        assert work.wait("end", "job-2")

    assert work.lines.index(("end", "job-1")) < work.lines.index(("begin", "job-2"))
    assert work.lines.count(("begin", "job-1")) == 1
    assert work.told == []


def test_a_job_that_cannot_write_any_more_since_redis_was_emptied_is_told_and_not_run_again(
    redis_url, queue, raw
):
    go, refused = threading.Event(), []

    def act(running):
        if running.job.id == "job-1":
            assert go.wait(20)
            try:
                RedisStore.connect(redis_url).propose(proposal("m", "w1"), running.fence)
            except StaleError as error:
                refused.append(str(error))
                raise

    work = Scribe(act)
    queue.put(change(1, "m"))
    with lane(redis_url, work):
        assert work.wait("begin", "job-1")
        raw.flushall()
        go.set()
        assert work.wait("lost", "job-1")
        queue.put(change(2, "m"))
        assert work.wait("end", "job-2")

    assert len(refused) == 1
    assert work.lines.count(("begin", "job-1")) == 1
    assert work.told == ["job-1"]
    assert [*RedisStore.connect(redis_url).proposals()] == []


def test_jobs_that_wait_in_hand_are_told_when_redis_was_emptied(redis_url, queue, raw):
    go = threading.Event()
    work = Witness(lambda running: go.wait(20))
    for number in (1, 2):
        queue.put(change(number, "m"))
    with lane(redis_url, work):
        assert work.wait("begin", "job-1")
        queue.put(change(3))  # taken after the second one, so that is in hand when this begins
        assert work.wait("begin", "job-3")
        raw.flushall()
        assert work.wait("lost", "job-2")
        go.set()
        assert work.wait("end", "job-1")

    assert ("begin", "job-2") not in work.lines
    assert work.told == ["job-2"]


def test_a_job_that_was_put_off_is_told_when_redis_was_emptied(redis_url, queue, raw):
    work = Putting()
    queue.put(change(1, "busy"))
    with lane(redis_url, work, pace=replace(QUICK, look=60)):
        assert work.wait("begin", "job-1")
        raw.flushall()
        assert work.wait("lost", "job-1")

    assert work.lines.count(("begin", "job-1")) == 1
    assert work.told == ["job-1"]


def test_a_job_that_is_put_off_after_redis_was_emptied_is_told(redis_url, queue, raw):
    def put_off(running):
        raw.flushall()
        return PutOff(work.time.monotonic() + 60, work.time)

    work = Putting()
    work.perform = put_off
    queue.put(change(1, "busy"))
    with lane(redis_url, work, pace=replace(QUICK, renew=60)):
        assert work.wait("lost", "job-1")

    assert work.told == ["job-1"]


def test_a_bug_in_telling_of_a_lost_job_costs_no_thread(redis_url, queue, raw, caplog):
    def act(running):
        if running.job.id == "job-1":
            raw.flushall()
            raise StaleError("overtaken")

    def lost(job):
        work.write("lost", job.id)
        raise BrokenPipeError("stdout is gone")

    work = Scribe(act)
    work.lost = lost
    queue.put(change(1, "m"))
    with lane(redis_url, work, pace=replace(QUICK, threads=1, renew=60)):
        assert work.wait("lost", "job-1")
        queue.put(change(2, "m"))
        assert work.wait("end", "job-2")

    assert "untold ref=job-1" in caplog.text


def test_while_slack_is_slow_to_hear_of_a_lost_job_the_lane_goes_on(tmp_path, caplog):
    away, go = threading.Event(), threading.Event()
    work = Putting()

    def perform(running):
        work.write("begin", running.job.id)
        if running.job.id == "job-1":
            assert away.wait(20)
            return PutOff(work.time.monotonic() + 60, work.time)
        return None

    def lost(job):
        assert go.wait(20)
        work.write("lost", job.id)

    work.perform, work.lost = perform, lost
    with real_redis(tmp_path, "--save", "") as server:
        queue = RedisQueue.connect(server.url, WORKER)
        queue.put(change(1, "m"))
        with lane(server.url, work, pace=replace(QUICK, renew=60)):
            assert work.wait("begin", "job-1")
            server.kill()
            away.set()
            assert until(lambda: "unclosed ref=job-1" in caplog.text, 20)
            server.start()
            queue.put(change(2, "n"))
            assert work.wait("begin", "job-2")
            assert ("lost", "job-1") not in work.lines
            go.set()
            assert work.wait("lost", "job-1")
