"""The StatefulSet controller: pods by ordinal, revisions, one at a time from the highest.

Source: recordings v0.10.0/01 (create), 02 and 03 (update), 05 (scale down), 08 (a pod is lost).
"""

import copy
from collections.abc import Iterable

from sandbox.clock import Time
from sandbox.cluster.admission import admit
from sandbox.cluster.deletion import delete
from sandbox.cluster.objects import (
    Key,
    Object,
    controller_of,
    labels,
    name_of,
    ordinal,
    owned_by,
    owner_reference,
    ready,
    short_hash,
    terminating,
)
from sandbox.cluster.recorder import Recorder, Report
from sandbox.cluster.store import Change, Store

_HASH = "controller-revision-hash"


class StatefulSets:
    """Keeps the pods of every StatefulSet."""

    priority = 0

    def __init__(self, store: Store, time: Time, recorder: Recorder) -> None:
        self._store = store
        self._time = time
        self._recorder = recorder

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the set itself, or the set of a pod."""
        if change.key.kind == "statefulsets" and change.type != "DELETED":
            yield change.key
        owner = controller_of(change.object)
        if change.key.kind == "pods" and owner.get("kind") == "StatefulSet":
            yield Key("statefulsets", change.key.namespace, owner["name"])

    def reconcile(self, key: Key, now: float) -> float | None:  # noqa: ARG002 - a Controller's
        """Create, delete and count the pods of one set."""
        sts = self._store.get(key)
        if sts is None:
            return None
        revision = self._revision(sts)
        pods = {ordinal(name_of(pod)): pod for pod in self._pods(sts)}
        if not terminating(sts):
            self._act(sts, pods, revision)
        self._count(key, pods, revision)
        return None

    def _pods(self, sts: Object) -> list[Object]:
        pods = self._store.select("pods", sts["metadata"]["namespace"])
        return [pod for pod in pods if owned_by(pod, sts)]

    def _act(self, sts: Object, pods: dict[int, Object], revision: str) -> None:
        start = sts["spec"].get("ordinals", {}).get("start", 0)
        wanted = range(start, start + sts["spec"]["replicas"])
        for number in wanted:
            if number not in pods:
                self._create(sts, number, revision)
        surplus = [number for number in sorted(pods, reverse=True) if number not in wanted]
        for number in surplus:
            self._delete(sts, pods[number])
        if not surplus:
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

    def _create(self, sts: Object, number: int, revision: str) -> None:
        namespace = sts["metadata"]["namespace"]
        key = Key("pods", namespace, f"{name_of(sts)}-{number}")
        if self._store.get(key) is not None:
            return  # the pod of an earlier set of this name is still going
        pod = _pod(sts, number, revision)
        admit("pods", pod)
        self._store.create(key, pod)
        self._report(sts, "Create", key.name)

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
        if self._store.get(key) is None and not terminating(sts):
            self._store.create(key, _controller_revision(sts, name))
        return name

    def _count(self, key: Key, pods: dict[int, Object], revision: str) -> None:
        self._store.edit(key, lambda sts: _status(sts, list(pods.values()), revision))


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
    template, name = copy.deepcopy(sts["spec"]["template"]), f"{name_of(sts)}-{number}"
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


def _controller_revision(sts: Object, name: str) -> Object:
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
        "revision": sts["metadata"]["generation"],
    }
