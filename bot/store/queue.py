"""Adapter: the Queue port over Redis Streams, one stream a lane.

Keys: `leadline:jobs:LANE` (stream, group `workers`; an entry is deleted when its job has ended) and
`leadline:seen:ID`. Workers take from the streams by `bot.store.claims`.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import redis

from bot.errors import QueueFullError
from bot.store import Depth, Job, Lane
from bot.store import scripts as lua
from bot.store.connection import EDGE, Own, Patience, connect, said

SEEN = 24 * 3600
"""How long a delivery key is remembered, in seconds; Slack redelivers for minutes."""

MOST = 1000
"""Most jobs of a lane that have not ended; at 10 s each, eight threads need 20 minutes for them."""


class RedisQueue:
    """Queue."""

    def __init__(
        self, client: redis.Redis, most: int = MOST, own: Callable[[], redis.Redis] | None = None
    ) -> None:
        self._redis = client
        self._most = most
        self._own = own or (lambda: client)

    @classmethod
    def connect(cls, url: str, patience: Patience = EDGE, most: int = MOST) -> "RedisQueue":
        """Return a queue for a redis:// address; no call is made yet."""
        return cls(connect(url, patience), most, Own(url, patience).client)

    def put(self, job: Job) -> bool:
        """Keep a job durably, once; see the port."""
        keys = (seen(job.id), stream(job.lane))
        text = msgspec.json.encode(job).decode()
        with said("queueing a command"):
            answer = self._own().eval(lua.PUT, 2, *keys, text, str(SEEN), str(self._most))
        if answer == "full":
            raise QueueFullError(
                f"queueing a command: {self._most} wait already; nothing was done, "
                "try again in a few minutes"
            )
        return bool(answer == "kept")

    def depth(self, lane: Lane) -> Depth:
        """Return what waits or runs in a lane."""
        with said("measuring the queue"):
            jobs = int(self._redis.xlen(stream(lane)))
            first: Any = self._redis.xrange(stream(lane), count=1)
        oldest = decoded(first[0][1]) if first else None
        return Depth(jobs, oldest.at if oldest else None)


def stream(lane: Lane) -> str:
    """Return the key of a lane's stream."""
    return f"leadline:jobs:{lane.value}"


def seen(job: str) -> str:
    """Return the key that stands as long as a job's id is remembered."""
    return f"leadline:seen:{job}"


def decoded(fields: dict[str, str]) -> Job | None:
    """Return the job of an entry; None when another version wrote what this one cannot read."""
    with contextlib.suppress(KeyError, msgspec.DecodeError):
        return msgspec.json.decode(fields["job"], type=Job)
    return None
