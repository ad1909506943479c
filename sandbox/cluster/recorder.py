"""Writes Event objects, in the shapes that the recordings of v0.10.0 show.

`modern` is the events.k8s.io recorder (LWS, scheduler): eventTime, series, related.
`classic` is the core recorder (StatefulSet controller): count, firstTimestamp, lastTimestamp.
"""

from dataclasses import dataclass

from sandbox.clock import Time
from sandbox.cluster.objects import Key, Object, micro_stamp, name_of, reference, stamp
from sandbox.cluster.store import Store


@dataclass(frozen=True, slots=True)
class Report:
    """What an Event says."""

    reason: str
    message: str
    action: str
    component: str
    type: str = "Normal"


class Recorder:
    """Creates Events and counts the repeated ones."""

    def __init__(self, store: Store, time: Time) -> None:
        self._store = store
        self._time = time

    def modern(self, regarding: Object, report: Report, related: Object | None = None) -> None:
        """Record as events.k8s.io does: a series only while the object stays as it is."""
        now = micro_stamp(self._time.now())
        known = self._known(regarding, report)
        if known and known["involvedObject"] == reference(regarding):
            count = known.get("series", {}).get("count", 1) + 1
            self._change(known, {"series": {"count": count, "lastObservedTime": now}})
            return
        extra = {"related": reference(related)} if related else {}
        times: Object = {"eventTime": now, "firstTimestamp": None, "lastTimestamp": None}
        self._add(regarding, report, {**times, **extra, "source": {}, "action": report.action})

    def classic(self, regarding: Object, report: Report) -> None:
        """Record as the core recorder does: repeats are counted."""
        now = stamp(self._time.now())
        if known := self._known(regarding, report):
            self._change(known, {"count": known["count"] + 1, "lastTimestamp": now})
            return
        times: Object = {"eventTime": None, "firstTimestamp": now, "lastTimestamp": now, "count": 1}
        self._add(regarding, report, {**times, "source": {"component": report.component}})

    def _known(self, regarding: Object, report: Report) -> Object | None:
        """Return the newest Event that says the same of the same object."""
        namespace = regarding["metadata"].get("namespace", "default")
        same = [
            event
            for event in self._store.select("events", namespace)
            if event["involvedObject"]["uid"] == regarding["metadata"]["uid"]
            and (event["reason"], event["message"]) == (report.reason, report.message)
        ]
        return max(same, key=lambda each: int(each["metadata"]["resourceVersion"]), default=None)

    def _add(self, regarding: Object, report: Report, extra: Object) -> None:
        namespace = regarding["metadata"].get("namespace", "default")
        name = f"{name_of(regarding)}.{self._store.version:016x}"
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": reference(regarding),
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
