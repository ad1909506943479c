"""Slash commands on their way to the app: the signed form POST and what the person then sees.

Sources: docs.slack.dev/interactivity/implementing-slash-commands and
authentication/verifying-requests-from-slack.
"""

import hashlib
import hmac
import http.client
import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from urllib.parse import urlencode, urlsplit

from sandbox.journal import Journal
from sandbox.slack.calls import Call
from sandbox.slack.errors import RefusedError
from sandbox.slack.records import Json
from sandbox.slack.responses import Responses, ResponseUrl
from sandbox.slack.store import Store

# What the person reads in place of an answer; of these Slack documents the timeout only.
_TOO_LATE = "operation_timeout"
_NOBODY_THERE = "dispatch_failed"
_FAILURES = {4: "http_client_error", 5: "http_service_error"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the app took a command: HTTP status, body and real seconds.

    Status 0 means no answer; the body is then the error that the person reads.
    """

    status: int
    body: str
    elapsed: float
    content_type: str = ""

    def as_json(self) -> Json:
        """Return it as builtins."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as a person typed it."""

    command: str
    text: str
    user: str
    channel: str


class Deliveries:
    """Sends commands to an app."""

    patience = 3.0  # real seconds, as Slack gives them

    def __init__(self, store: Store, responses: Responses, journal: Journal) -> None:
        self._store = store
        self._responses = responses
        self._journal = journal
        self._numbers = itertools.count(1)

    def send(self, app: str, typed: Typed, base_url: str) -> Delivery:
        """Deliver one command to the app's URL and show its answer to the person."""
        url = self._responses.open(typed.user, typed.channel)
        form = self._form(typed, f"{base_url}/respond/{url.id}")
        body = urlencode(form).encode()
        delivery = _post(app, body, self.signed_headers(body), self.patience)
        self._show(delivery, typed, url)
        self._journal.add(
            "slack",
            "command.delivered",
            ok=delivery.status == http.client.OK,
            user=typed.user,
            channel=typed.channel,
            command=typed.command,
            text=typed.text,
            response_url=form["response_url"],
            trigger_id=form["trigger_id"],
            **delivery.as_json(),
        )
        return delivery

    def signed_headers(self, body: bytes) -> dict[str, str]:
        """Return the headers that prove a body came from Slack, at the sandbox's time."""
        at = str(int(self._store.time.now().timestamp()))
        base = b"v0:" + at.encode() + b":" + body
        secret = self._store.team.signing_secret.encode()
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": "v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest(),
        }

    def _form(self, typed: Typed, response_url: str) -> dict[str, str]:
        team = self._store.team
        return {
            "token": "verification-token-of-old",
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": typed.channel,
            "channel_name": self._store.channels[typed.channel].name,
            "user_id": typed.user,
            "user_name": team.people[typed.user],
            "command": typed.command,
            "text": typed.text,
            "api_app_id": team.app_id,
            "is_enterprise_install": "false",
            "response_url": response_url,
            "trigger_id": f"{next(self._numbers)}.{team.id}.{self._store.new_ts()}",
        }

    def _show(self, delivery: Delivery, typed: Typed, url: ResponseUrl) -> None:
        try:
            answer = _answer(delivery)
            if answer.get("text") or answer.get("blocks"):
                with self._store.lock:
                    self._responses.show(url, Call("command", answer))
        except RefusedError as error:
            sorry = {"text": f'{typed.command} failed with the error "{error.code}"'}
            with self._store.lock:
                self._responses.show(url, Call("command", sorry))


def _answer(delivery: Delivery) -> Mapping[str, object]:
    if delivery.status != http.client.OK:
        raise RefusedError(_FAILURES.get(delivery.status // 100, delivery.body))
    if not delivery.content_type.startswith("application/json"):
        return {"text": delivery.body}
    try:
        return dict(json.loads(delivery.body or "{}"))
    except (ValueError, TypeError) as error:
        raise RefusedError("invalid_command_response") from error


def _post(app: str, body: bytes, headers: Mapping[str, str], patience: float) -> Delivery:
    parts, began = urlsplit(app), perf_counter()
    connection = http.client.HTTPConnection(parts.netloc, timeout=patience)
    try:
        connection.request("POST", parts.path or "/", body, dict(headers))
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        kind = answer.headers.get("Content-Type", "")
        return Delivery(answer.status, text, perf_counter() - began, kind)
    except TimeoutError:
        return Delivery(0, _TOO_LATE, perf_counter() - began)
    except (OSError, http.client.HTTPException):
        return Delivery(0, _NOBODY_THERE, perf_counter() - began)
    finally:
        connection.close()
