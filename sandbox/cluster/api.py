"""The API server's front: who calls, what is meant, what the journal keeps.

Sources: Kubernetes authentication (401) and RBAC (403).
"""

from collections.abc import Callable, Mapping
from typing import Literal

from werkzeug.wrappers import Request, Response

from sandbox.cluster.calls import Call, Verb, parse
from sandbox.cluster.discovery import describe
from sandbox.cluster.proxying import Forward, proxy
from sandbox.cluster.reading import Reading, answer
from sandbox.cluster.refusals import Refusal, forbidden, unauthorized
from sandbox.cluster.writing import Writing
from sandbox.journal import Journal

Access = Literal["read", "write"]


class Api:
    """Answers requests; `tokens` says what each bearer token may do.

    The token "" stands for callers without one: kubectl sends no token over plain HTTP.
    """

    def __init__(
        self,
        journal: Journal,
        tokens: Mapping[str, Access],
        reading: Reading,
        writing: Writing,
        forward: Forward | None,
    ) -> None:
        self._journal = journal
        self._tokens = tokens
        store = reading.store
        self._verbs: Mapping[Verb, Callable[[Call], Response]] = {
            "get": reading.get,
            "list": reading.page,
            "log": reading.log,
            "watch": reading.watch,
            "proxy": lambda call: proxy(store, forward, call),
            "create": writing.create,
            "apply": writing.apply,
            "patch": writing.patch,
            "update": writing.update,
            "delete": writing.delete,
        }

    def call_of(self, request: Request) -> str:
        """Name a request, such as `GET pods`, `WATCH events` or `GET /apis`."""
        try:
            return parse(request).title
        except Refusal:  # discovery, or a path that no API serves
            return f"{request.method} {request.path}"

    def answer(self, request: Request) -> Response:
        """Answer one request; a refusal becomes a Status."""
        try:
            return self._answer(request)
        except Refusal as refusal:
            return answer(refusal.status(), refusal.code)

    def _answer(self, request: Request) -> Response:
        access = self._tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if access is None:
            self._journal.add("cluster", self.call_of(request), refused="Unauthorized")
            raise unauthorized()
        if (document := describe(request.path)) is not None:
            return answer(document)
        call = parse(request)
        self._journal.add("cluster", call.title, **_detail(call))
        if (call.writes and access != "write") or _secret(call):
            raise forbidden(f"sandbox-{access}", call.verb, call.key, call.kind.group)
        return self._verbs[call.verb](call)


def _secret(call: Call) -> bool:
    return call.kind.plural == "secrets" and not call.writes


def _detail(call: Call) -> dict[str, object]:
    query = {
        name: value
        for name, value in call.request.args.items()
        if name in ("labelSelector", "fieldSelector", "resourceVersion", "limit", "fieldManager")
    }
    return {"namespace": call.namespace, "name": call.name, **query}
