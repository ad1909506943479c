"""The REST API's door: account, quota, route, pages and headers.

Sources: docs.github.com/rest, "Authenticating to the REST API" and "Using pagination".
"""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from sandbox.github import contents, git_data, issues, pull_requests
from sandbox.github.calls import Call, Handler, Reply
from sandbox.github.errors import RefusedError, not_found
from sandbox.github.quota import Quota
from sandbox.github.shapes import Json, Shapes
from sandbox.github.site import Account, Site

_ENTERPRISE = "/api/v3"  # the path of a GitHub Enterprise Server; both are served
_REPOSITORY = re.compile(r"/repos/([^/]+)/([^/]+)(?:/(.*))?")

_ROUTES = [
    (method, re.compile(pattern), handler)
    for topic in (git_data, contents, pull_requests, issues)
    for method, pattern, handler in topic.ROUTES
]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response with what the journal wants to know of it."""

    response: Response
    login: str | None
    sent: Mapping[str, Any]
    body: Any


class RestApi:
    """Answers requests about one repository."""

    def __init__(self, site: Site, accounts: Mapping[str, Account], quota: Quota) -> None:
        self._site = site
        self._accounts = accounts
        self._quota = quota
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        account: Account | None = None
        sent: Mapping[str, Any] = {}
        try:
            account = self._account(request)
            sent = _sent(request)
            reply = self._reply(request, account, sent)
        except RefusedError as error:
            reply = Reply(error.status, error.as_json())
        body, headers = _page(request, reply) if reply.paged else (reply.body, {})
        headers |= self._headers(account)
        text = "" if body is None else json.dumps(body, ensure_ascii=False)
        kind = "application/json; charset=utf-8"
        response = Response(text, reply.status, headers, content_type=kind)
        return Answer(response, account.login if account else None, sent, body)

    def _account(self, request: Request) -> Account:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in ("token", "bearer"):
            raise RefusedError(401, "Requires authentication")
        found = self._accounts.get(token.strip())
        if found is None:
            raise RefusedError(401, "Bad credentials")
        return found

    def _reply(self, request: Request, account: Account, sent: Mapping[str, Any]) -> Reply:
        path, api = _api_path(request)
        with self._site.lock:
            if path == "/rate_limit":
                return Reply(200, self._quota.as_json(account.login))
            self._quota.take(account.login)
            shapes = Shapes(self._site.place, api, request.host_url.rstrip("/"))
            if path == "/user" or path.startswith("/users/"):
                return _user(shapes, path, account)
            handler, names = self._route(request.method, path)
            call = Call(account, request.args.to_dict(), sent, shapes)
            return handler(self._site, call, **names)

    def _route(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        found = _REPOSITORY.fullmatch(path)
        if not found or found.groups()[:2] != (self._site.place.owner, self._site.place.name):
            raise not_found()
        below = found[3] or ""
        for wanted, pattern, handler in _ROUTES:
            if wanted == method and (match := pattern.fullmatch(below)):
                return handler, match.groupdict()
        raise not_found()

    def _headers(self, account: Account | None) -> dict[str, str]:
        quota = self._quota.headers(account.login) if account else {}
        number = next(self._numbers)
        return {"X-GitHub-Request-Id": f"5A4D:{number:04X}:{number:08X}", **quota}


def call_of(request: Request) -> str:
    """Name a request: its method and its path below the repository, or the whole path."""
    path, _ = _api_path(request)
    found = _REPOSITORY.fullmatch(path)
    return f"{request.method} {found[3] if found and found[3] else path}"


def _api_path(request: Request) -> tuple[str, str]:
    host, path = request.host_url.rstrip("/"), request.path
    if path.startswith(f"{_ENTERPRISE}/"):
        return path.removeprefix(_ENTERPRISE), host + _ENTERPRISE
    return path, host


def _sent(request: Request) -> Mapping[str, Any]:
    raw = request.get_data()
    try:
        found = json.loads(raw) if raw else {}
    except ValueError as error:
        raise RefusedError(400, "Problems parsing JSON") from error
    # Labels may come as a bare list (docs.github.com/rest/issues/labels).
    found = {"labels": found} if isinstance(found, list) else found
    if not isinstance(found, dict):
        raise RefusedError(400, "Body should be a JSON object")
    return found


def _user(shapes: Shapes, path: str, account: Account) -> Reply:
    login = path.removeprefix("/users/") if path.startswith("/users/") else account.login
    return Reply(200, {**shapes.user(login), "name": login, "email": None})


def _page(request: Request, reply: Reply) -> tuple[Sequence[Json], dict[str, str]]:
    size = max(1, min(100, request.args.get("per_page", 30, int)))
    page = max(1, request.args.get("page", 1, int))
    last = max(1, -(-len(reply.body) // size))
    links = []
    for name, number in (("next", page + 1), ("last", last)):
        if page < last:
            query = urlencode({**request.args.to_dict(), "page": number, "per_page": size})
            links.append(f'<{request.base_url}?{query}>; rel="{name}"')
    headers = {"Link": ", ".join(links)} if links else {}
    return reply.body[(page - 1) * size : page * size], headers
