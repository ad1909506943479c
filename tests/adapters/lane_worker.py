"""A worker as a process that tests may kill or pause: `lane_worker.py URL NAME SECONDS`.

What a job does is what a use case does to a Git host: it looks for its effect and makes it when it
is not there, in two steps. So an effect is doubled when two run a job at once, and only then.
SECONDS is the silence after which another takes a worker's jobs over.
"""

import signal
import sys
import threading
from datetime import UTC, datetime

import redis

from bot.commands.lanes import LaneReader
from bot.commands.pace import Pace
from bot.commands.work import Running
from bot.errors import StaleError
from bot.store import Job, Lane, Proposal
from bot.store.claims import RedisClaims
from bot.store.holding import Hall
from bot.store.locks import RedisLocks
from bot.store.redis import RedisStore


class Effects:
    """Jobs say `do DEPLOYMENT`, or `hold DEPLOYMENT` to wait in the middle for a push to `go`."""

    def __init__(self, url: str, name: str) -> None:
        self.raw = redis.Redis.from_url(url, decode_responses=True, socket_timeout=30)
        self.records = RedisStore.connect(url)
        self.name = name

    def now(self) -> datetime:
        return datetime.now(UTC)

    def key(self, job: Job) -> str:
        return job.text.split()[1]

    def perform(self, running: Running) -> None:
        verb, deployment = running.job.text.split()
        there = self.raw.sismember("there", running.job.id)
        self.raw.rpush("begun", self.name)
        if verb == "hold" and running.begun.tries == 1:
            self.raw.blpop(["go"], 20)
        try:
            self.records.propose(proposal(deployment, self.name), running.fence)
        except StaleError:
            self.raw.rpush("stale", self.name)
            raise
        if not there:
            with self.raw.pipeline() as both:
                both.sadd("there", running.job.id)
                both.rpush(f"effects:{deployment}", running.job.id)
                both.execute()

    def broken(self, job: Job) -> None:
        self.raw.rpush("told", job.id)

    def lost(self, job: Job) -> None:
        self.raw.rpush("told", job.id)


def proposal(name: str, by: str) -> Proposal:
    return Proposal("dev", name, "d", "m", "m", "e", "s", "p", 1, "s1", 1, "u", "C1", "1.1", by)


def main(url: str, name: str, silence: float) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    claims = RedisClaims.connect(url, name, silence)
    hall = Hall(name, claims, claims, RedisLocks.connect(url))
    pace = Pace(threads=3, renew=0.1, lease=silence, look=0.1, idle=0.2, blocked=0.02, tries=1000)
    LaneReader(Lane.CHANGE, hall, Effects(url, name), pace).run(stop)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
