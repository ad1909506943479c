"""The LWS controller: revision, headless Service, leader StatefulSet, rolling update, status.

Source: LWS v0.10.0 pkg/controllers/leaderworkerset_controller.go, recordings v0.10.0/01 to 05.
"""

from collections.abc import Iterable, Iterator

from sandbox.clock import Time
from sandbox.cluster.admission import admit
from sandbox.cluster.conditions import Group, groups_of, write_status
from sandbox.cluster.objects import (
    NAME,
    REVISION,
    WORKER_INDEX,
    Key,
    Object,
    copied,
    labels,
    name_of,
    owned_by,
    stamp,
    terminating,
)
from sandbox.cluster.pace import Pace
from sandbox.cluster.quirks import Quirks
from sandbox.cluster.recorder import Recorder, Report
from sandbox.cluster.refusals import Refusal
from sandbox.cluster.rollout import Step, next_step, partition_of
from sandbox.cluster.store import Change, Store
from sandbox.cluster.templates import (
    check_images,
    headless_service,
    leader_set,
    revision,
    revision_hash,
)
from sandbox.cluster.waits import Retries, Steps

_COMPONENT = "leaderworkerset"


class LeaderWorkerSets:
    """Brings every LeaderWorkerSet forward; slower than the others, as the real one is."""

    priority = 1

    def __init__(
        self, store: Store, time: Time, recorder: Recorder, quirks: Quirks, pace: Pace
    ) -> None:
        self._store = store
        self._time = time
        self._recorder = recorder
        self._quirks = quirks
        self._pace = pace
        self._retries = Retries()
        self._paused = Steps(pace)
        self._stale: set[Key] = set()
        self._before: dict[Key, tuple[float, Object | None]] = {}

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the LWS itself, or the LWS of a pod or StatefulSet."""
        if change.key.kind == "leaderworkersets":
            self._before[change.key] = (self._time.monotonic(), change.before)
        if change.key.kind == "leaderworkersets" and change.type != "DELETED":
            yield change.key
        if change.key.kind in ("pods", "statefulsets") and NAME in labels(change.object):
            yield Key("leaderworkersets", change.key.namespace, labels(change.object)[NAME])

    def reconcile(self, key: Key, now: float) -> float | None:
        """Bring one LeaderWorkerSet forward."""
        try:
            if wait := self._paused.go(key, now, lambda: self._steps(key, now)):
                return wait
        except Refusal as refusal:
            return self._refused(key, refusal)
        if key not in self._stale:
            self._retries.forget(key)
            return None
        self._stale.discard(key)
        return self._retries.after(key)

    def _steps(self, key: Key, now: float) -> Iterator[str]:
        """Do a reconcile, with a pause before each group of writes."""
        lws = self._view(key, now)
        if lws is None or (terminating(lws) and self._quirks.skips_terminating):
            return
        current = self._ensure_revision(lws)
        yield "make"
        self._ensure_service(lws)
        self._ensure_leaders(lws, self._groups(lws), current)
        yield "status"
        if self._store.get(key) is None:
            return
        judged = self._judge(key, lws)
        yield "write"
        if lws == self._store.get(key):
            self._store.replace(key, judged)
        else:
            self._stale.add(key)
        self._forget_revisions(key)

    def _view(self, key: Key, now: float) -> Object | None:
        """Return the LWS as this controller's cache has it, which may lag behind."""
        changed, before = self._before.get(key, (now, None))
        lag = self._pace.wait("view", key.name, now)
        if lag and before is not None and now - changed < lag:
            return before
        return self._store.get(key)

    def _refused(self, key: Key, refusal: Refusal) -> float | None:
        if (lws := self._store.get(key)) is None:
            return None
        text = f"Failed to create leader statefulset {name_of(lws)}"
        text += f": {refusal}" if self._quirks.explains else ""
        report = Report("FailedCreate", text, "Create", _COMPONENT, "Warning")
        self._recorder.lws(lws, report)
        return self._retries.after(key)

    def _ensure_revision(self, lws: Object) -> Object:
        namespace, key = lws["metadata"]["namespace"], revision_hash(lws)
        known = self._revisions(lws)
        begun = self._store.get(Key("statefulsets", namespace, name_of(lws))) is not None
        for each in known if begun else []:
            if labels(each)[REVISION] == key:
                return each
        fresh = revision(lws, 1 + max((each["revision"] for each in known), default=0))
        made = self._store.create(Key("controllerrevisions", namespace, name_of(fresh)), fresh)
        what = "for updated LWS" if begun else "for a newly created LeaderWorkerSet"
        self._tell(
            lws, "CreatingRevision", f"Creating revision with key {key} {what}", "Create", made
        )
        return made

    def _revisions(self, lws: Object) -> list[Object]:
        all_of_them = self._store.select("controllerrevisions", lws["metadata"]["namespace"])
        return [each for each in all_of_them if owned_by(each, lws)]

    def _ensure_service(self, lws: Object) -> None:
        key = Key("services", lws["metadata"]["namespace"], name_of(lws))
        if self._store.get(key) is None:
            service = headless_service(lws)
            admit("services", service)
            self._store.create(key, service)

    def _groups(self, lws: Object) -> list[Group]:
        namespace, name = lws["metadata"]["namespace"], name_of(lws)
        pods = [
            each for each in self._store.select("pods", namespace) if labels(each).get(NAME) == name
        ]
        leaders = [each for each in pods if labels(each).get(WORKER_INDEX) == "0"]
        sets = {name_of(each): each for each in self._store.select("statefulsets", namespace)}
        return groups_of(lws, leaders, sets, self._quirks)

    def _ensure_leaders(self, lws: Object, groups: list[Group], current: Object) -> None:
        key = Key("statefulsets", lws["metadata"]["namespace"], name_of(lws))
        sts = self._store.get(key)
        if sts is None:
            check_images(leader_set(lws, 0))
            self._store.create(key, leader_set(lws, 0))
            text = f"Created leader statefulset {name_of(lws)}"
            self._tell(lws, "GroupsProgressing", text, "Create", current)
            return
        step = next_step(lws, sts, groups, self._quirks)
        wanted = leader_set(lws, step.partition)
        wanted["spec"]["replicas"] = step.replicas
        self._tell_step(lws, sts, step, current)
        self._store.replace(
            key,
            {
                **sts,
                "spec": wanted["spec"],
                "metadata": {
                    **sts["metadata"],
                    "labels": wanted["metadata"]["labels"],
                    "annotations": wanted["metadata"]["annotations"],
                },
            },
        )

    def _tell_step(self, lws: Object, sts: Object, step: Step, current: Object) -> None:
        name = name_of(lws)
        if step.released:
            low, high = step.released
            one, many = f"replica {name}-{low}", f"replicas from {name}-{low} to {name}-{high}"
            text = f"deleting surge {one if low == high else many}"
            self._tell(lws, "GroupsProgressing", text, "Delete")
        before = partition_of(sts)
        if step.partition < before:
            text = self._updating(step.partition, before)
            self._tell(lws, "GroupsUpdating", text, "Update", current)

    def _updating(self, partition: int, before: int) -> str:
        if not self._quirks.explains:
            return f"Updating replicas {before} to {partition}"
        last = before - 1
        if partition < last:
            return f"Updating replicas {partition} to {last} (inclusive)"
        return f"Updating replica {last}"

    def _judge(self, key: Key, seen: Object) -> Object:
        """Return the LWS with the status it should have, and tell what is new."""
        groups = self._groups(seen)
        leaders = self._store.get(Key("statefulsets", key.namespace, key.name)) or {}
        replicas = leaders.get("status", {}).get("replicas", 0)
        lws = {**seen, "status": copied(seen.get("status", {}))}
        news = write_status(lws, groups, replicas, stamp(self._time.now()), self._quirks)
        if news:
            reason, message = news
            count, total = sum(group.ready for group in groups), lws["spec"]["replicas"]
            text = f"{message}, with {count} groups ready of total {total} groups"
            self._tell(seen, reason, text, "Update")
        return lws

    def _forget_revisions(self, key: Key) -> None:
        lws = self._store.get(key)
        if lws is None or not _settled(lws):
            return
        for each in self._revisions(lws):
            if labels(each)[REVISION] != revision_hash(lws):
                self._store.remove(Key("controllerrevisions", key.namespace, name_of(each)))

    def _tell(
        self, lws: Object, reason: str, text: str, action: str, related: Object | None = None
    ) -> None:
        self._recorder.lws(lws, Report(reason, text, action, _COMPONENT), related)


def _settled(lws: Object) -> bool:
    conditions = lws["status"]["conditions"]
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)
