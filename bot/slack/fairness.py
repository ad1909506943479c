"""How many commands of one person are taken, so that nobody fills the queue for everybody.

Each replica of `serve` counts for itself, in memory: it is a bound, not an account. The counting is
pyrate-limiter's.
"""

import threading

from cachetools import LRUCache
from pyrate_limiter import InMemoryBucket, Rate, RateItem

from gitops.clock import Clock

MOST, WINDOW = 60, 60
"""Commands of one person that are taken in so many seconds; nobody types one a second for long."""

PEOPLE = 5_000
"""Most people who are counted; who was heard least lately is forgotten first."""

_MILLISECONDS = 1000


class Fairness:
    """Counts commands by person. Safe to share between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._people: LRUCache[str, InMemoryBucket] = LRUCache(PEOPLE)

    def take(self, person: str) -> bool:
        """Count a command; False when it is one too many, which is not counted."""
        now = int(self._clock.monotonic() * _MILLISECONDS)
        with self._lock:
            bucket = self._people.get(person)
            if bucket is None:
                bucket = InMemoryBucket([Rate(MOST, WINDOW * _MILLISECONDS)])
                self._people[person] = bucket
            bucket.leak(now)
            return bool(bucket.put(RateItem(person, now)))
