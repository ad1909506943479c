"""Slack's own troubles on demand: chosen calls answered with an error code, as the pages list them.

Source: the "Errors" tables of docs.slack.dev/reference/methods; `fatal_error` and `internal_error`
say there that part of the operation may have succeeded, so a call may act before it is refused.
Dropped and held connections and answers that are no JSON are `sandbox.faults`.
"""

import http.client
import re
from dataclasses import dataclass

from sandbox.slack.errors import RefusedError


@dataclass(slots=True)
class Trouble:
    """The nth call (and `times` in all) whose method matches gets `error`.

    `has_acted` refuses after the method did its work; `retry_after` (seconds) makes it a 429.
    """

    call: str
    error: str
    nth: int = 1
    times: int = 1
    has_acted: bool = False
    retry_after: int = 0
    seen: int = 0

    def strikes(self, method: str) -> bool:
        """Say whether this call is meant, counting it if its method is."""
        if not re.fullmatch(self.call, method):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times

    def refusal(self) -> RefusedError:
        """Return the answer."""
        status = http.client.TOO_MANY_REQUESTS if self.retry_after else http.client.OK
        return RefusedError(self.error, status=status, retry_after=self.retry_after)


class Troubles:
    """The troubles in force; the caller holds the store's lock."""

    def __init__(self) -> None:
        self._armed: list[Trouble] = []

    def arm(self, trouble: Trouble) -> None:
        """Put one in force."""
        self._armed.append(trouble)

    def take(self, method: str) -> Trouble | None:
        """Return what strikes this call, if anything; each counts its own calls."""
        struck = [trouble for trouble in self._armed if trouble.strikes(method)]
        return struck[0] if struck else None
