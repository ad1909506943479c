"""The scheduler: a node with free GPUs for every pod, or the reason why there is none.

Source: recordings v0.10.0/12 (no GPU left) and 21 (claim missing), Kubernetes 1.36 texts.
"""

from collections import Counter
from collections.abc import Iterable
from functools import partial

from sandbox.clock import Time
from sandbox.cluster.loop import Outcome, Pause
from sandbox.cluster.nodes import GPU, gpus_of
from sandbox.cluster.objects import (
    Key,
    Object,
    condition,
    labels,
    name_of,
    stamp,
    terminating,
    uid_of,
)
from sandbox.cluster.recorder import Recorder, Report
from sandbox.cluster.store import Change, Store
from sandbox.cluster.waits import Waits


class Scheduler:
    """Binds pods to nodes, in the order of their creation."""

    priority = 0

    def __init__(self, store: Store, time: Time, recorder: Recorder, seconds: float) -> None:
        self._store = store
        self._time = time
        self._recorder = recorder
        self._seconds = seconds
        self._waits = Waits()

    def wants(self, change: Change) -> Iterable[Key]:
        """Name a new pod; or all that wait, when room or a claim came up."""
        if change.key.kind == "pods" and change.type == "ADDED":
            yield change.key
        gone = change.key.kind == "pods" and change.type == "DELETED"
        if gone or change.key.kind in ("nodes", "persistentvolumeclaims"):
            waiting = [pod for pod in self._store.select("pods") if not pod["spec"].get("nodeName")]
            for pod in sorted(waiting, key=lambda each: each["metadata"]["creationTimestamp"]):
                yield Key("pods", pod["metadata"]["namespace"], name_of(pod))

    def reconcile(self, key: Key, now: float) -> Outcome:
        """Bind one pod, or say why not."""
        pod = self._store.get(key)
        if pod is None or pod["spec"].get("nodeName") or terminating(pod):
            return None
        if left := self._waits.left(uid_of(pod), self._seconds, now):
            return left
        if missing := self._missing_claim(pod):
            return self._refuse(key, pod, f'persistentvolumeclaim "{missing}" not found. not found')
        if node := self._choose(pod):
            self._bind(key, pod, node)
            return None
        return self._refuse(key, pod, self._reasons(pod))

    def _missing_claim(self, pod: Object) -> str | None:
        for volume in pod["spec"].get("volumes") or []:
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            place = Key("persistentvolumeclaims", pod["metadata"]["namespace"], claim or "")
            if claim and self._store.get(place) is None:
                return str(claim)
        return None

    def _choose(self, pod: Object) -> str | None:
        free = self._free()
        able = [node for node in self._store.select("nodes") if not _objection(pod, node, free)]
        if not able:
            return None
        return min((name_of(node) for node in able), key=lambda name: (-free[name], name))

    def _free(self) -> Counter[str]:
        nodes = self._store.select("nodes")
        free = Counter({name_of(node): int(node["status"]["allocatable"][GPU]) for node in nodes})
        for pod in self._store.select("pods"):
            if pod["spec"].get("nodeName"):
                free[pod["spec"]["nodeName"]] -= gpus_of(pod)
        return free

    def _reasons(self, pod: Object) -> str:
        nodes, free = self._store.select("nodes"), self._free()
        counts = Counter(_objection(pod, node, free) for node in nodes)
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
        helps = Counter(_preemption(pod, node) for node in nodes)
        hopes = ", ".join(f"{count} {each}" for each, count in sorted(helps.items()))
        return (
            f"{reasons}. no new claims to deallocate, preemption: 0/{len(nodes)} nodes are "
            f"available: {hopes}."
        )

    def _bind(self, key: Key, pod: Object, node: str) -> None:
        now = stamp(self._time.now())

        def change(pod: Object) -> None:
            pod["spec"]["nodeName"] = node
            fresh = {"lastProbeTime": None, "lastTransitionTime": now, "status": "True"}
            pod["status"]["conditions"] = [{**fresh, "type": "PodScheduled"}]

        self._store.edit(key, change)
        text = f"Successfully assigned {key.namespace}/{key.name} to {node}"
        self._tell(pod, Report("Scheduled", text, "Binding", "default-scheduler"))

    def _refuse(self, key: Key, pod: Object, reasons: str) -> Outcome:
        message = f"0/{len(self._store.select('nodes'))} nodes are available: {reasons}"
        entry = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastProbeTime": None,
            "lastTransitionTime": stamp(self._time.now()),
        }
        report = Report("FailedScheduling", message, "Scheduling", "default-scheduler", "Warning")
        self._tell(pod, report)
        if condition(pod, "PodScheduled").get("message") == message:
            return None
        return Pause("write", partial(self._mark, key, uid_of(pod), entry))

    def _mark(self, key: Key, uid: str, entry: Object, now: float) -> None:  # noqa: ARG002 - a Pause's
        live = self._store.get(key)
        if live is not None and uid_of(live) == uid:
            self._store.edit(key, lambda each: each["status"].update(conditions=[entry]))

    def _tell(self, pod: Object, report: Report) -> None:
        self._recorder.modern(pod, report)


def _objection(pod: Object, node: Object, free: Counter[str]) -> str | None:
    if node["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    for taint in node["spec"].get("taints") or []:
        return f"node(s) had untolerated taint(s) {{{taint['key']}: }}"
    if not _matches(pod, node):
        return "node(s) didn't match Pod's node affinity/selector"
    return f"Insufficient {GPU}" if free[name_of(node)] < gpus_of(pod) else None


def _matches(pod: Object, node: Object) -> bool:
    wanted = pod["spec"].get("nodeSelector") or {}
    return all(labels(node).get(key) == value for key, value in wanted.items())


def _preemption(pod: Object, node: Object) -> str:
    spec, whole = node["spec"], int(node["status"]["allocatable"][GPU])
    closed = spec.get("unschedulable") or spec.get("taints") or not _matches(pod, node)
    if closed or gpus_of(pod) > whole:
        return "Preemption is not helpful for scheduling"
    return "No preemption victims found for incoming pod"
