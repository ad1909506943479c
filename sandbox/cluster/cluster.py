"""The cluster as one thing: its API as a world, its controllers, its faults and its state."""

import json
from collections.abc import Iterable, Mapping

from sandbox.clock import Time
from sandbox.cluster.api import Access, Api
from sandbox.cluster.chronicle import happenings
from sandbox.cluster.garbage import Garbage
from sandbox.cluster.groups import Groups
from sandbox.cluster.kinds import KINDS
from sandbox.cluster.kubelet import Kubelet, Speeds
from sandbox.cluster.loop import Loop
from sandbox.cluster.lws import LeaderWorkerSets
from sandbox.cluster.nodes import FOUR_NODES, Node
from sandbox.cluster.objects import Key, Object, stamp
from sandbox.cluster.quirks import LWS_0_10_0, Quirks
from sandbox.cluster.recorder import Recorder
from sandbox.cluster.scheduler import Scheduler
from sandbox.cluster.selectors import by_labels
from sandbox.cluster.statefulset import StatefulSets
from sandbox.cluster.store import Change, Store
from sandbox.journal import Journal
from sandbox.serving import World

_NAMESPACES = ("default", "kube-system", "lws-system")


class Cluster:
    """A Kubernetes cluster with LWS installed; nothing moves before `start`."""

    def __init__(
        self,
        time: Time,
        journal: Journal,
        *,
        tokens: Mapping[str, Access],
        nodes: Iterable[Node] = FOUR_NODES,
        speeds: Speeds | None = None,
        quirks: Quirks = LWS_0_10_0,
    ) -> None:
        self._journal = journal
        self._store = Store(time)
        self._store.listen(self._chronicle)
        recorder = Recorder(self._store, time)
        speeds = speeds or Speeds()
        self._kubelet = Kubelet(self._store, time, speeds)
        self._quirks = quirks
        self._api = Api(self._store, time, journal, tokens, self._log)
        self._loop = Loop(
            time,
            self._store,
            (
                Scheduler(self._store, time, recorder, speeds.schedule),
                self._kubelet,
                Groups(self._store, time, recorder, quirks),
                StatefulSets(self._store, time, recorder),
                LeaderWorkerSets(self._store, time, recorder),
                Garbage(self._store, time),
            ),
        )
        self._furnish(nodes, stamp(time.now()))

    def world(self) -> World:
        """Return the server of the API."""
        return World("cluster", self._api.call_of, self._api.answer)

    def start(self) -> None:
        """Start the controllers."""
        self._loop.start()

    def stop(self) -> None:
        """Stop the controllers and end all watches."""
        self._store.close()
        self._loop.stop()

    def kill(
        self, namespace: str, pod: str, reason: str = "OOMKilled", exit_code: int = 137
    ) -> None:
        """Let a container of a running pod die."""
        self._kubelet.kill(Key("pods", namespace, pod), reason, exit_code)

    def compact(self) -> None:
        """Forget the history: a watch from an older resourceVersion gets 410."""
        self._store.compact()

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object by the plural of its kind; do not change it."""
        return self._store.get(Key(kind, namespace, name))

    def select(self, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        """Return the objects of a kind that a label selector wants; do not change them."""
        wanted = by_labels(selector)
        return [item for item in self._store.select(kind, namespace) if wanted(item)]

    def state(self) -> dict[str, dict[str, Object]]:
        """Return all objects, `{plural: {"namespace/name": object}}`."""
        with self._store.changed:
            return {
                kind.plural: {_place(item): item for item in self._store.select(kind.plural)}
                for kind in KINDS
            }

    def kubeconfig(self, url: str, token: str) -> str:
        """Return the text of a kubeconfig that leads a real client here."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": {"server": url}}],
            "users": [{"name": "sandbox", "user": {"token": token}}],
            "contexts": [
                {
                    "name": "sandbox",
                    "context": {"cluster": "sandbox", "user": "sandbox", "namespace": "default"},
                }
            ],
            "current-context": "sandbox",
        }
        return json.dumps(config, indent=2)

    def _furnish(self, nodes: Iterable[Node], now: str) -> None:
        for name in _NAMESPACES:
            namespace = {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            }
            self._store.create(Key("namespaces", "", name), namespace)
        for node in nodes:
            self._store.create(Key("nodes", "", node.name), node.as_object(now))

    def _log(self, key: Key, previous: bool) -> list[str]:  # noqa: FBT001 - a callback's
        return self._kubelet.log(key, previous=previous)

    def _chronicle(self, change: Change) -> None:
        place = {"namespace": change.key.namespace, "name": change.key.name}
        for call, detail in happenings(change):
            self._journal.add("cluster", call, **place, **detail)
        event = change.object
        if change.key.kind == "events" and event["reason"] == self._quirks.recreate_reason:
            lws, text = event["involvedObject"]["name"], event["message"]
            self._journal.add(
                "cluster", "group.recreated", namespace=change.key.namespace, name=lws, message=text
            )


def _place(item: Object) -> str:
    namespace, name = item["metadata"].get("namespace"), item["metadata"]["name"]
    return f"{namespace}/{name}" if namespace else str(name)
