"""Adapter: counts of calls that several processes share, over Redis; for `bot.slack.pacing`.

Keys: `leadline:calls:CALL`, a sorted set of the calls of the last window, by pyrate-limiter, which
looks and counts in one script. Times are those of our clock, so that of all processes should agree
to a second.
"""

import functools
import threading
from typing import cast

import redis
from pyrate_limiter import Rate, RateItem, RedisBucket

from bot.store.connection import said
from gitops.clock import Clock

_MILLISECONDS = 1000


class RedisBudgets:
    """The counts, one bucket a call."""

    def __init__(self, client: redis.Redis, clock: Clock) -> None:
        self._redis = client
        self._clock = clock
        self._lock = threading.Lock()
        self._bucket = functools.cache(self._new_bucket)

    def take(self, call: str, most: int, window: float) -> float:
        """Count one call and return 0, or the seconds until there is room for it.

        Raises:
            StoreUnavailableError: Redis does not answer or refuses.
        """
        with self._lock, said(f"counting {call}"):
            try:
                return self._taken(call, most, window)
            except redis.exceptions.NoScriptError:  # it has restarted since
                self._bucket.cache_clear()
                return self._taken(call, most, window)

    def _taken(self, call: str, most: int, window: float) -> float:
        bucket = self._bucket(call, most, window)
        now = int(self._clock.now().timestamp() * _MILLISECONDS)
        item = RateItem(call, now)
        bucket.leak(now)
        if bucket.put(item):
            return 0.0
        wait = cast("int", bucket.waiting(item))  # an Awaitable with an asynchronous client only
        return max(wait, 1) / _MILLISECONDS

    def _new_bucket(self, call: str, most: int, window: float) -> RedisBucket:
        rates = [Rate(most, int(window * _MILLISECONDS))]
        return cast("RedisBucket", RedisBucket.init(rates, self._redis, f"leadline:calls:{call}"))
