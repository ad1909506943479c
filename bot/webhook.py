"""Edge: GitHub's webhook. It only says that a pull request has changed; looking decides.

Every request is signed with the webhook's secret over its bytes, and is read only after that. A
delivery that comes twice has one effect; one that is lost is made good by polling. A commit status
names no pull request, and a check run of an App need not: then the branch leads to the pull
request that was proposed last from it. Source: docs.github.com, "Validating webhook deliveries"
(X-Hub-Signature-256), "Webhook events and payloads".
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.errors import StoreUnavailableError
from bot.store import Proposal, Wakes
from bot.web import BODY_LIMIT, Environ, Start, Wsgi, body_of, plain

LIMIT = BODY_LIMIT
"""Largest body that is read, in bytes; GitHub itself sends up to 25 MB, of pushes."""

EVENTS = frozenset({"pull_request", "pull_request_review", "check_run", "check_suite", "status"})
"""The events that say something of a pull request; others are taken and left alone."""

MOST = 20
"""Most pull requests that one event wakes; a check run names all that end in its commit."""

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}\Z")
_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,100}\Z")
_LARGEST = 2**31 - 1  # more than any repository has
_EVENT = re.compile(r"[a-z_]{1,50}\Z")
_log = logging.getLogger(__name__)

Answer = tuple[str, str]
Proposals = Callable[[], Iterable[Proposal]]


class _Repository(msgspec.Struct):
    full_name: str = ""


class _Number(msgspec.Struct):
    number: int = 0


class _Suite(msgspec.Struct):
    status: str | None = None
    head_branch: str | None = None
    pull_requests: list[_Number] = []


class _Run(msgspec.Struct):
    status: str | None = None
    check_suite: _Suite | None = None
    pull_requests: list[_Number] = []


class _Branch(msgspec.Struct):
    name: str = ""


class _Event(msgspec.Struct):
    """What is read of an event; `state` and `branches` are a status' own.

    The branches are those that end in its commit.
    """

    state: str | None = None
    repository: _Repository | None = None
    pull_request: _Number | None = None
    check_run: _Run | None = None
    check_suite: _Suite | None = None
    branches: list[_Branch] = []

    @property
    def is_under_way(self) -> bool:
        """Say whether it is of a check that has not come to its end: a push has many of those."""
        check = self.check_run or self.check_suite
        if check is not None:
            return check.status not in (None, "completed")
        return self.state == "pending"

    def numbers(self) -> list[int]:
        """Return the pull requests that it names."""
        named = [self.pull_request] if self.pull_request else []
        for run in (self.check_run, self.check_suite):
            named += run.pull_requests if run else []
        return [pull.number for pull in named]

    def of_branches(self) -> set[str]:
        """Return the branches that it is about."""
        suite = self.check_suite or (self.check_run.check_suite if self.check_run else None)
        names = {branch.name for branch in self.branches}
        return names | ({suite.head_branch} if suite and suite.head_branch else set())


@dataclass(frozen=True, slots=True)
class Webhook:
    """Takes the webhooks of one repository, or of any that is signed where it is not known.

    `proposals` are read for events that name no pull request.
    """

    secret: str
    repository: str
    wakes: Wakes
    proposals: Proposals

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Answer a request, having woken the watcher where there is reason to."""
        status, line = self._answer(environ)
        return plain(start_response, status, line)

    def _answer(self, environ: Environ) -> Answer:
        body = body_of(environ, LIMIT)
        if body is None:
            return "413 Content Too Large", "too large"
        if not _is_signed(self.secret, environ, body):
            return "401 Unauthorized", "not signed with the webhook's secret"
        kind, delivery = environ.get("HTTP_X_GITHUB_EVENT", ""), _delivery(environ)
        if not _EVENT.match(kind) or not _DELIVERY.match(delivery):
            return "400 Bad Request", "not a delivery of GitHub's"
        if kind not in EVENTS:
            return "202 Accepted", "pong" if kind == "ping" else "not an event that is followed"
        event = _event(body)
        if event is None:
            return "400 Bad Request", "not an event as JSON; set the content type application/json"
        return self._take(event, delivery)

    def _take(self, event: _Event, delivery: str) -> Answer:
        name = event.repository.full_name if event.repository else ""
        if self.repository and name.lower() != self.repository.lower():
            return "202 Accepted", "not our repository"
        if event.is_under_way:
            return "202 Accepted", "a check that goes on"
        try:
            for number in self._numbers(event):
                fresh = self.wakes.wake(number, delivery)
                _log.info("webhook delivery=%s pull=%s fresh=%s", delivery, number, fresh)
        except StoreUnavailableError as error:  # GitHub shows it; polling finds the change anyway
            _log.warning("webhook lost delivery=%s error=%s", delivery, error)
            return "503 Service Unavailable", "Redis does not answer"
        return "202 Accepted", "taken"

    def _numbers(self, event: _Event) -> list[int]:
        found = [number for number in event.numbers() if 0 < number <= _LARGEST]
        names: set[str] = set() if found else event.of_branches()
        if any(name.startswith("llm/") for name in names):
            found = [p.pull_number for p in self.proposals() if f"llm/{p.key}" in names]
        return list(dict.fromkeys(found))[:MOST]


def webhook(secret: str, repository: str, wakes: Wakes, proposals: Proposals) -> Wsgi:
    """Return the app that takes webhooks of one repository; see Webhook."""
    return Webhook(secret, repository, wakes, proposals)


def _delivery(environ: Environ) -> str:
    return str(environ.get("HTTP_X_GITHUB_DELIVERY", ""))


def _event(body: bytes) -> _Event | None:
    try:
        return msgspec.json.decode(body, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # RecursionError: nested deep
        return None


def _is_signed(secret: str, environ: dict[str, Any], body: bytes) -> bool:
    given = environ.get("HTTP_X_HUB_SIGNATURE_256", "")
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(_SIGNATURE.match(given)) and hmac.compare_digest(given, wanted)
