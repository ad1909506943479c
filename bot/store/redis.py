"""Adapter: the Posts and Records ports over Redis.

Keys: `leadline:post:KEY` (hash), `leadline:proposals` and `leadline:rollouts` (hashes of JSON).
A write with a fence is compared with the newest token of its key in the same step.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

import msgspec
import redis

from bot.errors import StaleError
from bot.store import Fence, Proposal, Rollout, Sent
from bot.store import scripts as lua
from bot.store.connection import WORKER, Patience, connect, said
from bot.store.locks import FENCES

POST_MEMORY = 90 * 24 * 3600
"""How long the time stamp of a message is remembered, in seconds."""

_PROPOSALS = "leadline:proposals"
_ROLLOUTS = "leadline:rollouts"


class RedisStore:
    """Posts and Records."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    @classmethod
    def connect(cls, url: str, patience: Patience = WORKER) -> "RedisStore":
        """Return a store for a redis:// address; no call is made yet."""
        return cls(connect(url, patience))

    def intend(self, key: str, at: datetime) -> Sent:
        """Remember an intent to post; see the port."""
        name = f"leadline:post:{key}"
        with said("remembering a message"):
            answer = self._redis.eval(lua.INTEND, 1, name, at.isoformat(), str(POST_MEMORY))
        first, since, message = cast("tuple[int, str, str | None]", answer)
        return Sent(datetime.fromisoformat(since), message, not first)

    def stands(self, key: str, message: str) -> str:
        """Remember the time stamp of a message; see the port."""
        with said("remembering a message"):
            if self._redis.hsetnx(f"leadline:post:{key}", "message", message):
                return message
        return self.message(key) or message

    def message(self, key: str) -> str | None:
        """Return the time stamp of a message; see the port."""
        with said("reading a message's place"):
            return cast("str | None", self._redis.hget(f"leadline:post:{key}", "message"))

    def propose(self, proposal: Proposal, fence: Fence | None = None) -> None:
        """Keep the newest proposal of a deployment; see the port."""
        text = msgspec.json.encode(proposal).decode()
        self._write("keeping a proposal", (_PROPOSALS, proposal.key, text), fence)

    def proposals(self) -> Iterable[Proposal]:
        """Return every proposal."""
        with said("reading proposals"):
            texts = cast("list[str]", self._redis.hvals(_PROPOSALS))
        return [msgspec.json.decode(text, type=Proposal) for text in texts]

    def recall(self, proposal: Proposal, rollout: Rollout, fence: Fence | None = None) -> bool:
        """Keep a deployment that no proposal names; see the port."""
        act, values = "recalling a proposal", (proposal, rollout)
        texts = [msgspec.json.encode(value).decode() for value in values]
        held = (fence.key, str(fence.token)) if fence else ()
        with said(act):
            done = self._redis.eval(
                lua.RECALL, 3, _PROPOSALS, _ROLLOUTS, FENCES, proposal.key, *texts, *held
            )
        if done == lua.STALE:
            raise _stale(act, proposal.key)
        return bool(done)

    def rollout(self, key: str) -> Rollout | None:
        """Return how far a deployment has come."""
        with said("reading a rollout"):
            text = cast("str | None", self._redis.hget(_ROLLOUTS, key))
        return None if text is None else msgspec.json.decode(text, type=Rollout)

    def advance(self, key: str, rollout: Rollout, fence: Fence | None = None) -> None:
        """Keep how far a deployment has come; see the port."""
        text = msgspec.json.encode(rollout).decode()
        self._write("keeping a rollout", (_ROLLOUTS, key, text), fence)

    def _write(self, act: str, entry: tuple[str, str, str], fence: Fence | None) -> None:
        name, field, text = entry
        with said(act):
            if fence is None:
                self._redis.hset(name, field, text)
                return
            words = (field, text, fence.key, str(fence.token))
            written = self._redis.eval(lua.WRITE_FENCED, 2, name, FENCES, *words)
        if not written:
            raise _stale(act, field)


def _stale(act: str, key: str) -> StaleError:
    return StaleError(f"{act} of {key}: another worker has taken over; not written")
