"""What slack-sdk tries again by itself, for every client of ours.

A 429 was not carried out, so it is tried again when Slack says, unless that is too late. A
connection that broke may have been: what would then stand twice is not tried again here;
`bot.speaker` looks for it first.
Source: slack_sdk.http_retry, which waits for 429s only if told to.
"""

import http.client
import math
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryHandler, RetryState
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
)

ONCE = ("chat.postMessage", "chat.startStream", "chat.appendStream")
"""Methods that say something anew each time they are called."""

SOON = 1
"""Longest wait for Slack where a person waits for us, in seconds."""

LATE = 60
"""Longest wait where nobody does, in seconds: a whole window of Slack's limits. Source:
docs.slack.dev, rate limits, which are per minute. A thread waits meanwhile, and a claim is held."""


class _Broken(ConnectionErrorRetryHandler):
    """Broken connections and answers, except of what would be said twice."""

    def __init__(self) -> None:
        super().__init__(error_types=[URLError, ConnectionResetError, http.client.HTTPException])

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        may = not request.url.endswith(ONCE)
        return may and super()._can_retry(
            state=state, request=request, response=response, error=error
        )


class _Limited(RateLimitErrorRetryHandler):
    """429s that end within so many seconds; of a longer one its caller hears at once."""

    def __init__(self, longest: int, times: int) -> None:
        super().__init__(max_retry_count=times)
        self._longest = longest

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        limited = super()._can_retry(state=state, request=request, response=response, error=error)
        return limited and response is not None and wait_of(response.headers) <= self._longest


def handlers() -> list[RetryHandler]:
    """Return what is tried again where nobody waits."""
    return [_Broken(), _Limited(LATE, times=2)]


def hasty_handlers() -> list[RetryHandler]:
    """Return what is tried again while a person waits for an answer within three seconds."""
    return [_Limited(SOON, times=1)]


def wait_of(headers: Mapping[str, Any]) -> float:
    """Return the seconds that a 429 asks to wait; two where it does not say, as slack-sdk does.

    No number that can be waited for, such as a date, is longer than any wait.
    """
    found = [v for k, v in headers.items() if k.lower() == "retry-after"]
    said = "".join(found[0]) if found else str(SOON + 1)  # slack-sdk gives a list, or its one text
    return float(said) if said.isascii() and said.isdigit() else math.inf
