"""Edge: GitHub's webhook. It only says that a pull request has changed; looking decides.

Every request is signed with the webhook's secret over its bytes, and is read only after that. A
delivery that comes twice has one effect. Source: docs.github.com, "Validating webhook deliveries"
(X-Hub-Signature-256), "Webhook events and payloads".
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from bot.errors import StoreUnavailableError
from bot.store import Wakes
from bot.web import Environ, Start, Wsgi, body_of, plain

LIMIT = 1024 * 1024
"""Largest body that is read, in bytes; GitHub itself sends up to 25 MB, of pushes."""

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}\Z")
_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,100}\Z")
_log = logging.getLogger(__name__)


class _Repository(msgspec.Struct):
    full_name: str = ""


class _Number(msgspec.Struct):
    number: int = 0


class _Run(msgspec.Struct):
    pull_requests: list[_Number] = []


class _Event(msgspec.Struct):
    """What is read of an event; `sha` and `head` of a status say which commit it is on."""

    repository: _Repository = msgspec.field(default_factory=_Repository)
    pull_request: _Number | None = None
    check_run: _Run | None = None
    check_suite: _Run | None = None
    sha: str = ""


def webhook(secret: str, repository: str, wakes: Wakes) -> Wsgi:
    """Return the app that takes webhooks of one repository."""

    def take(environ: Environ, start_response: Start) -> Iterable[bytes]:
        status, line = _answer(environ, secret, repository, wakes)
        return plain(start_response, status, line)

    return take


def _answer(environ: Environ, secret: str, repository: str, wakes: Wakes) -> tuple[str, str]:
    """Return status and line for a request, having woken the watcher where there is reason to."""
    body = body_of(environ, LIMIT)
    if body is None:
        return "413 Content Too Large", "too large"
    if not _is_signed(secret, environ, body):
        return "401 Unauthorized", "not signed with the webhook's secret"
    delivery = environ.get("HTTP_X_GITHUB_DELIVERY", "")
    event = _event(body)
    if event is None or not _DELIVERY.match(delivery):
        return "400 Bad Request", "not an event of GitHub's"
    if event.repository.full_name.lower() != repository.lower():
        return "202 Accepted", "not our repository"
    try:
        _wake(event, delivery, wakes)
    except StoreUnavailableError as error:  # GitHub shows it; polling finds the change anyway
        _log.warning("webhook lost delivery=%s error=%s", delivery, error)
        return "503 Service Unavailable", "Redis does not answer"
    return "202 Accepted", "taken"


def _event(body: bytes) -> _Event | None:
    try:
        return msgspec.json.decode(body, type=_Event)
    except msgspec.DecodeError:
        return None


def _wake(event: _Event, delivery: str, wakes: Wakes) -> None:
    run = event.check_run or event.check_suite
    numbers = [pull.number for pull in run.pull_requests] if run else []
    numbers += [event.pull_request.number] if event.pull_request else []
    for number in numbers:
        fresh = wakes.wake(number, delivery)
        _log.info("webhook delivery=%s pull=%s fresh=%s", delivery, number, fresh)


def _is_signed(secret: str, environ: dict[str, Any], body: bytes) -> bool:
    given = environ.get("HTTP_X_HUB_SIGNATURE_256", "")
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(_SIGNATURE.match(given)) and hmac.compare_digest(given, wanted)
