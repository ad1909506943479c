"""The secondary rate limits: content made, points of an endpoint, requests at once.

Source: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, "About secondary rate
limits". GitHub does not say which requests create content; here every POST, PUT and PATCH does.
"""

import contextlib
import math
import threading
from collections import defaultdict, deque
from collections.abc import Iterator

from sandbox.clock import Time
from sandbox.github.errors import RefusedError
from sandbox.github.limits import Limits

_MINUTE, _HOUR = 60, 3600
_READ, _WRITE = 1, 5
_MESSAGE = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "For more on scraping GitHub and how it may affect your rights, please review our Terms of "
    "Service (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service)"
)
_UNKNOWN_WAIT = 60


class _Sliding:
    """What was spent in the last `span` seconds."""

    def __init__(self, span: float, most: int) -> None:
        self._span, self._most = span, most
        self._spent: deque[tuple[float, int]] = deque()

    def wait(self, now: float, points: int) -> float:
        """Return how long until so many points may be spent; 0 if they may now."""
        while self._spent and self._spent[0][0] <= now - self._span:
            self._spent.popleft()
        over = sum(cost for _, cost in self._spent) + points - self._most
        if over <= 0:
            return 0.0
        for at, cost in self._spent:
            over -= cost
            if over <= 0:
                return at + self._span - now
        return self._span

    def spend(self, now: float, points: int) -> None:
        self._spent.append((now, points))


class Secondary:
    """Counts for each account; refused requests do not count."""

    def __init__(self, time: Time, limits: Limits) -> None:
        self._time, self._limits = time, limits
        self._windows: dict[tuple[str, ...], _Sliding] = {}
        self._inside: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def inside(self, login: str) -> Iterator[None]:
        """Hold one of the account's places for requests at once."""
        with self._lock:
            most = self._limits.at_once
            if most is not None and self._inside[login] >= most:
                raise exceeded(self._limits, _UNKNOWN_WAIT)
            self._inside[login] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[login] -= 1

    def take(self, login: str, method: str, endpoint: str) -> None:
        """Count one request, or refuse it with the time to wait."""
        points = _READ if method in ("GET", "HEAD") else _WRITE
        with self._lock:
            windows = list(self._concerned(login, method, endpoint))
            now = self._time.monotonic()
            costs = [(window, points if by_points else 1) for window, by_points in windows]
            wait = max((window.wait(now, cost) for window, cost in costs), default=0.0)
            if wait > 0:
                raise exceeded(self._limits, math.ceil(wait))
            for window, cost in costs:
                window.spend(now, cost)

    def _concerned(self, login: str, method: str, endpoint: str) -> Iterator[tuple[_Sliding, bool]]:
        limits = self._limits
        if limits.points_a_minute is not None:
            key = (login, method, endpoint)
            yield self._window(key, _MINUTE, limits.points_a_minute), True
        if method in ("POST", "PUT", "PATCH"):
            if limits.content_a_minute is not None:
                yield self._window((login, "minute"), _MINUTE, limits.content_a_minute), False
            if limits.content_an_hour is not None:
                yield self._window((login, "hour"), _HOUR, limits.content_an_hour), False

    def _window(self, key: tuple[str, ...], span: float, most: int) -> _Sliding:
        return self._windows.setdefault(key, _Sliding(span, most))


def exceeded(limits: Limits, wait: int) -> RefusedError:
    """Return GitHub's refusal for a secondary limit."""
    headers = {"Retry-After": str(wait)} if limits.retry_after else {}
    return RefusedError(limits.status, _MESSAGE, headers=headers)
