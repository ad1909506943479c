"""The LWS controller: revision, headless Service, leader StatefulSet, rolling update, status.

Source: LWS v0.10.0 pkg/controllers/leaderworkerset_controller.go, recordings v0.10.0/01 to 05.
"""

from collections.abc import Iterable

from sandbox.clock import Time
from sandbox.cluster.admission import admit
from sandbox.cluster.conditions import Group, groups_of, trailing, write_status
from sandbox.cluster.objects import (
    NAME,
    REVISION,
    WORKER_INDEX,
    Key,
    Object,
    labels,
    name_of,
    owned_by,
    stamp,
    terminating,
)
from sandbox.cluster.recorder import Recorder, Report
from sandbox.cluster.store import Change, Store
from sandbox.cluster.templates import headless_service, leader_set, revision, revision_hash

_COMPONENT = "leaderworkerset"


class LeaderWorkerSets:
    """Brings every LeaderWorkerSet forward; slower than the others, as the real one is."""

    priority = 1

    def __init__(self, store: Store, time: Time, recorder: Recorder) -> None:
        self._store = store
        self._time = time
        self._recorder = recorder

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the LWS itself, or the LWS of a pod or StatefulSet."""
        if change.key.kind == "leaderworkersets" and change.type != "DELETED":
            yield change.key
        if change.key.kind in ("pods", "statefulsets") and NAME in labels(change.object):
            yield Key("leaderworkersets", change.key.namespace, labels(change.object)[NAME])

    def reconcile(self, key: Key, now: float) -> float | None:  # noqa: ARG002 - a Controller's
        """Bring one LeaderWorkerSet forward."""
        lws = self._store.get(key)
        if lws is None or terminating(lws):
            return None
        current = self._ensure_revision(lws)
        self._ensure_service(lws)
        groups = self._groups(lws)
        self._ensure_leaders(lws, groups, current)
        self._write_status(key, groups)
        self._forget_revisions(key)
        return None

    def _ensure_revision(self, lws: Object) -> Object:
        namespace, key = lws["metadata"]["namespace"], revision_hash(lws)
        known = self._revisions(lws)
        for each in known:
            if labels(each)[REVISION] == key:
                return each
        fresh = revision(lws, 1 + max((each["revision"] for each in known), default=0))
        made = self._store.create(Key("controllerrevisions", namespace, name_of(fresh)), fresh)
        what = "for updated LWS" if known else "for a newly created LeaderWorkerSet"
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
        return groups_of(lws, leaders, sets)

    def _ensure_leaders(self, lws: Object, groups: list[Group], current: Object) -> None:
        key = Key("statefulsets", lws["metadata"]["namespace"], name_of(lws))
        sts = self._store.get(key)
        if sts is None:
            self._store.create(key, leader_set(lws, 0))
            text = f"Created leader statefulset {name_of(lws)}"
            self._tell(lws, "GroupsProgressing", text, "Create", current)
            return
        partition = _partition(lws, sts, groups)
        wanted = leader_set(lws, partition)
        self._tell_steps(lws, sts, partition)
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

    def _tell_steps(self, lws: Object, sts: Object, partition: int) -> None:
        before, name = sts["spec"]["replicas"], name_of(lws)
        low, high = lws["spec"]["replicas"], before - 1
        if low <= high:
            one, many = f"replica {name}-{low}", f"replicas from {name}-{low} to {name}-{high}"
            text = f"deleting surge {one if low == high else many}"
            self._tell(lws, "GroupsProgressing", text, "Delete")
        last = _current_partition(sts) - 1
        if partition <= last:
            span = f"s {partition} to {last} (inclusive)" if partition < last else f" {last}"
            self._tell(lws, "GroupsUpdating", f"Updating replica{span}", "Update")

    def _write_status(self, key: Key, groups: list[Group]) -> None:
        leaders = self._store.get(Key("statefulsets", key.namespace, key.name)) or {}
        replicas = leaders.get("status", {}).get("replicas", 0)
        told: list[tuple[str, str]] = []

        def change(lws: Object) -> None:
            news = write_status(lws, groups, replicas, stamp(self._time.now()))
            told.extend([news] if news else [])

        lws = self._store.edit(key, change)
        for reason, message in told:
            count = sum(group.ready for group in groups)
            total = lws["spec"]["replicas"]
            text = f"{message}, with {count} groups ready of total {total} groups"
            self._tell(lws, reason, text, "Update")

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
        self._recorder.modern(lws, Report(reason, text, action, _COMPONENT), related)


def _partition(lws: Object, sts: Object, groups: list[Group]) -> int:
    """Return the ordinal below which leaders keep the old template."""
    replicas = int(lws["spec"]["replicas"])
    rolling = lws["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]
    if labels(sts)[REVISION] != revision_hash(lws):
        return replicas
    step = replicas - trailing(groups, replicas) - _count(rolling["maxUnavailable"], replicas)
    return max(int(rolling["partition"]), min(_current_partition(sts), step), 0)


def _current_partition(sts: Object) -> int:
    return int(sts["spec"]["updateStrategy"]["rollingUpdate"]["partition"])


def _count(value: int | str, replicas: int) -> int:
    if isinstance(value, int):
        return value
    return max(1, replicas * int(value.rstrip("%")) // 100)


def _settled(lws: Object) -> bool:
    conditions = lws["status"]["conditions"]
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)
