"""Answers watch: the history from a resourceVersion on, then every change as it happens.

Source: the API concepts page (watch, bookmarks, 410), client-go's WatchList.
"""

import json
import time
from collections.abc import Callable, Iterator

from werkzeug.wrappers import Response

from sandbox.cluster.calls import Call
from sandbox.cluster.objects import Object
from sandbox.cluster.refusals import Refusal
from sandbox.cluster.selectors import Wanted
from sandbox.cluster.store import Change, Store

Shown = Callable[[Object], Object]

_LONGEST = 1800  # seconds of a watch without timeoutSeconds (--min-request-timeout)
_INITIAL_END = {"annotations": {"k8s.io/initial-events-end": "true"}}


def watch(store: Store, call: Call, wanted: Wanted, shown: Shown) -> Response:
    """Answer with a stream of one JSON object a line, each object as `shown` shows it."""
    return Response(_bytes(_Watch(store, call, wanted, shown)), mimetype="application/json")


def _bytes(events: "_Watch") -> Iterator[bytes]:
    yield b""  # the headers, before anything happens
    for event in events.run():
        yield json.dumps(event, ensure_ascii=False).encode() + b"\n"


class _Watch:
    """One stream; it lasts `timeoutSeconds` real seconds, since its client waits in those."""

    def __init__(self, store: Store, call: Call, wanted: Wanted, shown: Shown) -> None:
        self._store = store
        self._call = call
        self._wanted = wanted
        self._shown = shown
        self._end = time.monotonic() + (call.number("timeoutSeconds") or _LONGEST)
        self._bookmarks = call.flag("allowWatchBookmarks")
        self._version = 0

    def run(self) -> Iterator[Object]:
        """Yield the events until the time is over, the store closes or the history is gone."""
        try:
            yield from self._begin()
            while (changes := self._next()) is not None:
                for change in changes:
                    self._version = change.number
                    if self._concerns(change):
                        yield {"type": self._type(change), "object": self._shown(change.object)}
        except Refusal as refusal:
            yield {"type": "ERROR", "object": refusal.status()}
            return
        if self._bookmarks:
            yield self._bookmark({})

    def _begin(self) -> Iterator[Object]:
        start = self._call.number("resourceVersion") or 0
        initial = self._call.flag("sendInitialEvents")
        if start and not initial:
            self._version = start
            return
        with self._store.changed:
            self._version = self._store.version
            items = self._store.select(self._call.kind.plural, self._call.namespace)
        for item in items:
            if self._wanted(item):
                yield {"type": "ADDED", "object": self._shown(item)}
        if initial:
            yield self._bookmark(_INITIAL_END)

    def _next(self) -> list[Change] | None:
        """Wait for changes; None at the end."""
        with self._store.changed:
            while not (changes := self._store.since(self._version)):
                left = self._end - time.monotonic()
                if left <= 0 or self._store.closed:
                    return None
                self._store.changed.wait(left)
            return changes if time.monotonic() < self._end else None

    def _concerns(self, change: Change) -> bool:
        call, key = self._call, change.key
        here = call.namespace in ("", key.namespace)
        if key.kind != call.kind.plural or not here:
            return False
        return self._wanted(change.object) or self._left(change)

    def _left(self, change: Change) -> bool:
        """Say whether the object was among the selected before the change."""
        return change.before is not None and self._wanted(change.before)

    def _type(self, change: Change) -> str:
        """Return the type as seen through the selectors: an object may come in or drop out."""
        if change.type != "MODIFIED":
            return change.type
        if not self._wanted(change.object):
            return "DELETED"
        return "MODIFIED" if self._left(change) else "ADDED"

    def _bookmark(self, extra: Object) -> Object:
        kind = self._call.kind
        metadata = {"resourceVersion": str(self._version), "creationTimestamp": None, **extra}
        item = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}
        return {"type": "BOOKMARK", "object": item}
