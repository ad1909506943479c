"""Writes Event objects, in the shapes that the recordings of v0.10.0 show.

`modern` is the events.k8s.io recorder (LWS, scheduler): eventTime, series, related.
`classic` is the core recorder (StatefulSet controller): count, firstTimestamp, lastTimestamp.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.clock import Time
from sandbox.cluster.objects import Key, Object, micro_stamp, name_of, reference, stamp
from sandbox.cluster.quirks import Quirks
from sandbox.cluster.store import Change, Store


@dataclass(frozen=True, slots=True)
class Report:
    """What an Event says; `teller` is the controller, where a component has several."""

    reason: str
    message: str
    action: str
    component: str
    type: str = "Normal"
    teller: str = ""


def _sleep_on(key: Key) -> None:
    """Stand in for the loop until there is one."""
    raise RuntimeError(f"no loop writes what {key.name} has to tell")


class Recorder:
    """Creates Events and counts the repeated ones.

    Classic Events come in the order in which one controller tells of one object; modern ones are
    written by a thread each.
    `wake` is set to what lets the loop call `reconcile`.
    """

    priority = 0

    def __init__(self, store: Store, time: Time, quirks: Quirks) -> None:
        self._store = store
        self._time = time
        self._quirks = quirks
        self._numbers = itertools.count()
        self._waiting: dict[Key, deque[Callable[[], None]]] = {}
        self.wake: Callable[[Key], None] = _sleep_on

    def wants(self, change: Change) -> Iterable[Key]:  # noqa: ARG002 - a Controller's
        """Name nothing: no change of the store makes an Event."""
        return ()

    def reconcile(self, key: Key, now: float) -> float | None:  # noqa: ARG002 - a Controller's
        """Write the oldest Event of a component."""
        waiting = self._waiting[key]
        waiting.popleft()()
        if waiting:
            return 0.0
        del self._waiting[key]
        return None

    def lws(self, regarding: Object, report: Report, related: Object | None = None) -> None:
        """Record what LWS tells, as its version does."""
        if self._quirks.modern_events:
            self.modern(regarding, report, related)
        else:
            self.classic(regarding, report)

    def modern(self, regarding: Object, report: Report, related: Object | None = None) -> None:
        """Record as events.k8s.io does: a series only while the object stays as it is."""
        thing, other = reference(regarding), reference(related) if related else None
        alone = f"{report.component}/{next(self._numbers)}"
        self._write(alone, lambda: self._modern(thing, report, other))

    def classic(self, regarding: Object, report: Report) -> None:
        """Record as the core recorder does: repeats are counted."""
        thing = reference(regarding)
        self._write(
            f"{report.teller or report.component} {thing['name']}",
            lambda: self._classic(thing, report),
        )

    def _write(self, queue: str, act: Callable[[], None]) -> None:
        key = Key("reports", "", queue)
        self._waiting.setdefault(key, deque()).append(act)
        if len(self._waiting[key]) == 1:
            self.wake(key)

    def _modern(self, regarding: Object, report: Report, related: Object | None) -> None:
        now = micro_stamp(self._time.now())
        extra = {"related": related} if related else {}
        same = {
            "involvedObject": regarding,
            "reason": report.reason,
            "type": report.type,
            "action": report.action,
            "reportingComponent": report.component,
            "related": related,
        }
        if known := self._known(regarding, same):
            if "series" not in known:  # later repeats are written every six minutes, if at all
                self._change(known, {"series": {"count": 2, "lastObservedTime": now}})
            return
        times: Object = {"eventTime": now, "firstTimestamp": None, "lastTimestamp": None}
        self._add(regarding, report, {**times, **extra, "source": {}, "action": report.action})

    def _classic(self, regarding: Object, report: Report) -> None:
        now = stamp(self._time.now())
        same = {"reason": report.reason, "type": report.type, "message": report.message}
        if known := self._known(regarding, same):
            self._change(known, {"count": known["count"] + 1, "lastTimestamp": now})
            return
        times: Object = {"eventTime": None, "firstTimestamp": now, "lastTimestamp": now, "count": 1}
        self._add(regarding, report, {**times, "source": {"component": report.component}})

    def _known(self, regarding: Object, same: Object) -> Object | None:
        """Return the newest Event about an object whose fields are the same."""
        found = [
            event
            for event in self._store.select("events", regarding.get("namespace", "default"))
            if event["involvedObject"]["uid"] == regarding["uid"]
            and all(event.get(field) == value for field, value in same.items())
        ]
        return max(found, key=lambda each: int(each["metadata"]["resourceVersion"]), default=None)

    def _add(self, regarding: Object, report: Report, extra: Object) -> None:
        namespace = regarding.get("namespace", "default")
        name = f"{regarding['name']}.{self._store.version:016x}"
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": regarding,
            "reason": report.reason,
            "message": report.message,
            "type": report.type,
            "reportingComponent": report.component,
            "reportingInstance": f"{report.component}-sandbox",
            **extra,
        }
        self._store.create(Key("events", namespace, name), event)

    def _change(self, event: Object, fields: Object) -> None:
        key = Key("events", event["metadata"]["namespace"], name_of(event))
        self._store.edit(key, lambda item: item.update(fields))
