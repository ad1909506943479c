"""A payload on its way to the app: over signed HTTP or over Socket Mode, three seconds each.

Sources: docs.slack.dev, authentication/verifying-requests-from-slack, interactivity and
apis/events-api (forms for commands and interactions, JSON for events; retry headers). Status 0
stands for no answer. Redirects count as errors here; Slack follows two.
"""

import hashlib
import hmac
import http.client
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Literal, Protocol
from urllib.parse import urlencode, urlsplit

from sandbox.slack.records import Json
from sandbox.slack.settings import AppSettings
from sandbox.slack.store import Store

Kind = Literal["slash_commands", "interactive", "events_api"]

# What a person reads in place of an answer; of these Slack documents the timeout only.
TOO_LATE = "operation_timeout"
NOBODY_THERE = "dispatch_failed"
_FAILURES = {3: "http_error", 4: "http_client_error", 5: "http_service_error"}

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the app took a payload: HTTP status, body and real seconds.

    Status 0 means no answer; the body is then the error that the person reads. Over Socket Mode an
    acknowledgement is status 200 and its payload, if any, the body.
    """

    status: int
    body: str
    elapsed: float
    content_type: str = ""
    no_retry: bool = False

    @property
    def failure(self) -> str:
        """Slack's code for an answer that is not a 200; nothing for one that is."""
        if self.status == http.client.OK:
            return ""
        return _FAILURES.get(self.status // 100, self.body or "http_error")

    def as_json(self) -> Json:
        """Return it as builtins."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One payload; `attempt` counts the tries before this one and `reason` says why they failed."""

    kind: Kind
    payload: Json
    attempt: int = 0
    reason: str = ""

    def encoded(self) -> tuple[bytes, str]:
        """Return the HTTP body and its content type."""
        match self.kind:
            case "slash_commands":
                return urlencode(self.payload).encode(), _FORM
            case "interactive":
                return urlencode({"payload": json.dumps(self.payload)}).encode(), _FORM
            case "events_api":
                return json.dumps(self.payload).encode(), _JSON


class Wire(Protocol):
    """The other way to the app: WebSockets."""

    def send(self, parcel: Parcel, patience: float) -> Delivery:
        """Send an envelope and wait at most `patience` real seconds for its acknowledgement."""


class Courier:
    """Carries parcels to the app, the way its settings say."""

    patience = 3.0  # real seconds, as Slack gives them

    def __init__(self, store: Store, sockets: Wire) -> None:
        self._store = store
        self._sockets = sockets

    def carry(self, parcel: Parcel, settings: AppSettings) -> Delivery:
        """Deliver one parcel once; nobody there is status 0 as well."""
        if settings.socket_mode:
            return self._sockets.send(parcel, self.patience)
        body, content_type = parcel.encoded()
        headers = self.signed_headers(body, content_type)
        if parcel.attempt:
            headers["X-Slack-Retry-Num"] = str(parcel.attempt)
            headers["X-Slack-Retry-Reason"] = parcel.reason
        return _post(settings.request_url, body, headers, self.patience)

    def signed_headers(self, body: bytes, content_type: str = _FORM) -> dict[str, str]:
        """Return the headers that prove a body came from Slack, at the sandbox's time."""
        at = str(int(self._store.time.now().timestamp()))
        base = b"v0:" + at.encode() + b":" + body
        secret = self._store.team.signing_secret.encode()
        return {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": "v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest(),
        }


def _post(app: str, body: bytes, headers: Mapping[str, str], patience: float) -> Delivery:
    parts, began = urlsplit(app), perf_counter()
    if not parts.netloc:
        return Delivery(0, NOBODY_THERE, 0.0)
    connection = http.client.HTTPConnection(parts.netloc, timeout=patience)
    try:
        connection.request("POST", parts.path or "/", body, dict(headers))
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        kind = answer.headers.get("Content-Type", "")
        stop = answer.headers.get("X-Slack-No-Retry") == "1"
        return Delivery(answer.status, text, perf_counter() - began, kind, stop)
    except TimeoutError:
        return Delivery(0, TOO_LATE, perf_counter() - began)
    except (OSError, http.client.HTTPException):
        return Delivery(0, NOBODY_THERE, perf_counter() - began)
    finally:
        connection.close()
