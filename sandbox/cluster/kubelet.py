"""The kubelet: pods start, load, become ready, die and stop, by the sandbox's clock.

Source: recordings v0.10.0/01 (start), 08 (a container dies), 10 (a pod is deleted).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from werkzeug.exceptions import Conflict, NotFound

from sandbox.clock import Time
from sandbox.cluster import podstatus
from sandbox.cluster.containers import flavour
from sandbox.cluster.deletion import has_died
from sandbox.cluster.fate import Fate
from sandbox.cluster.logs import lines
from sandbox.cluster.objects import (
    GROUP_INDEX,
    LEADER_NAME,
    NAME,
    REVISION,
    SIZE,
    WORKER_INDEX,
    Key,
    Object,
    annotations,
    labels,
    name_of,
    ready,
    running,
    terminating,
    uid_of,
)
from sandbox.cluster.refusals import bad_request, not_found
from sandbox.cluster.store import Change, Store
from sandbox.cluster.waits import Waits


@dataclass(frozen=True, slots=True)
class Speeds:
    """How long things take, in seconds of the sandbox.

    `schedule` bind a pod; `pull` get the image; `start` start the containers; `load` load the
    weights once all pods of the group run; `worker_ready` be Ready without a readiness probe;
    `stop` end a deleted pod; `back_off` restart a dead container in place;
    `unreachable` delete the pods of a lost node;
    `alone` lets a leader become ready without its workers, as in the recordings.
    """

    schedule: float = 0.0
    pull: float = 5.0
    start: float = 1.0
    load: float = 20.0
    worker_ready: float = 0.5
    stop: float = 2.0
    back_off: float = 10.0
    unreachable: float = 300.0
    alone: bool = False


class Kubelet:
    """One kubelet for all nodes."""

    priority = 0

    def __init__(self, store: Store, time: Time, speeds: Speeds, fate: Fate) -> None:
        self._store = store
        self._time = time
        self._speeds = speeds
        self._fate = fate
        self._waits = Waits()
        self._started = 0

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the pod itself, and the pods of its group, which may wait for it."""
        if change.key.kind != "pods" or change.type == "DELETED":
            return
        yield change.key
        if NAME in labels(change.object) and change.type == "MODIFIED":
            for pod in self._group(change.object):
                yield Key("pods", change.key.namespace, name_of(pod))

    def reconcile(self, key: Key, now: float) -> float | None:
        """Bring one pod to its next stage when the time has come."""
        pod = self._store.get(key)
        if pod is None or not pod["spec"].get("nodeName") or self._fate.cut_off(pod):
            return None
        if terminating(pod):
            return self._stop(key, pod, now)
        return self._advance(key, pod, now)

    def _advance(self, key: Key, pod: Object, now: float) -> float | None:
        stage, speeds = podstatus.stage(pod), self._speeds
        if stage == "assigned":
            missing = self._fate.lacks_image(pod)
            self._store.edit(key, lambda each: podstatus.creating(each, self._time.now(), missing))
        elif stage == "creating":
            return self._start(key, pod, speeds.pull + speeds.start, now)
        elif stage == "backing-off":
            return self._start(key, pod, speeds.back_off, now)
        elif stage == "running":
            return self._make_ready(key, pod, now)
        return None

    def kill(self, key: Key, reason: str, exit_code: int) -> None:
        """Let the first container of a running pod die; what cannot be killed is a 404 or 409."""
        with self._store.changed:
            pod = self._store.get(key)
            if pod is None:
                raise NotFound(f'pods "{key.name}" not found')
            if not running(pod):
                raise Conflict(f"pod {key.name} has no running container to kill")
            now = self._time.now()
            self._store.edit(key, lambda each: podstatus.died(each, reason, exit_code, now))

    def evict(self, key: Key, message: str) -> None:
        """Let a pod fail as a kubelet that runs out of something does."""
        with self._store.changed:
            pod = self._store.get(key)
            if pod is None:
                raise NotFound(f'pods "{key.name}" not found')
            now = self._time.now()
            self._store.edit(key, lambda each: podstatus.evicted(each, message, now))

    def log(self, key: Key, container: str = "", *, previous: bool = False) -> list[str]:
        """Return the lines that a pod has logged."""
        with self._store.changed:
            pod = self._store.get(key)
            if pod is None:
                raise not_found(key)
            if container not in ("", *(each["name"] for each in pod["spec"]["containers"])):
                raise bad_request(f"container {container} is not valid for pod {key.name}")
            return self._lines(pod, previous=previous)

    def _lines(self, pod: Object, *, previous: bool) -> list[str]:
        container = pod["spec"]["containers"][0]
        restarts = podstatus.restarts(pod)
        if previous and not restarts:
            raise bad_request(f"previous terminated container in pod {name_of(pod)!r} not found")
        if not running(pod) and not restarts:
            raise bad_request(
                f'container "{container["name"]}" in pod "{name_of(pod)}" is waiting to start: '
                "ContainerCreating"
            )
        leads = LEADER_NAME not in annotations(pod)
        if leads or flavour(container) == "sglang":
            return lines(container, 1.0 if previous else self._share(pod), leader=leads)
        return ["(raylet) Ray runtime started.", *lines(container, self._share(pod), leader=False)]

    def _stop(self, key: Key, pod: Object, now: float) -> float | None:
        """End a deleted pod: its grace becomes 0 first, then the object goes."""
        if has_died(pod):
            if not pod["metadata"].get("finalizers"):
                self._store.remove(key)
            return None
        ended = pod["status"].get("phase") == "Failed"
        seconds = 0.0 if ended else self._speeds.stop
        if left := self._waits.left((uid_of(pod), "stop"), seconds, now):
            return left
        self._store.edit(key, lambda each: podstatus.ended(each, self._time.now()))
        return None

    def _start(self, key: Key, pod: Object, seconds: float, now: float) -> float | None:
        if self._fate.lacks_image(pod):
            return None
        stage = (uid_of(pod), "start", podstatus.restarts(pod))
        if left := self._waits.left(stage, seconds, now):
            return left
        if not pod["status"].get("podIP"):
            self._started += 1
        address = f"10.244.{self._started // 250}.{self._started % 250 + 2}"
        self._store.edit(key, lambda each: podstatus.runs(each, address, self._time.now()))
        return None

    def _make_ready(self, key: Key, pod: Object, now: float) -> float | None:
        if self._fate.never_ready(pod):
            return None
        probed = any("readinessProbe" in each for each in pod["spec"]["containers"])
        if probed and not self._speeds.alone and not self._complete(pod):
            return None
        seconds = self._speeds.load if probed else self._speeds.worker_ready
        if left := self._waits.left(_loading(pod), seconds, now):
            return left
        self._store.edit(key, lambda each: podstatus.answers(each, self._time.now()))
        return None

    def _share(self, pod: Object) -> float:
        leaders = [each for each in self._group(pod) if labels(each).get(WORKER_INDEX) == "0"]
        leader = leaders[0] if leaders else pod
        if ready(leader):
            return 1.0
        return self._waits.share(_loading(leader), self._speeds.load, self._time.monotonic())

    def _complete(self, pod: Object) -> bool:
        """Say whether all pods of the group run: an engine of several ranks needs them all."""
        size = int(annotations(pod).get(SIZE, "1"))
        return sum(running(each) for each in self._group(pod)) >= size

    def _group(self, pod: Object) -> list[Object]:
        marks = labels(pod)
        if NAME not in marks:
            return [pod]
        same = (NAME, GROUP_INDEX, REVISION)
        return [
            each
            for each in self._store.select("pods", pod["metadata"]["namespace"])
            if all(labels(each).get(mark) == marks.get(mark) for mark in same)
            and not terminating(each)
        ]


def _loading(pod: Object) -> tuple[str, str, int]:
    return uid_of(pod), "ready", podstatus.restarts(pod)
