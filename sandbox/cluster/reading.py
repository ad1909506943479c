"""Answers get, list, watch and pods/log.

Source: the API concepts page (limit, continue, selectors).
"""

import base64
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from werkzeug.wrappers import Response

from sandbox.clock import Time
from sandbox.cluster.calls import Call
from sandbox.cluster.objects import Key, Object, uid_of
from sandbox.cluster.refusals import bad_request, not_found
from sandbox.cluster.selectors import Wanted, by_fields, by_labels
from sandbox.cluster.store import Store
from sandbox.cluster.tables import table
from sandbox.cluster.watching import watch

Logs = Callable[[Key, str, bool], list[str]]

_LOOK = 0.5  # seconds of the sandbox between two looks at a log that is followed
_SLICE = 0.05  # real seconds such a look may wait


class _Page(NamedTuple):
    """Where a list goes on: the resourceVersion of its first page, the last object shown."""

    version: int
    namespace: str
    name: str


class Reading:
    """The verbs that change nothing."""

    def __init__(self, store: Store, time: Time, logs: Logs) -> None:
        self.store = store
        self._time = time
        self._lines = logs

    def get(self, call: Call) -> Response:
        """Answer one object."""
        item = self.store.get(call.key)
        if item is None:
            raise not_found(call.key)
        return self._shown(call, item, [item])

    def page(self, call: Call) -> Response:
        """Answer the objects that the selectors want, in pages of `limit`."""
        with self.store.changed:
            page = _page(call.request.args.get("continue", ""), self.store.version)
            self.store.since(page.version)  # 410 when the list began too long ago
            items = [
                item
                for item in self.store.select(call.kind.plural, call.namespace)
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

    def watch(self, call: Call) -> Response:
        """Answer the changes as they happen, as objects or as rows of a table."""
        shown = self._as_table(call) if _wants_table(call) else lambda item: item
        return watch(self.store, call, selection(call), shown)

    def log(self, call: Call) -> Response:
        """Answer the lines of a pod's log, with `follow` those to come too."""
        lines = self._logs(call)
        tail = call.number("tailLines")
        shown = lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]
        if not call.flag("follow"):
            return Response("".join(f"{line}\n" for line in shown), mimetype="text/plain")
        return Response(self._follow(call, shown, len(lines)), mimetype="text/plain")

    def _logs(self, call: Call) -> list[str]:
        container = call.request.args.get("container", "")
        return self._lines(call.key, container, call.flag("previous"))

    def _follow(self, call: Call, shown: list[str], known: int) -> Iterator[str]:
        """Yield lines until the pod is gone or is made anew."""
        yield "".join(f"{line}\n" for line in shown)
        pod = self.store.get(call.key)
        while pod and not self.store.closed:
            self._time.wait(_LOOK, _SLICE)
            now = self.store.get(call.key)
            if now is None or uid_of(now) != uid_of(pod):
                return
            lines = self._logs(call)
            if len(lines) < known:  # a container was started again
                return
            if lines[known:]:
                yield "".join(f"{line}\n" for line in lines[known:])
            known = len(lines)

    def _as_table(self, call: Call) -> Callable[[Object], Object]:
        return lambda item: table(
            call.kind.plural,
            [item],
            self._time.now(),
            {"resourceVersion": item["metadata"]["resourceVersion"]},
        )

    def _shown(self, call: Call, body: Object, items: list[Object]) -> Response:
        if _wants_table(call):
            return answer(table(call.kind.plural, items, self._time.now(), body["metadata"]))
        return answer(body)


def _wants_table(call: Call) -> bool:
    return "as=Table" in call.request.headers.get("Accept", "")


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
