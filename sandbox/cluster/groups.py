"""The LWS pod controller: a worker StatefulSet for every leader, and the recreation of groups.

Source: LWS v0.10.0 pkg/controllers/pod_controller.go, recordings v0.10.0/06 to 11 and, for workers
that a cache does not show yet, v0.7.0/14.
"""

from collections.abc import Iterable

from sandbox.clock import Time
from sandbox.cluster.admission import AFTER_START
from sandbox.cluster.cache import Cache
from sandbox.cluster.deletion import delete
from sandbox.cluster.loop import Outcome
from sandbox.cluster.objects import (
    GROUP_INDEX,
    LEADER_NAME,
    NAME,
    PREFIX,
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
from sandbox.cluster.quirks import Quirks
from sandbox.cluster.recorder import Recorder, Report
from sandbox.cluster.refusals import Refusal
from sandbox.cluster.store import Change, Store
from sandbox.cluster.templates import worker_set
from sandbox.cluster.waits import Retries

_AFTER_START = PREFIX + "experimental-recreate-group-after-start"


class Groups:
    """Looks at every pod of an LWS."""

    priority = 0

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
        """Name the pod itself; or the leader whose StatefulSet changed."""
        if NAME not in labels(change.object):
            return
        if change.key.kind == "pods" and change.type != "DELETED":
            yield change.key
        if change.key.kind == "statefulsets" and controller_of(change.object).get("kind") == "Pod":
            yield Key("pods", change.key.namespace, change.key.name)

    def reconcile(self, key: Key, now: float) -> Outcome:
        """Recreate the pod's group if the pod failed; else see that a leader has its workers."""
        pod = self._cache.get(key, now)
        lws = self._lws(pod) if pod else None
        if pod is None or lws is None or self._leaves_alone(lws):
            return None
        if self._failed(lws, pod):
            self._recreate(lws, pod, now)
        elif labels(pod).get(WORKER_INDEX) == "0" and not terminating(pod):
            return self._employ(lws, pod, now)
        return None

    def _leaves_alone(self, lws: Object) -> bool:
        return terminating(lws) and self._quirks.skips_terminating

    def _lws(self, pod: Object) -> Object | None:
        name = labels(pod).get(NAME, "")
        return self._store.get(Key("leaderworkersets", pod["metadata"]["namespace"], name))

    def _failed(self, lws: Object, pod: Object) -> bool:
        template = lws["spec"]["leaderWorkerTemplate"]
        if template["restartPolicy"] == "None" or not (terminating(pod) or _restarted(pod)):
            return False
        return not self._waits_for_start(lws) or self._has_started(pod, template["size"])

    def _waits_for_start(self, lws: Object) -> bool:
        """Say whether a group is left alone until it has started once (since v0.8)."""
        asked = annotations(lws).get(_AFTER_START) == "true"
        policy = lws["spec"]["leaderWorkerTemplate"]["restartPolicy"]
        return policy == AFTER_START or (self._quirks.knows_after_start and asked)

    def _has_started(self, pod: Object, size: int) -> bool:
        """Say whether the group is complete and no pod of it is Pending."""
        group = [
            each
            for each in self._store.select("pods", pod["metadata"]["namespace"])
            if labels(each).get(NAME) == labels(pod)[NAME]
            and labels(each).get(GROUP_INDEX) == labels(pod)[GROUP_INDEX]
        ]
        return len(group) == size and all(each["status"]["phase"] != "Pending" for each in group)

    def _recreate(self, lws: Object, pod: Object, now: float) -> None:
        leader = self._leader(pod, now)
        if leader is None or terminating(leader):
            return
        key = Key("pods", leader["metadata"]["namespace"], name_of(leader))
        live = self._store.get(key)
        if live is None or uid_of(live) != uid_of(leader):
            return
        delete(self._store, self._time, key, "Foreground")
        group = labels(leader)[GROUP_INDEX]
        text = (
            f"Worker pod {name_of(pod)} failed, deleted leader pod {name_of(leader)} "
            f"to recreate group {group}"
        )
        report = Report(
            self._quirks.recreate_reason, text, "Delete", "leaderworkerset", teller="pods"
        )
        self._recorder.lws(lws, report, leader)

    def _leader(self, pod: Object, now: float) -> Object | None:
        """Return the pod's own leader, not a later one of the same name."""
        if LEADER_NAME not in annotations(pod):
            return pod
        namespace = pod["metadata"]["namespace"]
        leader = self._cache.get(Key("pods", namespace, annotations(pod)[LEADER_NAME]), now)
        if leader is None or labels(leader)[REVISION] != labels(pod)[REVISION]:
            return None
        if not self._quirks.checks_owner:
            return leader
        owner = controller_of(pod)
        sts = self._store.get(Key("statefulsets", namespace, owner["name"]))
        if sts is None or uid_of(sts) != owner["uid"]:
            return None
        return leader if controller_of(sts).get("uid") == uid_of(leader) else None

    def _employ(self, lws: Object, leader: Object, now: float) -> float | None:
        """Give a leader its workers."""
        spec = lws["spec"]
        key = Key("statefulsets", leader["metadata"]["namespace"], name_of(leader))
        waits = spec["startupPolicy"] == "LeaderReady" and not ready(leader)
        if spec["leaderWorkerTemplate"]["size"] == 1 or waits or self._cache.get(key, now):
            return None
        try:
            self._store.create(key, worker_set(lws, leader))
        except Refusal:  # it is there already: the cache did not show it yet
            self._tell_collision(lws, leader)
            return self._retries.after(key)
        self._retries.forget(key)
        text = f"Created worker statefulset for leader pod {name_of(leader)}"
        report = Report("GroupsProgressing", text, "Create", "leaderworkerset", teller="pods")
        self._recorder.lws(lws, report, leader)
        return None

    def _tell_collision(self, lws: Object, leader: Object) -> None:
        """Tell of an error that is none; since v0.9 it is kept quiet."""
        if not self._quirks.explains:
            text = f"Failed to create worker statefulset for leader pod {name_of(leader)}"
            report = Report("FailedCreate", text, "Create", "leaderworkerset", "Warning", "pods")
            self._recorder.lws(lws, report, leader)


def _restarted(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return any(status["restartCount"] for status in statuses)
