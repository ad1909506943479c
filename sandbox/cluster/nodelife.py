"""The node controller: what happens to a node that falls silent, and to the pods on it.

Source: Kubernetes' node lifecycle and taint eviction controllers (a pod tolerates an unreachable
node for 300 s, is then marked with DisruptionTarget and deleted; the object stays until the
node's kubelet is back).
"""

from collections.abc import Iterable

from sandbox.clock import Time
from sandbox.cluster import podstatus
from sandbox.cluster.deletion import delete
from sandbox.cluster.fate import Fate
from sandbox.cluster.kubelet import Speeds
from sandbox.cluster.nodes import fall_silent, report
from sandbox.cluster.objects import Key, Object, stamp, terminating
from sandbox.cluster.store import Change, Store
from sandbox.cluster.waits import Waits


class NodeLifecycle:
    """Looks after the pods of lost nodes."""

    priority = 0

    def __init__(self, store: Store, time: Time, speeds: Speeds, fate: Fate) -> None:
        self._store = store
        self._time = time
        self._speeds = speeds
        self._fate = fate
        self._waits = Waits()
        self._losses = 0

    def wants(self, change: Change) -> Iterable[Key]:
        """Name a lost node."""
        if change.key.kind == "nodes" and change.key.name in self._fate.lost_nodes:
            yield change.key

    def reconcile(self, key: Key, now: float) -> float | None:
        """Delete the pods of a lost node when they have waited long enough."""
        if key.name not in self._fate.lost_nodes:
            return None
        if left := self._waits.left((key, self._losses), self._speeds.unreachable, now):
            return left
        for place, pod in self._pods(key):
            if not terminating(pod):
                self._store.edit(place, lambda each: podstatus.disrupted(each, self._time.now()))
                delete(self._store, self._time, place)
        return None

    def lose(self, key: Key) -> None:
        """Let a node fall silent."""
        with self._store.changed:
            self._fate.lost_nodes.add(key.name)
            self._losses += 1
            now = self._time.now()
            self._store.edit(key, lambda node: fall_silent(node, stamp(now)))
            for place, _ in self._pods(key):
                self._store.edit(place, lambda pod: podstatus.cut_off(pod, now))

    def find(self, key: Key) -> None:
        """Let a node report again; its kubelet says which pods are still ready."""
        with self._store.changed:
            self._fate.lost_nodes.discard(key.name)
            now = self._time.now()
            self._store.edit(key, lambda node: report(node, stamp(now)))
            for place, pod in self._pods(key):
                if not terminating(pod):
                    self._store.edit(place, lambda each: podstatus.seen_again(each, now))

    def _pods(self, node: Key) -> list[tuple[Key, Object]]:
        return [
            (Key("pods", pod["metadata"]["namespace"], pod["metadata"]["name"]), pod)
            for pod in self._store.select("pods")
            if pod["spec"].get("nodeName") == node.name
        ]
