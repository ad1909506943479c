"""Adapter: the Cancels port over Redis: a key for each answer that nobody waits for any more."""

import redis

from bot.store.connection import said

KEPT = 600
"""How long a cancellation is remembered, in seconds; no answer takes longer."""


class RedisCancels:
    """Cancels."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def cancel(self, key: str) -> None:
        """Remember that nobody waits for an answer; see the port."""
        with said("cancelling an answer"):
            self._redis.set(f"leadline:cancel:{key}", "1", ex=KEPT)

    def cancelled(self, key: str) -> bool:
        """Say whether somebody cancelled it; see the port."""
        with said("looking for a cancellation"):
            return bool(self._redis.exists(f"leadline:cancel:{key}"))
