"""The StatefulSet controller: pods by ordinal, revisions, one at a time from the highest.

Source: recordings v0.10.0/01 (create), 02 and 03 (update), 05 (scale down), 08 (a pod is lost).
"""

from collections.abc import Iterable, Iterator

from sandbox.clock import Time
from sandbox.cluster.admission import admit
from sandbox.cluster.deletion import delete
from sandbox.cluster.fate import Fate
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
from sandbox.cluster.waits import Retries, Steps

_HASH = "controller-revision-hash"


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
        self._retries = Retries()
        self._making: set[str] = set()
        self._paused = Steps(pace)
        self._again: dict[Key, float] = {}

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

    def reconcile(self, key: Key, now: float) -> float | None:
        """Create, delete and count the pods of one set."""
        if wait := self._paused.go(key, now, lambda: self._steps(key)):
            return wait
        return self._again.pop(key, None)

    def _steps(self, key: Key) -> Iterator[str]:
        """Do a reconcile, with a pause before the status is written."""
        sts = self._store.get(key)
        if sts is None:
            return
        revision = self._revision(sts)
        pods = {ordinal(name_of(pod)): pod for pod in self._pods(sts)}
        missing = [] if terminating(sts) else [n for n in _wanted(sts) if n not in pods]
        if missing:
            yield from self._make(sts, missing, pods, revision)
            return
        self._retries.forget(key)
        self._making.discard(uid_of(sts))
        self._count(sts, pods, revision)
        if not terminating(sts):
            self._act(sts, pods, revision)

    def _make(
        self, sts: Object, missing: list[int], pods: dict[int, Object], revision: str
    ) -> Iterator[str]:
        """Make one pod, which brings us back; the status tells of what was there before."""
        if not self._make_one(sts, missing, revision):
            key = Key("statefulsets", sts["metadata"]["namespace"], name_of(sts))
            self._again[key] = self._retries.after(key)
        elif uid_of(sts) not in self._making:
            self._making.add(uid_of(sts))
            yield "count"
            self._count(sts, pods, revision)

    def _pods(self, sts: Object) -> list[Object]:
        pods = self._store.select("pods", sts["metadata"]["namespace"])
        return [pod for pod in pods if owned_by(pod, sts)]

    def _make_one(self, sts: Object, missing: list[int], revision: str) -> bool:
        """Create one of the missing pods: the first, then the others in any order."""
        if missing[0] != _wanted(sts)[0]:
            missing.sort(key=lambda each: self._pace.wait("order", f"{name_of(sts)}-{each}", 0.0))
        return self._create(sts, missing[0], revision)

    def _act(self, sts: Object, pods: dict[int, Object], revision: str) -> None:
        wanted = _wanted(sts)
        failed = [each for each in pods.values() if each["status"].get("phase") == "Failed"]
        surplus = [pods[number] for number in sorted(pods, reverse=True) if number not in wanted]
        for pod in failed + surplus:
            self._delete(sts, pod)
        if not surplus and not failed:
            self._update(sts, pods, revision)

    def _update(self, sts: Object, pods: dict[int, Object], revision: str) -> None:
        partition = sts["spec"]["updateStrategy"].get("rollingUpdate", {}).get("partition", 0)
        for number in sorted(pods, reverse=True):
            pod = pods[number]
            if number < partition or terminating(pod):
                return
            if labels(pod)[_HASH] != revision:
                self._delete(sts, pod)
                return
            if not ready(pod):
                return

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
        if not terminating(pod):
            delete(self._store, self._time, Key("pods", pod["metadata"]["namespace"], name_of(pod)))
            self._report(sts, "Delete", name_of(pod))

    def _report(self, sts: Object, verb: str, pod: str) -> None:
        text = f"{verb} Pod {pod} in StatefulSet {name_of(sts)} successful"
        report = Report(f"Successful{verb}", text, verb, "statefulset-controller")
        self._recorder.classic(sts, report)

    def _revision(self, sts: Object) -> str:
        name = f"{name_of(sts)}-{short_hash(sts['spec']['template'])}"
        key = Key("controllerrevisions", sts["metadata"]["namespace"], name)
        if self._store.get(key) is None:  # even while the set is being deleted, as the real one
            known = self._store.select("controllerrevisions", key.namespace)
            number = max((each["revision"] for each in known if owned_by(each, sts)), default=0)
            self._store.create(key, _controller_revision(sts, name, number + 1))
        return name

    def _count(self, sts: Object, pods: dict[int, Object], revision: str) -> None:
        key = Key("statefulsets", sts["metadata"]["namespace"], name_of(sts))
        live = self._store.get(key)
        if live is not None and uid_of(live) == uid_of(sts):
            self._store.edit(key, lambda each: _status(each, list(pods.values()), revision))


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
