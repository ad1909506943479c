"""The StatefulSet controller: pods by ordinal, revisions, one at a time from the highest.

Source: recordings v0.10.0/01 (create), 02 and 03 (update), 05 (scale down), 08 (a pod is lost).
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from sandbox.clock import Time
from sandbox.cluster.admission import admit
from sandbox.cluster.cache import Cache
from sandbox.cluster.deletion import delete
from sandbox.cluster.fate import Fate
from sandbox.cluster.loop import Outcome, Pause
from sandbox.cluster.objects import (
    Key,
    Object,
    controller_of,
    copied,
    labels,
    name_of,
    ordinal,
    owned_by,
    owner_reference,
    ready,
    short_hash,
    terminating,
    uid_of,
)
from sandbox.cluster.pace import Pace
from sandbox.cluster.recorder import Recorder, Report
from sandbox.cluster.refusals import Refusal
from sandbox.cluster.store import Change, Store
from sandbox.cluster.waits import Retries

_HASH = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class _View:
    """What a reconcile saw when it began, and which pods it has made since."""

    key: Key
    sts: Object
    pods: dict[int, Object]
    revision: str
    made: tuple[int, ...] = ()

    def missing(self) -> list[int]:
        """Return the ordinals that have no pod."""
        if terminating(self.sts):
            return []
        return [n for n in _wanted(self.sts) if n not in self.pods and n not in self.made]

    def surplus(self) -> list[Object]:
        """Return the pods to delete: failed ones, those not wanted, or one that is outdated."""
        if terminating(self.sts):
            return []
        downwards = [self.pods[number] for number in sorted(self.pods, reverse=True)]
        failed = [each for each in downwards if each["status"].get("phase") == "Failed"]
        wanted = _wanted(self.sts)
        surplus = failed + [each for each in downwards if ordinal(name_of(each)) not in wanted]
        return [each for each in surplus or self._outdated(downwards) if not terminating(each)]

    def _outdated(self, downwards: list[Object]) -> list[Object]:
        strategy = self.sts["spec"]["updateStrategy"].get("rollingUpdate", {})
        for pod in downwards:
            if ordinal(name_of(pod)) < strategy.get("partition", 0) or terminating(pod):
                return []
            if labels(pod)[_HASH] != self.revision:
                return [pod]
            if not ready(pod):
                return []
        return []


class StatefulSets:
    """Keeps the pods of every StatefulSet."""

    priority = 0

    def __init__(
        self, store: Store, time: Time, recorder: Recorder, pace: Pace, fate: Fate
    ) -> None:
        self._store = store
        self._fate = fate
        self._time = time
        self._recorder = recorder
        self._pace = pace
        self._cache = Cache(store, pace)
        self._retries = Retries()

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the set itself, or the set of a pod."""
        if change.key.kind == "statefulsets" and change.type != "DELETED":
            yield change.key
        owner = controller_of(change.object)
        if change.key.kind == "pods" and owner.get("kind") == "StatefulSet":
            key = Key("statefulsets", change.key.namespace, owner["name"])
            sts = self._store.get(key)
            if sts is not None and uid_of(sts) == owner["uid"]:
                yield key

    def reconcile(self, key: Key, now: float) -> Outcome:
        """See what there is, make and delete pods, and count what was seen."""
        sts = self._store.get(key)
        if sts is None:
            return None
        pods = {ordinal(name_of(pod)): pod for pod in self._pods(sts)}
        view = _View(key, sts, pods, _revision_name(sts))
        revision = Key("controllerrevisions", key.namespace, view.revision)
        if self._cache.get(revision, now) is None:  # even while the set is being deleted
            return Pause("revision", partial(self._revise, revision, view))
        return self._bring(view, now)

    def _revise(self, revision: Key, view: _View, now: float) -> Outcome:
        """Keep the template as a revision."""
        known = self._store.select("controllerrevisions", revision.namespace)
        number = max((each["revision"] for each in known if owned_by(each, view.sts)), default=0)
        with contextlib.suppress(Refusal):  # made already: the cache did not show it yet
            made = _controller_revision(view.sts, revision.name, number + 1)
            self._store.create(revision, made)
        return self._bring(view, now)

    def _bring(self, view: _View, now: float) -> Outcome:  # noqa: ARG002 - as a Pause's
        if view.missing():
            return Pause("act", partial(self._make, view))
        if surplus := view.surplus():
            return Pause("act", partial(self._reduce, view, surplus))
        return self._conclude(view)

    def _make(self, view: _View, now: float) -> Outcome:  # noqa: ARG002 - a Pause's
        """Make one missing pod after the other; nothing is deleted before all are there."""
        number = self._next(view, view.missing())
        if not self._create(view.sts, number, view.revision):
            return self._conclude(view, self._retries.after(view.key))
        self._retries.forget(view.key)
        view = replace(view, made=(*view.made, number))
        return Pause("act", partial(self._make, view)) if view.missing() else self._conclude(view)

    def _reduce(self, view: _View, surplus: list[Object], now: float) -> Outcome:  # noqa: ARG002 - a Pause's
        """Delete one pod after the other."""
        self._delete(view.sts, surplus[0])
        if surplus[1:]:
            return Pause("act", partial(self._reduce, view, surplus[1:]))
        return self._conclude(view)

    def _conclude(self, view: _View, again: float | None = None) -> Outcome:
        counted = copied(view.sts)
        _status(counted, list(view.pods.values()), view.revision)
        if counted["status"] == view.sts["status"]:
            return again
        return Pause("count", partial(self._count, view.key, counted, again))

    def _count(self, key: Key, counted: Object, again: float | None, now: float) -> Outcome:  # noqa: ARG002 - a Pause's
        """Write the status as it was when the reconcile began."""
        live = self._store.get(key)
        if live is not None and uid_of(live) == uid_of(counted):
            self._store.edit(key, lambda each: each.update(status=counted["status"]))
        return again

    def _pods(self, sts: Object) -> list[Object]:
        pods = self._store.select("pods", sts["metadata"]["namespace"])
        return [pod for pod in pods if owned_by(pod, sts)]

    def _next(self, view: _View, missing: list[int]) -> int:
        """Choose a missing pod: the first, then the others in any order."""
        if not view.made:
            return missing[0]
        name = name_of(view.sts)
        return min(missing, key=lambda each: self._pace.wait("order", f"{name}-{each}", 0.0))

    def _create(self, sts: Object, number: int, revision: str) -> bool:
        namespace = sts["metadata"]["namespace"]
        key = Key("pods", namespace, f"{name_of(sts)}-{number}")
        if self._store.get(key) is not None:
            return False  # the pod of an earlier set of this name is still going
        pod = _pod(sts, number, revision)
        try:
            self._fate.check_webhook("pods")
        except Refusal as refusal:
            self._tell_refusal(sts, key.name, refusal)
            return False
        admit("pods", pod)
        self._store.create(key, pod)
        self._report(sts, "Create", key.name)
        return True

    def _tell_refusal(self, sts: Object, pod: str, refusal: Refusal) -> None:
        text = f"create Pod {pod} in StatefulSet {name_of(sts)} failed error: {refusal}"
        report = Report("FailedCreate", text, "Create", "statefulset-controller", "Warning")
        self._recorder.classic(sts, report)

    def _delete(self, sts: Object, pod: Object) -> None:
        key = Key("pods", pod["metadata"]["namespace"], name_of(pod))
        live = self._store.get(key)
        if not terminating(pod) and live is not None and uid_of(live) == uid_of(pod):
            delete(self._store, self._time, key)
            self._report(sts, "Delete", name_of(pod))

    def _report(self, sts: Object, verb: str, pod: str) -> None:
        text = f"{verb} Pod {pod} in StatefulSet {name_of(sts)} successful"
        report = Report(f"Successful{verb}", text, verb, "statefulset-controller", teller=pod)
        self._recorder.classic(sts, report)


def _revision_name(sts: Object) -> str:
    return f"{name_of(sts)}-{short_hash(sts['spec']['template'])}"


def _wanted(sts: Object) -> range:
    start = int(sts["spec"].get("ordinals", {}).get("start", 0))
    return range(start, start + int(sts["spec"]["replicas"]))


def _status(sts: Object, pods: list[Object], revision: str) -> None:
    status = sts["status"]
    living = [pod for pod in pods if not terminating(pod)]
    updated = sum(labels(pod)[_HASH] == revision for pod in living)
    available = sum(ready(pod) for pod in pods)
    current = status.get("currentRevision", revision)
    if updated == len(pods) == available:
        current = revision
    status.update(
        availableReplicas=available,
        collisionCount=0,
        currentRevision=current,
        observedGeneration=sts["metadata"]["generation"],
        replicas=len(pods),
        updateRevision=revision,
    )
    counts = {
        "currentReplicas": sum(labels(pod)[_HASH] == current for pod in living),
        "readyReplicas": available,
        "updatedReplicas": updated,
    }
    for field, count in counts.items():
        status.pop(field, None)
        if count:
            status[field] = count


def _pod(sts: Object, number: int, revision: str) -> Object:
    template, name = copied(sts["spec"]["template"]), f"{name_of(sts)}-{number}"
    marks = {
        **template["metadata"].get("labels", {}),
        "apps.kubernetes.io/pod-index": str(number),
        _HASH: revision,
        "statefulset.kubernetes.io/pod-name": name,
    }
    metadata = {
        "name": name,
        "generateName": f"{name_of(sts)}-",
        "namespace": sts["metadata"]["namespace"],
        "labels": marks,
        "annotations": template["metadata"].get("annotations", {}),
        "ownerReferences": [owner_reference(sts)],
    }
    identity = {"hostname": name, "subdomain": sts["spec"].get("serviceName", "")}
    spec = {**template["spec"], **identity}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _controller_revision(sts: Object, name: str, number: int) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": sts["metadata"]["namespace"],
            "labels": sts["spec"]["template"]["metadata"].get("labels", {}),
            "ownerReferences": [owner_reference(sts)],
        },
        "data": {"spec": {"template": {"$patch": "replace", **sts["spec"]["template"]}}},
        "revision": number,
    }
