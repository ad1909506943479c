"""The LWS pod controller: a worker StatefulSet for every leader, and the recreation of groups.

Source: LWS v0.10.0 pkg/controllers/pod_controller.go, recordings v0.10.0/06 to 11.
"""

from collections.abc import Iterable

from sandbox.clock import Time
from sandbox.cluster.deletion import delete
from sandbox.cluster.objects import (
    GROUP_INDEX,
    LEADER_NAME,
    NAME,
    REVISION,
    WORKER_INDEX,
    Key,
    Object,
    annotations,
    controller_of,
    labels,
    name_of,
    ready,
    terminating,
    uid_of,
)
from sandbox.cluster.pace import Pace
from sandbox.cluster.quirks import Quirks
from sandbox.cluster.recorder import Recorder, Report
from sandbox.cluster.store import Change, Store
from sandbox.cluster.templates import worker_set


class Groups:
    """Looks at every pod of an LWS."""

    priority = 0

    def __init__(
        self, store: Store, time: Time, recorder: Recorder, quirks: Quirks, pace: Pace
    ) -> None:
        self._store = store
        self._time = time
        self._recorder = recorder
        self._quirks = quirks
        self._pace = pace
        self._made: dict[Key, float] = {}

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the pod itself; or the leader whose StatefulSet went away."""
        if NAME not in labels(change.object):
            return
        if change.key.kind == "pods" and change.type != "DELETED":
            yield change.key
        if change.key.kind == "statefulsets" and change.type == "DELETED":
            yield Key("pods", change.key.namespace, change.key.name)

    def reconcile(self, key: Key, now: float) -> float | None:
        """Recreate the pod's group if the pod failed; else see that a leader has its workers."""
        pod = self._store.get(key)
        lws = self._lws(pod) if pod else None
        if pod is None or lws is None or self._leaves_alone(lws):
            return None
        if self._failed(lws, pod):
            self._recreate(lws, pod)
        elif labels(pod).get(WORKER_INDEX) == "0" and not terminating(pod):
            self._employ(lws, pod, now)
        return None

    def _leaves_alone(self, lws: Object) -> bool:
        return terminating(lws) and self._quirks.skips_terminating

    def _lws(self, pod: Object) -> Object | None:
        name = labels(pod).get(NAME, "")
        return self._store.get(Key("leaderworkersets", pod["metadata"]["namespace"], name))

    def _failed(self, lws: Object, pod: Object) -> bool:
        policy = lws["spec"]["leaderWorkerTemplate"]["restartPolicy"]
        return policy != "None" and (terminating(pod) or _restarted(pod))

    def _recreate(self, lws: Object, pod: Object) -> None:
        leader = self._leader(pod)
        if leader is None or terminating(leader):
            return
        key = Key("pods", leader["metadata"]["namespace"], name_of(leader))
        delete(self._store, self._time, key, "Foreground")
        group = labels(leader)[GROUP_INDEX]
        text = (
            f"Worker pod {name_of(pod)} failed, deleted leader pod {name_of(leader)} "
            f"to recreate group {group}"
        )
        report = Report(self._quirks.recreate_reason, text, "Delete", "leaderworkerset")
        self._recorder.lws(lws, report, leader)

    def _leader(self, pod: Object) -> Object | None:
        """Return the pod's own leader, not a later one of the same name."""
        if LEADER_NAME not in annotations(pod):
            return pod
        namespace = pod["metadata"]["namespace"]
        leader = self._store.get(Key("pods", namespace, annotations(pod)[LEADER_NAME]))
        if leader is None or labels(leader)[REVISION] != labels(pod)[REVISION]:
            return None
        if not self._quirks.checks_owner:
            return leader
        owner = controller_of(pod)
        sts = self._store.get(Key("statefulsets", namespace, owner["name"]))
        if sts is None or uid_of(sts) != owner["uid"]:
            return None
        return leader if controller_of(sts).get("uid") == uid_of(leader) else None

    def _employ(self, lws: Object, leader: Object, now: float) -> None:
        spec = lws["spec"]
        key = Key("statefulsets", leader["metadata"]["namespace"], name_of(leader))
        waits = spec["startupPolicy"] == "LeaderReady" and not ready(leader)
        if spec["leaderWorkerTemplate"]["size"] == 1 or waits:
            return
        if self._store.get(key):
            self._collide(lws, leader, key, now)
            return
        self._store.create(key, worker_set(lws, leader))
        self._made[key] = now
        text = f"Created worker statefulset for leader pod {name_of(leader)}"
        report = Report("GroupsProgressing", text, "Create", "leaderworkerset")
        self._recorder.lws(lws, report, leader)

    def _collide(self, lws: Object, leader: Object, key: Key, now: float) -> None:
        """Create once more what a cache does not show yet; before v0.9 that was told."""
        lag = self._pace.wait("view", key.name, now)
        fresh = lag and now - self._made.get(key, 0.0) < lag
        if fresh and not self._quirks.explains:
            text = f"Failed to create worker statefulset for leader pod {name_of(leader)}"
            report = Report("FailedCreate", text, "Create", "leaderworkerset", "Warning")
            self._recorder.lws(lws, report, leader)


def _restarted(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return any(status["restartCount"] for status in statuses)
