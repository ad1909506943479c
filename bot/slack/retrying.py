"""What slack-sdk tries again by itself, for every client of ours.

A 429 was not carried out, so it is tried again when Slack says. A connection that broke may have
been: what would then stand twice is not tried again here; `bot.speaker` looks for it first.
Source: slack_sdk.http_retry, which waits for 429s only if told to.
"""

import http.client
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


class _Soon(RateLimitErrorRetryHandler):
    """429s that end before a person's three seconds do."""

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        limited = super()._can_retry(state=state, request=request, response=response, error=error)
        return limited and response is not None and _wait(response) <= SOON


def handlers() -> list[RetryHandler]:
    """Return what is tried again where nobody waits."""
    return [_Broken(), RateLimitErrorRetryHandler(max_retry_count=2)]


def hasty_handlers() -> list[RetryHandler]:
    """Return what is tried again while a person waits for an answer within three seconds."""
    return [_Soon(max_retry_count=1)]


def _wait(response: HttpResponse) -> float:
    """Return the seconds that Slack asks to wait; a while where it does not say."""
    found = [v for k, v in response.headers.items() if k.lower() == "retry-after"]
    said = found[0][0] if found else ""
    return float(said) if said.isdigit() else SOON + 1
