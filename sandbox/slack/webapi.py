"""The Web API's door: token, scope, limits, then the method; each call ends in the journal.

Sources: docs.slack.dev/apis/web-api, authentication/tokens and apis/web-api/rate-limits.
"""

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from sandbox.journal import Journal
from sandbox.slack.calls import Call, read_arguments
from sandbox.slack.errors import RefusedError
from sandbox.slack.limits import Meter
from sandbox.slack.methods import METHODS, READ, SEE, Method
from sandbox.slack.records import APP_SCOPES, Json
from sandbox.slack.store import Store
from sandbox.slack.troubles import Troubles

_NOT_FOR_THE_JOURNAL = frozenset({"token", "self", "world", "call", "ok"})
_FROM_THE_ANSWER = ("channel", "ts", "message_ts", "error", "needed")


class WebApi:
    """Answers `/api/METHOD`; `troubles` strike chosen calls."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._meter = Meter(store.limits, store.time)
        self.troubles = Troubles()

    def answer(self, request: Request, method: str) -> Response:
        """Answer one call and write it down."""
        arguments: dict[str, Any] = {}
        status, headers = 200, {}
        try:
            arguments = read_arguments(request)
            scopes = self._scopes(request, arguments, method)
            headers["X-OAuth-Scopes"] = ",".join(sorted(scopes))
            body = {"ok": True, **self._run(Call(method, arguments), scopes)}
        except RefusedError as error:
            body, status = error.as_json(), error.status
            headers |= error.headers
        self._write_down(method, arguments, body)
        return Response(json.dumps(body), status, headers, mimetype="application/json")

    def _scopes(self, request: Request, arguments: Mapping[str, Any], name: str) -> frozenset[str]:
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ") or str(arguments.get("token", ""))
        if not token:
            raise RefusedError("not_authed")
        scopes = self._store.team.scopes(token)
        if scopes is None:
            raise RefusedError("invalid_auth")
        method = METHODS.get(name)
        if method is not None and method.app_level != (scopes == APP_SCOPES):
            raise RefusedError("not_allowed_token_type")
        return scopes

    def _run(self, call: Call, scopes: frozenset[str]) -> Json:
        method = METHODS.get(call.method)
        if method is None:
            raise RefusedError("unknown_method", req_method=call.method)
        with self._store.lock:
            trouble = self.troubles.take(call.method)
            if trouble and not trouble.has_acted:
                raise trouble.refusal()
            self._meter.admit(call.method, call.text("channel"))
            self._check_scope(method, call, scopes)
            call.require(*method.required)
            answer = method.answer(self._store, call)
            if trouble:
                raise trouble.refusal()
            return answer

    def _check_scope(self, method: Method, call: Call, scopes: frozenset[str]) -> None:
        needed = method.scope
        if needed in (READ, SEE):
            needed = f"{self._kind(call.text('channel'))}:{needed}"
        if needed is not None and needed not in scopes:
            provided = ",".join(sorted(scopes))
            raise RefusedError("missing_scope", needed=needed, provided=provided)

    def _kind(self, channel: str) -> str:
        found = self._store.channels.get(channel)
        if found is not None and found.is_im:
            return "im"
        return "groups" if found is not None and found.is_private else "channels"

    def _write_down(self, method: str, arguments: Mapping[str, Any], body: Json) -> None:
        detail = {k: v for k, v in arguments.items() if k not in _NOT_FOR_THE_JOURNAL}
        detail |= {k: body[k] for k in _FROM_THE_ANSWER if isinstance(body.get(k), str)}
        detail.setdefault("user", self._store.team.bot_user)
        self._journal.add("slack", method, ok=body["ok"], **detail)
