"""Adapter: the Locks port over Redis.

Keys: `leadline:lock:KEY` (the holder, while it lasts), `leadline:fences` (hash: the newest token of
each key, which a fenced write is compared with) and `leadline:token` (the newest of all). A Redis
that has lost them refuses every renewal and every fenced write: whoever held a lock takes it anew.
"""

import redis

from bot.store import Fence
from bot.store import scripts as lua
from bot.store.connection import WORKER, Patience, connect, said

FENCES = "leadline:fences"


class RedisLocks:
    """Locks."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    @classmethod
    def connect(cls, url: str, patience: Patience = WORKER) -> "RedisLocks":
        """Return locks at a redis:// address; no call is made yet."""
        return cls(connect(url, patience))

    def acquire(self, key: str, holder: str, seconds: float) -> Fence | None:
        """Take the lock, with a token larger than any before; see the port."""
        keys = (_lock(key), FENCES, "leadline:token")
        with said(f"locking {key}"):
            token = self._redis.eval(lua.ACQUIRE, 3, *keys, holder, _ms(seconds), key)
        return Fence(key, int(str(token)), holder) if token else None

    def renew(self, fence: Fence, seconds: float) -> bool:
        """Hold on; see the port. A lock that ran out and that nobody took is ours again."""
        words = (fence.holder, _ms(seconds), fence.key, str(fence.token))
        with said(f"keeping the lock on {fence.key}"):
            return bool(self._redis.eval(lua.RENEW_LOCK, 2, _lock(fence.key), FENCES, *words))

    def release(self, fence: Fence) -> None:
        """Let the lock go, if it is still ours."""
        words = (fence.key, str(fence.token))
        with said(f"releasing the lock on {fence.key}"):
            self._redis.eval(lua.RELEASE, 2, _lock(fence.key), FENCES, *words)


def _lock(key: str) -> str:
    return f"leadline:lock:{key}"


def _ms(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
