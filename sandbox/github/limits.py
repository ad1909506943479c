"""Pure: how much one account may do.

Source: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What is counted; None is not.

    `hourly` is the primary limit; without it this GitHub behaves like an Enterprise Server whose
    rate limits are off: no X-RateLimit headers, `GET /rate_limit` is a 404. The rest are the
    secondary limits: requests that create content, points of one endpoint (GET 1, writes 5) and
    requests at once. GitHub refuses with 403 or 429 (`status`), mostly with Retry-After.
    """

    hourly: int | None = None
    content_a_minute: int | None = None
    content_an_hour: int | None = None
    points_a_minute: int | None = None
    at_once: int | None = None
    status: int = 403
    retry_after: bool = True

    @classmethod
    def none(cls) -> "Limits":
        """Return no limits at all."""
        return cls()

    @classmethod
    def documented(cls) -> "Limits":
        """Return the limits of github.com for a user's token or a small installation."""
        return cls(5000, content_a_minute=80, content_an_hour=500, points_a_minute=900, at_once=100)
