"""The LWS controller: revision, headless Service, leader StatefulSet, rolling update, status.

Source: LWS v0.10.0 pkg/controllers/leaderworkerset_controller.go, recordings v0.10.0/01 to 05.
"""

from collections.abc import Iterable
from functools import partial

from sandbox.clock import Time
from sandbox.cluster.admission import admit
from sandbox.cluster.cache import Cache
from sandbox.cluster.conditions import Group, groups_of, write_status
from sandbox.cluster.loop import Outcome, Pause
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
    uid_of,
)
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
from sandbox.cluster.waits import Retries

_COMPONENT = "leaderworkerset"


class LeaderWorkerSets:
    """Brings every LeaderWorkerSet forward; slower than the others, as the real one is."""

    priority = 1

    def __init__(
        self, store: Store, time: Time, recorder: Recorder, quirks: Quirks, cache: Cache
    ) -> None:
        self._store = store
        self._time = time
        self._recorder = recorder
        self._quirks = quirks
        self._cache = cache
        self._retries = Retries()

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the LWS itself, or the LWS of a pod or StatefulSet."""
        if change.key.kind == "leaderworkersets" and change.type != "DELETED":
            yield change.key
        if change.key.kind in ("pods", "statefulsets") and NAME in labels(change.object):
            yield Key("leaderworkersets", change.key.namespace, labels(change.object)[NAME])

    def reconcile(self, key: Key, now: float) -> Outcome:
        """Bring one LeaderWorkerSet forward, with a pause before each group of writes."""
        lws = self._cache.get(key, now)
        if lws is None or (terminating(lws) and self._quirks.skips_terminating):
            return None
        current = self._ensure_revision(lws)
        sts = self._store.get(key._replace(kind="statefulsets"))
        if sts is None:
            return Pause("make", partial(self._make, key, lws, current))
        step = next_step(lws, sts, self._groups(lws), self._quirks)
        self._tell_released(lws, step)
        if _applied(sts, _leaders(lws, step)) != sts:
            return Pause("make", partial(self._change, key, lws, current, sts, step))
        return self._conclude(key, lws, now)

    def _make(self, key: Key, lws: Object, current: Object, now: float) -> Outcome:  # noqa: ARG002 - a Pause's
        """Create the leaders' StatefulSet and their Service."""
        try:
            check_images(leader_set(lws, 0))
            self._store.create(key._replace(kind="statefulsets"), leader_set(lws, 0))
        except Refusal as refusal:
            return self._refused(key, refusal)
        text = f"Created leader statefulset {name_of(lws)}"
        self._tell(lws, "GroupsProgressing", text, "Create", current)
        self._ensure_service(lws)
        return Pause("status", partial(self._conclude, key, lws))

    def _change(
        self, key: Key, lws: Object, current: Object, sts: Object, step: Step, now: float
    ) -> Outcome:
        """Take the rollout one step further."""
        place = key._replace(kind="statefulsets")
        if (live := self._store.get(place)) is None:
            return self._make(key, lws, current, now)
        self._store.replace(place, _applied(live, _leaders(lws, step)))
        if step.partition < partition_of(sts):
            text = self._updating(step.partition, partition_of(sts))
            self._tell(lws, "GroupsUpdating", text, "Update", current)
        return Pause("status", partial(self._conclude, key, lws))

    def _conclude(self, key: Key, lws: Object, now: float) -> Outcome:
        judged = self._judge(key, lws)
        if judged == lws:
            return self._write(key, lws, judged, now)
        return Pause("write", partial(self._write, key, lws, judged))

    def _write(self, key: Key, seen: Object, judged: Object, now: float) -> Outcome:
        """Write the status, unless somebody else wrote in between: then all is done again."""
        live = self._store.get(key)
        if live is None:
            return None
        if judged != seen:
            if not _same_version(live, seen):
                return self._retries.after(key)
            self._store.replace(key, judged)
        self._retries.forget(key)
        return self._forget(judged, now) if _settled(judged) else None

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

    def _tell_released(self, lws: Object, step: Step) -> None:
        """Tell which surge groups are given back; before it is done, as the real one does."""
        name = name_of(lws)
        if step.released:
            low, high = step.released
            one, many = f"replica {name}-{low}", f"replicas from {name}-{low} to {name}-{high}"
            text = f"deleting surge {one if low == high else many}"
            self._tell(lws, "GroupsProgressing", text, "Delete")

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

    def _forget(self, lws: Object, now: float) -> Outcome:  # noqa: ARG002 - as a Pause's
        """Delete the revisions that nobody needs any more, one after the other."""
        known, kept = self._revisions(lws), revision_hash(lws)
        old = [name_of(each) for each in known if labels(each)[REVISION] != kept]
        return Pause("forget", partial(self._remove, lws, old[0])) if old else None

    def _remove(self, lws: Object, name: str, now: float) -> Outcome:
        key = Key("controllerrevisions", lws["metadata"]["namespace"], name)
        if self._store.get(key) is not None:
            self._store.remove(key)
        return self._forget(lws, now)

    def _tell(
        self, lws: Object, reason: str, text: str, action: str, related: Object | None = None
    ) -> None:
        self._recorder.lws(lws, Report(reason, text, action, _COMPONENT), related)


def _leaders(lws: Object, step: Step) -> Object:
    wanted = leader_set(lws, step.partition)
    wanted["spec"]["replicas"] = step.replicas
    return wanted


def _applied(sts: Object, wanted: Object) -> Object:
    """Return a StatefulSet with what LWS applies to it."""
    marks = {each: wanted["metadata"][each] for each in ("labels", "annotations")}
    return {**sts, "spec": wanted["spec"], "metadata": {**sts["metadata"], **marks}}


def _same_version(one: Object, other: Object) -> bool:
    versions = (each["metadata"]["resourceVersion"] for each in (one, other))
    return len(set(versions)) == 1 and uid_of(one) == uid_of(other)


def _settled(lws: Object) -> bool:
    conditions = lws["status"]["conditions"]
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)
