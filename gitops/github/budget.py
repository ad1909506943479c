"""The one place that keeps Leadline inside GitHub's limits on making content.

GitHub lets an account make 80 requests a minute and 500 an hour that create content, and does not
say which they are; here every write counts. Source: docs.github.com,
rest/using-the-rest-api/rate-limits-for-the-rest-api, "About secondary rate limits". The counting
is pyrate-limiter's; waiting goes through a Clock. Safe to share between threads.
"""

import functools
from typing import cast

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from gitops.clock import Clock
from gitops.errors import ForgeBusyError
from gitops.settings import ForgeSettings

MOST_WAIT = 20.0
"""Longest wait for room, in seconds; who must wait longer is told so instead."""

A_MINUTE, AN_HOUR = 80, 500
"""Writes that GitHub allows in a minute and in an hour."""

_ACCOUNTS = 64  # budgets that are kept; a process has one or two
_MILLISECONDS = 1000


class ContentBudget:
    """Counts the writes of one account, over all forges that share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        rates = [Rate(A_MINUTE, 60 * _MILLISECONDS), Rate(AN_HOUR, 3600 * _MILLISECONDS)]
        self._bucket = InMemoryBucket(rates)

    def spend(self) -> None:
        """Count one write, waiting at most MOST_WAIT seconds for room.

        Raises:
            ForgeBusyError: there is no room for longer than that; it says until when.
        """
        deadline = self._clock.monotonic() + MOST_WAIT
        while (wait := self._take()) > 0:
            if self._clock.monotonic() + wait > deadline:
                raise ForgeBusyError(
                    f"writing to GitHub: its {A_MINUTE} writes a minute or {AN_HOUR} an hour are"
                    " used up",
                    wait,
                    "GitHub's limit on writes",
                )
            self._clock.sleep(wait)

    def _take(self) -> float:
        """Return 0 where there was room, else the seconds until there is."""
        now = int(self._clock.monotonic() * _MILLISECONDS)
        item = RateItem("write", now)
        self._bucket.leak(now)
        if self._bucket.put(item):
            return 0.0
        wait = cast("int", self._bucket.waiting(item))  # an Awaitable in other buckets only
        return max(wait, 1) / _MILLISECONDS


def shared_budget(settings: ForgeSettings, clock: Clock) -> ContentBudget:
    """Return this process's budget of an account: all its threads and forges share it.

    Clocks that are equal count as one.
    """
    account = settings.app.id if settings.app else settings.token
    return _of_account(settings.api_url, account, clock)  # type: ignore[arg-type] # frozen values


@functools.lru_cache(_ACCOUNTS)
def _of_account(api_url: str, account: str, clock: Clock) -> ContentBudget:  # noqa: ARG001 - the cache's key
    return ContentBudget(clock)
