"""Keeps the calls of all streams of a workspace inside of Slack's tiers.

Source: docs.slack.dev/apis/web-api/rate-limits and the method pages: startStream and stopStream
tier 2 (20 a minute), appendStream tier 4 (100), update tier 3 (50), each for an app in a workspace.
The counting is pyrate-limiter's; waiting goes through a Clock. Safe to share between threads.
"""

import functools
import logging
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, cast

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from bot.errors import StoreUnavailableError
from gitops.clock import Clock

START, APPEND, STOP, UPDATE = (
    "chat.startStream",
    "chat.appendStream",
    "chat.stopStream",
    "chat.update",
)

TIERS: Mapping[str, int] = MappingProxyType({START: 18, APPEND: 98, STOP: 18, UPDATE: 40})
"""Calls a window. Of the 50 updates, 10 are left to cards, which are edited without asking here.
Two of the others are left for processes that count at the same moment: each takes its time first,
and does not see what another one counts in between."""

WINDOW = 62.0
"""Seconds; two more than Slack's minute, as calls do not all take the same time to arrive."""

_MILLISECONDS = 1000
_log = logging.getLogger(__name__)


class Budget(Protocol):
    """How many calls are left of a limit that several processes share."""

    def take(self, call: str, most: int, window: float) -> float:
        """Count one call and return 0, or the seconds until there is room for it.

        Raises:
            StoreUnavailableError: what is left is not known.
        """
        ...


class Pacing:
    """The limits of one workspace, as this process sees them; `shared` counts for all processes.

    Where the shared count is away, this process's own is all there is: then Slack's 429 decides
    between processes, and slack-sdk waits for as long as it says.
    """

    def __init__(self, clock: Clock, shared: Budget | None = None) -> None:
        self._clock = clock
        self._shared = shared
        self._lock = threading.Lock()
        self._own = functools.cache(_bucket)

    def take(self, call: str) -> float:
        """Count one call and return 0, or the seconds until there is room for it."""
        if self._shared is not None:
            try:
                return self._shared.take(call, TIERS[call], WINDOW)
            except StoreUnavailableError as error:
                _log.warning("own count only call=%s error=%s", call, error)
        return self._of_ours(call)

    def wait(self, call: str, at_most: float) -> bool:
        """Wait for room and take it; False when there was none for so many seconds."""
        deadline = self._clock.monotonic() + at_most
        while (wait := self.take(call)) > 0:
            if self._clock.monotonic() + wait > deadline:
                return False
            self._clock.sleep(wait)
        return True

    def _of_ours(self, call: str) -> float:
        now = int(self._clock.monotonic() * _MILLISECONDS)
        item = RateItem(call, now)
        with self._lock:
            bucket = self._own(call)
            bucket.leak(now)
            if bucket.put(item):
                return 0.0
            wait = cast("int", bucket.waiting(item))  # an Awaitable in other buckets only
        return max(wait, 1) / _MILLISECONDS


def _bucket(call: str) -> InMemoryBucket:
    return InMemoryBucket([Rate(TIERS[call], int(WINDOW * _MILLISECONDS))])
