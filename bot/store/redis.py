"""Adapter: the three store ports over one Redis.

Keys: `leadline:commands` (stream, group `workers`), `leadline:seen:ID`, `leadline:post:KEY` (hash),
`leadline:proposals` and `leadline:rollouts` (hashes of JSON).
"""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, cast

import msgspec
import redis

from bot.errors import StoreUnavailableError
from bot.store import Job, Proposal, Rollout, Sent, Taken

SEEN = 24 * 3600
"""How long a delivery key is remembered, in seconds; Slack redelivers for minutes."""

POST_MEMORY = 90 * 24 * 3600
"""How long the time stamp of a message is remembered, in seconds."""

_STREAM = "leadline:commands"
_GROUP = "workers"
_PUT = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[2]) then
  return redis.call('XADD', KEYS[2], '*', 'job', ARGV[1])
end
return false
"""


class RedisStore:
    """Queue, Posts and Records."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    @classmethod
    def connect(cls, url: str) -> "RedisStore":
        """Return a store for a redis:// address; no call is made yet."""
        return cls(
            redis.Redis.from_url(
                url, decode_responses=True, socket_timeout=5, socket_connect_timeout=3
            )
        )

    def put(self, job: Job) -> bool:
        """Keep a job durably, once."""
        text = msgspec.json.encode(job).decode()
        with _said("queueing a command"):
            return bool(
                self._redis.eval(_PUT, 2, f"leadline:seen:{job.id}", _STREAM, text, str(SEEN))
            )

    def jobs(self, worker: str) -> Iterator[Taken | None]:
        """Yield the worker's own unfinished jobs first, then new ones; see the port.

        Unfinished ones are looked for in every round: an answer can be lost on its way after Redis
        has noted the delivery (a read that times out, a connection that breaks).
        """
        self._stand_group()
        while True:
            taken: list[Taken | None] = [*self._read(worker, "0", block=None)]
            # Without COUNT: fakeredis ignores BLOCK when COUNT is given.
            yield from taken or [*self._read(worker, ">", block=1000)] or [None]

    def done(self, taken: Taken) -> None:
        """Forget a job that has ended."""
        with _said("closing a command"):
            self._redis.xack(_STREAM, _GROUP, taken.receipt)
            self._redis.xdel(_STREAM, taken.receipt)

    def intend(self, key: str, at: datetime) -> Sent:
        """Remember an intent to post; see the port."""
        name = f"leadline:post:{key}"
        with _said("remembering a message"):
            first = self._redis.hsetnx(name, "at", at.isoformat())
            self._redis.expire(name, POST_MEMORY)
            known = cast("dict[str, str]", self._redis.hgetall(name))
        return Sent(datetime.fromisoformat(known["at"]), known.get("message"), not first)

    def stands(self, key: str, message: str) -> None:
        """Remember the time stamp of a message."""
        with _said("remembering a message"):
            self._redis.hset(f"leadline:post:{key}", "message", message)

    def propose(self, proposal: Proposal) -> None:
        """Keep the newest proposal of a deployment."""
        with _said("keeping a proposal"):
            self._redis.hset(
                "leadline:proposals", proposal.key, msgspec.json.encode(proposal).decode()
            )

    def proposals(self) -> Iterable[Proposal]:
        """Return every proposal."""
        with _said("reading proposals"):
            texts = cast("list[str]", self._redis.hvals("leadline:proposals"))
        return [msgspec.json.decode(text, type=Proposal) for text in texts]

    def rollout(self, key: str) -> Rollout | None:
        """Return how far a deployment has come."""
        with _said("reading a rollout"):
            text = cast("str | None", self._redis.hget("leadline:rollouts", key))
        return None if text is None else msgspec.json.decode(text, type=Rollout)

    def advance(self, key: str, rollout: Rollout) -> None:
        """Keep how far a deployment has come."""
        with _said("keeping a rollout"):
            self._redis.hset("leadline:rollouts", key, msgspec.json.encode(rollout).decode())

    def _stand_group(self) -> None:
        # Looked for first: fakeredis closes a connection after any error it answers.
        with _said("making the queue"), contextlib.suppress(redis.ResponseError):
            there = self._redis.exists(_STREAM) and self._redis.xinfo_groups(_STREAM)
            if not there:
                self._redis.xgroup_create(_STREAM, _GROUP, id="0", mkstream=True)

    def _read(self, worker: str, since: str, *, block: int | None) -> Iterator[Taken]:
        with _said("reading commands"):
            answer: Any = self._redis.xreadgroup(_GROUP, worker, {_STREAM: since}, block=block)
        for receipt, fields in _entries(answer):
            if fields:  # an entry that was deleted while pending comes back empty
                yield Taken(msgspec.json.decode(fields["job"], type=Job), receipt)


def _entries(answer: Any) -> list[tuple[str, dict[str, str]]]:  # noqa: ANN401 - redis-py's shapes
    """Return the entries of one stream, in the list form (RESP2) or the map form (RESP3)."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return [entry for batch in answer[_STREAM] for entry in batch]
    return list(answer[0][1])


@contextlib.contextmanager
def _said(act: str) -> Iterator[None]:
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise StoreUnavailableError(f"{act} in Redis: no answer; check REDIS_URL") from error
