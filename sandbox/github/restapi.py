"""The REST API's door: account, limits, route, pages, ETags and headers.

Sources: docs.github.com/rest, "Authenticating to the REST API", "Using pagination" and "Best
practices for using the REST API" (conditional requests).
"""

import contextlib
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from sandbox.github import (
    check_runs,
    contents,
    file_writes,
    git_data,
    hook_calls,
    issues,
    permissions,
    pull_requests,
    reviews,
    statuses,
)
from sandbox.github.apps import App, Apps, app_json, installation_json
from sandbox.github.calls import Call, Handler, Reply
from sandbox.github.errors import RefusedError, not_found
from sandbox.github.quota import Quota
from sandbox.github.secondary import Secondary
from sandbox.github.shapes import Json, Shapes
from sandbox.github.site import Account, Site

_ENTERPRISE = "/api/v3"  # the path of a GitHub Enterprise Server; both are served
_REPOSITORY = re.compile(r"/repos/([^/]+)/([^/]+)(?:/(.*))?")
_TOKENS = re.compile(r"/app/installations/(\d+)/access_tokens")
_OK = 200
_TOPICS = (
    git_data, check_runs, statuses, contents, file_writes, pull_requests, reviews, issues,
    hook_calls,
)  # fmt: skip
_ROUTES = [
    (method, re.compile(pattern), handler)
    for topic in _TOPICS
    for method, pattern, handler in topic.ROUTES
]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response with what the journal wants to know of it."""

    response: Response
    login: str | None
    sent: Mapping[str, Any]
    body: Any


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands before the handlers: limits, and troubles that a test asked for."""

    quota: Quota
    secondary: Secondary
    trouble: Callable[[str], RefusedError | None]


class RestApi:
    """Answers requests about one repository."""

    def __init__(
        self, site: Site, account: Callable[[str], Account], apps: Apps, guards: Guards
    ) -> None:
        self._site = site
        self._account = account
        self._apps = apps
        self._guards = guards
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        login: str | None = None
        sent: Mapping[str, Any] = {}
        more: Mapping[str, str] = {}
        try:
            if _is_apps(_api_path(request)[0]):
                app = self._apps.signed_in(_token(request))
                login, sent = app.slug, _sent(request)
                reply = self._for_app(request, app, sent)
            else:
                account = self._account(_token(request))
                login, sent = account.login, _sent(request)
                reply = self._reply(request, account, sent)
        except RefusedError as error:
            reply, more = Reply(error.status, error.as_json()), error.headers
        body, links = _page(request, reply) if reply.paged else (reply.body, {})
        response = self._response(request, reply.status, body, login)
        response.headers.update({**links, **more})
        return Answer(response, login, sent, body)

    def _response(self, request: Request, status: int, body: object, login: str | None) -> Response:
        text = "" if body is None else json.dumps(body, ensure_ascii=False)
        tag = _tag(text) if request.method == "GET" and status == _OK else None
        if tag and request.if_none_match.contains_weak(tag):
            status, text = 304, ""
            if login and request.path != "/rate_limit":
                self._guards.quota.give_back(login)
        kind = "application/json; charset=utf-8"
        response = Response(text, status, self._headers(login), content_type=kind)
        if tag:
            response.set_etag(tag, weak=True)
        return response

    def _for_app(self, request: Request, app: App, sent: Mapping[str, Any]) -> Reply:
        path, shapes, place = _api_path(request)[0], self._shapes(request), self._site.place
        if trouble := self._guards.trouble(call_of(request)):
            raise trouble
        if request.method == "POST" and (found := _TOKENS.fullmatch(path)):
            return self._apps.new_token(app, int(found[1]), sent)
        here = f"/repos/{place.owner}/{place.name}/installation"
        installation = installation_json(app, shapes)
        match (request.method, path):
            case ("GET", "/app"):
                return Reply(200, app_json(app, shapes))
            case ("GET", "/app/installations"):
                return Reply(200, [installation], paged=True)
            case ("GET", asked) if asked in (here, f"/app/installations/{app.installation}"):
                return Reply(200, installation)
            case _:
                raise not_found()

    def _reply(self, request: Request, account: Account, sent: Mapping[str, Any]) -> Reply:
        path, guards = _api_path(request)[0], self._guards
        with contextlib.ExitStack() as stack:
            stack.enter_context(guards.secondary.inside(account.login))
            stack.enter_context(self._site.lock)
            if path == "/rate_limit":
                return Reply(200, guards.quota.as_json(account.login))
            guards.quota.take(account.login)
            if trouble := guards.trouble(call_of(request)):
                raise trouble
            if path == "/user" or path.startswith("/users/"):
                return _user(self._shapes(request), path, account)
            handler, names, endpoint = self._route(request.method, path)
            guards.secondary.take(account.login, request.method, endpoint)
            permissions.check(account.permissions, request.method, _below(path))
            call = Call(account, request.args.to_dict(), sent, self._shapes(request))
            return handler(self._site, call, **names)

    def _shapes(self, request: Request) -> Shapes:
        return Shapes(self._site.place, _api_path(request)[1], request.host_url.rstrip("/"))

    def _route(self, method: str, path: str) -> tuple[Handler, dict[str, str], str]:
        found = _REPOSITORY.fullmatch(path)
        if not found or found.groups()[:2] != (self._site.place.owner, self._site.place.name):
            raise not_found()
        for wanted, pattern, handler in _ROUTES:
            if wanted == method and (match := pattern.fullmatch(_below(path))):
                return handler, match.groupdict(), pattern.pattern
        raise not_found()

    def _headers(self, login: str | None) -> dict[str, str]:
        quota = self._guards.quota.headers(login) if login else {}
        number = next(self._numbers)
        return {"X-GitHub-Request-Id": f"5A4D:{number:04X}:{number:08X}", **quota}


def call_of(request: Request) -> str:
    """Name a request: its method and its path below the repository, or the whole path."""
    path, _ = _api_path(request)
    return f"{request.method} {_below(path) or path}"


def _below(path: str) -> str:
    found = _REPOSITORY.fullmatch(path)
    return (found[3] or "") if found else ""


def _is_apps(path: str) -> bool:
    return path == "/app" or path.startswith("/app/") or _below(path) == "installation"


def _api_path(request: Request) -> tuple[str, str]:
    host, path = request.host_url.rstrip("/"), request.path
    if path.startswith(f"{_ENTERPRISE}/"):
        return path.removeprefix(_ENTERPRISE), host + _ENTERPRISE
    return path, host


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() not in ("token", "bearer"):
        raise RefusedError(401, "Requires authentication")
    return token.strip()


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


def _tag(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _user(shapes: Shapes, path: str, account: Account) -> Reply:
    login = path.removeprefix("/users/") if path.startswith("/users/") else account.login
    return Reply(200, {**shapes.user(login), "name": login, "email": None})


def _page(request: Request, reply: Reply) -> tuple[object, dict[str, str]]:
    if isinstance(reply.paged, str):
        part, links = _part(request, reply.body[reply.paged])
        return {**reply.body, reply.paged: part}, links
    return _part(request, reply.body)


def _part(request: Request, items: Sequence[Json]) -> tuple[Sequence[Json], dict[str, str]]:
    size = max(1, min(100, request.args.get("per_page", 30, int)))
    page = max(1, request.args.get("page", 1, int))
    last = max(1, -(-len(items) // size))
    links = []
    for name, number in (("next", page + 1), ("last", last)):
        if page < last:
            query = urlencode({**request.args.to_dict(), "page": number, "per_page": size})
            links.append(f'<{request.base_url}?{query}>; rel="{name}"')
    headers = {"Link": ", ".join(links)} if links else {}
    return items[(page - 1) * size : page * size], headers
