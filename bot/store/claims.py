"""Adapter: the Claims and Runs ports over the consumer group of each lane's stream.

Keys: the streams of `bot.store.queue`, `leadline:tries:LANE` (hash: tries of unfinished jobs, when
the first began, and which were put off) and `leadline:parked` (stream, bounded).

A consumer is called NAME:XXXXXXXX, the worker's name and a word of this process alone, so that two
processes that were given the same name never hold the same job. A process that starts takes over
what earlier ones of its name hold, in the belief that they are dead. If one is alive, it finds at
its next renewal, and at every fenced write, that its jobs are in other hands; new jobs still come
to both. So every worker has a name of its own (LEADLINE_WORKER).

Waiting is done by XREAD, which takes nothing: fakeredis ignores BLOCK when COUNT is given, and
without COUNT one process would take all that waits. The entries of XREAD only say that it is time
to look; taking is XREADGROUP with COUNT.

A Redis that was emptied has lost the group too. Every call makes it again and goes on; it begins
with the stream's first entry, so jobs that were put since are not passed over.
"""

import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import redis

from bot.errors import LostError, StaleError
from bot.store import Lane, Taken
from bot.store import scripts as lua
from bot.store.connection import WORKER, Patience, connect, lost_group, said
from bot.store.holding import Begun
from bot.store.queue import MOST, decoded, seen, stream

_log = logging.getLogger(__name__)

IDLE = 45.0
"""Seconds without a renewal after which a job may be taken by another process."""

PARKED = 1000
"""Most jobs that are kept aside for people to look at; the oldest go first."""

PARKED_FOR = 30 * 24 * 3600
"""How long they are kept, in seconds."""

FORGOTTEN = 24 * 3600
"""Seconds after which a consumer that holds nothing is forgotten."""

_GROUP = "workers"

Answer = TypeVar("Answer")


class RedisClaims:
    """Claims and Runs. Each lane is read by one thread; the ends of jobs come from any."""

    def __init__(self, client: redis.Redis, worker: str, idle: float = IDLE) -> None:
        self._redis = client
        self._name = worker
        self._me = f"{worker}:{secrets.token_hex(4)}"
        self._idle = round(idle * 1000)
        self._seen = dict.fromkeys(Lane, "0-0")
        self._cursor = dict.fromkeys(Lane, "0-0")
        self._bodies: dict[Lane, dict[str, Taken]] = {lane: {} for lane in Lane}

    @classmethod
    def connect(
        cls, url: str, worker: str, idle: float = IDLE, patience: Patience = WORKER
    ) -> "RedisClaims":
        """Return the claims of a worker at a redis:// address; no call is made yet."""
        return cls(connect(url, patience), worker, idle)

    def inherit(self, lane: Lane) -> Sequence[Taken]:
        """Take up what earlier processes of our name left; see the module."""
        words = (_GROUP, self._me, self._name, str(FORGOTTEN * 1000))

        def inherit() -> Sequence[Taken]:
            self._redis.eval(lua.INHERIT, 1, stream(lane), *words)
            return self._read(lane, "0", MOST)

        with said("taking up commands"):
            self._stand_group(lane)
        return self._asked("taking up commands", lane, inherit)

    def take(self, lane: Lane, most: int, wait: float) -> Sequence[Taken]:
        """Take new jobs; see the port."""

        def read() -> Sequence[Taken]:
            found = self._read(lane, ">", most)
            if not found and wait > 0 and self._wait(lane, wait):
                found = self._read(lane, ">", most)
            return found

        return self._asked("reading commands", lane, read)

    def adopt(self, lane: Lane, most: int, known: Collection[str]) -> Sequence[Taken]:
        """Take jobs that nobody works on; see the port."""

        def claim() -> Sequence[Taken]:
            mine = [taken for taken in self._read(lane, "0", MOST) if taken.receipt not in known]
            found: Any = self._redis.xautoclaim(
                stream(lane), _GROUP, self._me, self._idle, self._cursor[lane], count=most
            )
            self._cursor[lane], others = found[0], found[1]
            return [*mine, *self._kept(lane, others)]

        return self._asked("looking for abandoned commands", lane, claim)

    def line(self, lane: Lane) -> Sequence[Taken]:
        """Return what is in anybody's hands, in order.

        Every entry before one that was delivered has been delivered too, and an ended one is gone:
        so the pending entries are all that stands before any of them. Their texts never change and
        are read once.
        """

        def read() -> Sequence[Taken]:
            pending: Any = self._redis.xpending_range(stream(lane), _GROUP, "-", "+", MOST)
            receipts = [str(entry["message_id"]) for entry in pending]
            self._learn(lane, receipts)
            return [self._bodies[lane][r] for r in receipts if r in self._bodies[lane]]

        return self._asked("reading the line", lane, read)

    def renew(self, taken: Taken) -> bool:
        """Say that we still work on a job; see the port."""
        return bool(self._ask("renewing a command", lua.RENEW, taken))

    def begin(self, taken: Taken, attempt: str, at: datetime) -> Begun:
        """Count a try; see the port."""
        words = (attempt, at.isoformat())
        tries, begun, told = self._insist("beginning a command", lua.BEGIN, taken, *words)
        first, _, since = begun.partition(" ")
        return Begun(int(tries), datetime.fromisoformat(since), first != attempt, bool(told))

    def end(self, taken: Taken) -> None:
        """Forget a job that has ended."""
        self._insist("closing a command", lua.END, taken)

    def park(self, taken: Taken, reason: str) -> None:
        """Put a job aside; see the port."""
        text = msgspec.json.encode(taken.job).decode()
        words = (str(PARKED), str(PARKED_FOR), reason, text)
        self._insist("parking a command", lua.PARK, taken, *words)

    def give_back(self, taken: Taken) -> None:
        """Leave a job to any worker at once; see the port."""
        self._insist("giving a command back", lua.GIVE_BACK, taken, str(self._idle + 1))

    def excuse(self, taken: Taken) -> None:
        """Keep a job whose last try does not count; see the port."""
        self._insist("putting a command off", lua.EXCUSE, taken)

    def _insist(self, act: str, script: str, taken: Taken, *words: str) -> Any:  # noqa: ANN401
        answer = self._ask(act, script, taken, *words)
        if not answer:
            raise StaleError(f"{act} {taken.job.id}: it is in the hands of another worker")
        return answer

    def _ask(self, act: str, script: str, taken: Taken, *words: str) -> Any:  # noqa: ANN401
        job, all_words = taken.job, (_GROUP, self._me, taken.receipt, *words)
        keys = (*_keys(job.lane), seen(job.id))
        answer = self._asked(
            act, job.lane, lambda: self._redis.eval(script, len(keys), *keys, *all_words)
        )
        if answer == lua.LOST:
            raise LostError(f"{act} {job.id}: Redis was emptied and has lost it")
        return answer

    def _wait(self, lane: Lane, seconds: float) -> bool:
        answer: Any = self._redis.xread(
            {stream(lane): self._seen[lane]}, block=max(1, round(seconds * 1000))
        )
        entries = _entries(answer)
        if entries:
            self._seen[lane] = entries[-1][0]
        return bool(entries)

    def _read(self, lane: Lane, since: str, most: int) -> list[Taken]:
        answer: Any = self._redis.xreadgroup(_GROUP, self._me, {stream(lane): since}, count=most)
        entries = _entries(answer)
        if entries and since == ">":
            self._seen[lane] = entries[-1][0]
        return self._kept(lane, entries)

    def _kept(self, lane: Lane, entries: list[tuple[str, dict[str, str]]]) -> list[Taken]:
        """Return the jobs of entries; park those that this version cannot read."""
        jobs = [(receipt, decoded(fields)) for receipt, fields in entries if fields]
        for receipt, fields in entries:
            if fields and decoded(fields) is None:
                self._park_unread(lane, receipt, fields)
        return [Taken(job, receipt) for receipt, job in jobs if job is not None]

    def _park_unread(self, lane: Lane, receipt: str, fields: dict[str, str]) -> None:
        _log.error("parked receipt=%s reason=unreadable; another version wrote it", receipt)
        keys = (*_keys(lane), stream(lane))  # its id is not known, so none is looked for
        text = fields.get("job", "") if lane is Lane.CHANGE else ""  # nor is a question kept
        limits = (str(PARKED), str(PARKED_FOR))
        words = (_GROUP, self._me, receipt, *limits, "written by another version", text)
        self._redis.eval(lua.PARK, len(keys), *keys, *words)

    def _learn(self, lane: Lane, receipts: list[str]) -> None:
        """Read the texts of entries that we have not seen, and forget those that are gone."""
        there = set(receipts)
        known = {r: t for r, t in self._bodies[lane].items() if r in there}
        unknown = [receipt for receipt in receipts if receipt not in known]
        with self._redis.pipeline(transaction=False) as pipeline:
            for receipt in unknown:
                pipeline.xrange(stream(lane), receipt, receipt)
            answers: list[Any] = pipeline.execute() if unknown else []
        found = [entry for answer in answers for entry in answer]
        jobs = {receipt: decoded(fields) for receipt, fields in found}
        self._bodies[lane] = known | {r: Taken(j, r) for r, j in jobs.items() if j is not None}

    def _asked(self, act: str, lane: Lane, call: Callable[[], Answer]) -> Answer:
        """Call Redis; when it has lost our group, make that again and call once more."""
        with said(act):
            try:
                return call()
            except redis.ResponseError as error:
                if not lost_group(error):
                    raise
                _log.warning("queue lost lane=%s; Redis was emptied", lane.value)
                self._stand_group(lane)
                return call()

    def _stand_group(self, lane: Lane) -> None:
        """Make the group where there is none, from the first entry on: none may be passed over."""
        if self._redis.eval(lua.STAND_GROUP, 1, stream(lane), _GROUP):
            self._seen[lane] = "0-0"  # a new Redis may count from an earlier time


def _keys(lane: Lane) -> tuple[str, str, str]:
    return stream(lane), f"leadline:tries:{lane.value}", "leadline:parked"


def _entries(answer: Any) -> list[tuple[str, dict[str, str]]]:  # noqa: ANN401 - redis-py's shapes
    """Return the entries of one stream, in the list form (RESP2) or the map form (RESP3)."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return [entry for batches in answer.values() for batch in batches for entry in batch]
    return list(answer[0][1])
