"""Edge: lets only requests through that Slack signed, before anything reads their body.

slack-sdk's verifier raises on malformed time stamps and signatures, and bolt then answers 500 and
logs the body; here every failure is a 401 of one line, and nothing of the request is logged.
Source: docs.slack.dev, "Verifying requests from Slack" (v0, HMAC-SHA256, five minutes).
"""

import io
import re
from collections.abc import Iterable

from slack_sdk.signature import SignatureVerifier

from bot.web import Environ, Start, Wsgi, body_of, plain
from gitops.clock import Clock

_TIMESTAMP = re.compile(r"[0-9]{1,12}\Z")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}\Z")


class _Seconds:
    """slack-sdk's clock over ours, so that a sandbox's time counts here too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._clock.now().timestamp()


def signed_only(app: Wsgi, secret: str, clock: Clock, limit: int) -> Wsgi:
    """Wrap a WSGI app: what Slack did not sign, or signed five minutes ago, gets 401.

    A body larger than `limit` bytes gets 413 and is not read.
    """
    verifier = SignatureVerifier(secret, clock=_Seconds(clock))  # type: ignore[arg-type] # same shape

    def guard(environ: Environ, start_response: Start) -> Iterable[bytes]:
        body = body_of(environ, limit)
        if body is None:
            return plain(start_response, "413 Content Too Large", "too large")
        if not _is_signed(verifier, environ, body):
            return plain(start_response, "401 Unauthorized", "not signed by Slack, or too old")
        environ["wsgi.input"] = io.BytesIO(body)
        return app(environ, start_response)

    return guard


def _is_signed(verifier: SignatureVerifier, environ: Environ, body: bytes) -> bool:
    timestamp = environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")
    signature = environ.get("HTTP_X_SLACK_SIGNATURE", "")
    if not (_TIMESTAMP.match(timestamp) and _SIGNATURE.match(signature)):
        return False
    try:
        return verifier.is_valid(body.decode(), timestamp, signature)
    except UnicodeDecodeError:
        return False
