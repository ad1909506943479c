"""The primary rate limit: so many calls an hour for each account.

Source: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api; of 304s, "Best
practices for using the REST API".
"""

from dataclasses import dataclass

from sandbox.clock import Time
from sandbox.github.errors import RefusedError
from sandbox.github.limits import Limits
from sandbox.github.shapes import Json, number_of

_HOUR = 3600


@dataclass(slots=True)
class _Window:
    until: float
    used: int = 0


class Quota:
    """Counts the calls of each account in windows of an hour."""

    def __init__(self, time: Time, limits: Limits) -> None:
        self._time = time
        self._limits = limits
        self._windows: dict[str, _Window] = {}

    def take(self, login: str) -> None:
        """Count one call, or refuse it."""
        window, hourly = self._window(login), self._limits.hourly
        if hourly is not None and window.used >= hourly:
            reason = f"API rate limit exceeded for user ID {number_of(login)}."
            raise RefusedError(self._limits.status, reason)
        window.used += 1

    def give_back(self, login: str) -> None:
        """Take a call off again: an answer of 304 does not count."""
        self._window(login).used -= 1

    def as_json(self, login: str) -> Json:
        """Return the account's standing as `GET /rate_limit` shows it."""
        used, hourly = self._window(login).used, self._limits.hourly
        if hourly is None:
            raise RefusedError(404, "Rate limiting is not enabled.")
        core = {
            "limit": hourly,
            "used": used,
            "remaining": hourly - used,
            "reset": self._reset(login),
            "resource": "core",
        }
        return {"resources": {"core": core}, "rate": core}

    def headers(self, login: str) -> dict[str, str]:
        """Return the headers that every answer carries."""
        if self._limits.hourly is None:
            return {}
        core = self.as_json(login)["rate"]
        return {f"X-RateLimit-{name.capitalize()}": str(value) for name, value in core.items()}

    def _window(self, login: str) -> _Window:
        now = self._time.monotonic()
        window = self._windows.get(login)
        if window is None or window.until <= now:
            window = self._windows[login] = _Window(now + _HOUR)
        return window

    def _reset(self, login: str) -> int:
        left = self._window(login).until - self._time.monotonic()
        return int(self._time.now().timestamp() + left)
