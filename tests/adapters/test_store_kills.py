"""Workers as processes, killed and paused, over fakeredis and a real redis-server; Redis killed."""

import contextlib
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from bot.errors import StoreUnavailableError, StoreUncertainError
from bot.store import Lane
from bot.store.connection import WORKER
from bot.store.queue import RedisQueue
from bot.store.redis import RedisStore
from tests.adapters.test_store_lanes import Scribe, change, emptied, lane
from tests.adapters.test_store_queue import JOB

SCRIPT = Path(__file__).with_name("lane_worker.py")
NEVER = 60.0
"""Seconds of silence after which a job is taken over, where no test waits for that."""

SOON = 2.0


class Crew:
    """Workers as processes, by name."""

    def __init__(self, url):
        self.url = url
        self.processes = {}

    def start(self, name, silence):
        self.processes[name] = subprocess.Popen(
            [sys.executable, str(SCRIPT), self.url, name, str(silence)]
        )

    def signal(self, name, number):
        self.processes[name].send_signal(number)

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()


@contextlib.contextmanager
def workers(url, *names):
    """Run workers; end what is left of them."""
    made = Crew(url)
    try:
        for name in names:
            made.start(name, NEVER)
        yield made
    finally:
        for name in list(made.processes):
            made.kill(name)


def reading(url):
    return redis.Redis.from_url(url, decode_responses=True, socket_timeout=30)


@pytest.fixture
def crew(redis_url):
    with workers(redis_url) as made:
        yield made


@pytest.fixture
def raw(redis_url):
    with reading(redis_url) as client:
        yield client


def do(number, verb="do", deployment="m"):
    return replace(JOB, id=f"job-{number}", text=f"{verb} {deployment}")


def begun(raw):
    """Wait until a worker begins a job; return its name."""
    return (raw.blpop(["begun"], 20) or ("", "nobody"))[1]


@pytest.mark.parametrize("successor", ["w1", "w2"])
def test_a_job_whose_worker_was_killed_in_the_middle_is_finished_by(successor, crew, queue, raw):
    queue.put(do(1, "hold"))
    silence = NEVER if successor == "w1" else SOON
    crew.start("w1", silence)
    assert begun(raw) == "w1"
    crew.kill("w1")
    raw.rpush("go", "on")

    crew.start(successor, silence)

    assert begun(raw) == successor
    assert emptied(queue)
    assert raw.lrange("effects:m", 0, -1) == ["job-1"]


def test_a_worker_that_was_paused_is_refused_when_it_goes_on(crew, queue, raw, redis_url):
    queue.put(do(1, "hold"))
    crew.start("w1", SOON)
    assert begun(raw) == "w1"
    crew.signal("w1", signal.SIGSTOP)
    crew.start("w2", SOON)
    assert begun(raw) == "w2"
    assert emptied(queue)

    raw.rpush("go", "on")
    crew.signal("w1", signal.SIGCONT)

    assert tuple(raw.blpop(["stale"], 20)) == ("stale", "w1")
    assert [p.requested_by for p in RedisStore.connect(redis_url).proposals()] == ["w2"]
    assert raw.lrange("effects:m", 0, -1) == ["job-1"]


JOBS = 200
KILLS = 6


def test_workers_killed_at_random_do_every_job_once_and_in_order(crew, queue, raw):
    chance = random.Random(5)  # noqa: S311 - which worker is killed is no secret
    jobs = [do(number, deployment=f"m{number % 20}") for number in range(JOBS)]
    for job in jobs:
        queue.put(job)
    for name in ("w1", "w2"):
        crew.start(name, NEVER)
    for _ in range(KILLS):
        for _ in range(chance.randrange(5, 20)):
            raw.blpop(["begun"], 20)
        name = chance.choice(["w1", "w2"])
        crew.kill(name)
        crew.start(name, NEVER)

    assert emptied(queue)
    for each in range(20):
        done = raw.lrange(f"effects:m{each}", 0, -1)
        assert done == [job.id for job in jobs if job.text == f"do m{each}"]
    assert (raw.exists("told"), raw.exists("leadline:parked")) == (0, 0)


def test_workers_and_redis_killed_at_random_do_every_acknowledged_job_once_and_in_order(
    redis_server,
):
    chance = random.Random(6)  # noqa: S311 - who is killed is no secret
    queue, kept, unsure = RedisQueue.connect(redis_server.url, WORKER), [], set()
    jobs = [do(number, deployment=f"m{number % 20}") for number in range(JOBS)]
    with workers(redis_server.url, "w1", "w2") as crew:
        for kill in range(KILLS):
            for job in jobs[kill * JOBS // KILLS : (kill + 1) * JOBS // KILLS]:
                put(queue, job, kept, unsure)
            with reading(redis_server.url) as raw:
                for _ in range(chance.randrange(5, 20)):
                    raw.blpop(["begun"], 20)
            name = chance.choice(["w1", "w2"])
            if kill == KILLS // 2:
                redis_server.kill()
                for number in range(JOBS, JOBS + 5):
                    put(queue, do(number), kept, unsure)
                redis_server.start()
            crew.kill(name)
            crew.start(name, NEVER)
        assert emptied(queue)

    with reading(redis_server.url) as raw:
        for each in range(20):
            done = [i for i in raw.lrange(f"effects:m{each}", 0, -1) if i not in unsure]
            assert done == [job.id for job in kept if job.text == f"do m{each}"]
        assert (raw.exists("told"), raw.exists("leadline:parked")) == (0, 0)
    assert len(kept) + len(unsure) == JOBS


def put(queue, job, kept, unsure):
    """Put a job; what got no answer in time may have been kept."""
    try:
        queue.put(job)
        kept.append(job)
    except StoreUncertainError:
        unsure.add(job.id)
    except StoreUnavailableError:
        pass


def test_no_acknowledged_command_is_lost_when_redis_is_killed(redis_server):
    queue = RedisQueue.connect(redis_server.url, WORKER)
    work, kept = Scribe(), []
    with lane(redis_server.url, work):
        for number in range(60):
            if number == 20:
                redis_server.kill()
            if number == 40:
                redis_server.start()
            with contextlib.suppress(StoreUnavailableError):
                queue.put(change(number, f"m{number % 3}"))
                kept.append(f"job-{number}")
        assert all(work.wait("end", name) for name in kept)
        assert emptied(queue)

    assert len(kept) == 40
    assert queue.depth(Lane.CHANGE).jobs == 0
