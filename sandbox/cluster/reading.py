"""Answers get, list and pods/log. Source: the API concepts page (limit, continue, selectors)."""

import base64
import json
from collections.abc import Callable
from typing import NamedTuple

from werkzeug.wrappers import Response

from sandbox.clock import Time
from sandbox.cluster.calls import Call
from sandbox.cluster.objects import Key, Object
from sandbox.cluster.refusals import bad_request, not_found
from sandbox.cluster.selectors import Wanted, by_fields, by_labels
from sandbox.cluster.store import Store
from sandbox.cluster.tables import table

Logs = Callable[[Key, bool], list[str]]


class _Page(NamedTuple):
    """Where a list goes on: the resourceVersion of its first page, the last object shown."""

    version: int
    namespace: str
    name: str


class Reading:
    """The verbs that change nothing, except watch."""

    def __init__(self, store: Store, time: Time, logs: Logs) -> None:
        self._store = store
        self._time = time
        self._logs = logs

    def get(self, call: Call) -> Response:
        """Answer one object."""
        item = self._store.get(call.key)
        if item is None:
            raise not_found(call.key)
        return self._shown(call, item, [item])

    def page(self, call: Call) -> Response:
        """Answer the objects that the selectors want, in pages of `limit`."""
        with self._store.changed:
            page = _page(call.request.args.get("continue", ""), self._store.version)
            self._store.since(page.version)  # 410 when the list began too long ago
            items = [
                item
                for item in self._store.select(call.kind.plural, call.namespace)
                if _place(item) > page[1:]
            ]
        wanted = selection(call)
        items = [item for item in items if wanted(item)]
        limit = call.number("limit") or len(items)
        metadata: Object = {"resourceVersion": str(page.version)}
        if (rest := len(items) - limit) > 0:
            last = _Page(page.version, *_place(items[limit - 1]))
            metadata |= {"continue": _token(last), "remainingItemCount": rest}
        items = items[:limit]
        body = {
            "kind": f"{call.kind.name}List",
            "apiVersion": call.kind.api_version,
            "metadata": metadata,
            "items": items,
        }
        return self._shown(call, body, items)

    def log(self, call: Call) -> Response:
        """Answer the lines of a pod's log."""
        lines = self._logs(call.key, call.flag("previous"))
        tail = call.number("tailLines")
        shown = lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]
        return Response("".join(f"{line}\n" for line in shown), mimetype="text/plain")

    def _shown(self, call: Call, body: Object, items: list[Object]) -> Response:
        if "as=Table" in call.request.headers.get("Accept", ""):
            return answer(table(call.kind.plural, items, self._time.now(), body["metadata"]))
        return answer(body)


def selection(call: Call) -> Wanted:
    """Return the test of both selectors of a call, and of its name when it has one."""
    labelled = by_labels(call.request.args.get("labelSelector", ""))
    fielded = by_fields(call.request.args.get("fieldSelector", ""))
    return lambda item: (
        labelled(item) and fielded(item) and call.name in ("", item["metadata"]["name"])
    )


def answer(body: Object, code: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(body, ensure_ascii=False), code, mimetype="application/json")


def _place(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _token(page: _Page) -> str:
    return base64.urlsafe_b64encode(json.dumps(page).encode()).decode()


def _page(token: str, newest: int) -> _Page:
    if not token:
        return _Page(newest, "", "")
    try:
        version, namespace, name = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise bad_request(f"continue key is not valid: {error}") from error
    return _Page(int(version), str(namespace), str(name))
