"""The cluster as one thing: its API as a world, its controllers, its faults and its state."""

import json
from collections.abc import Callable, Iterable, Mapping

from werkzeug.exceptions import NotFound

from sandbox.clock import Time
from sandbox.cluster.admission import admit
from sandbox.cluster.api import Access, Api
from sandbox.cluster.cache import Cache
from sandbox.cluster.chronicle import happenings
from sandbox.cluster.deletion import delete
from sandbox.cluster.fate import Fate
from sandbox.cluster.garbage import Garbage
from sandbox.cluster.groups import Groups
from sandbox.cluster.kinds import KINDS, key_of
from sandbox.cluster.kubelet import Kubelet, Speeds
from sandbox.cluster.loop import Loop
from sandbox.cluster.lws import LeaderWorkerSets
from sandbox.cluster.nodelife import NodeLifecycle
from sandbox.cluster.nodes import FOUR_NODES, Node, close, resize
from sandbox.cluster.objects import Key, Object, copied, stamp
from sandbox.cluster.pace import Pace, Prompt
from sandbox.cluster.proxying import Forward
from sandbox.cluster.quirks import LWS_0_10_0, Quirks
from sandbox.cluster.reading import Reading
from sandbox.cluster.recorder import Recorder
from sandbox.cluster.scheduler import Scheduler
from sandbox.cluster.selectors import by_labels
from sandbox.cluster.statefulset import StatefulSets
from sandbox.cluster.store import Change, Store
from sandbox.cluster.writing import Writing
from sandbox.journal import Journal
from sandbox.serving import World

_PRESSURE = "The node was low on resource: memory."
_NAMESPACES = ("default", "kube-system", "lws-system")


class Cluster:
    """A Kubernetes cluster with LWS installed; nothing moves before `start` or `run`.

    `quirks` is the installed LWS version, `pace` decides the controllers' races, `forward` is
    what stands behind the Services for calls through the API server's proxy.
    """

    def __init__(  # noqa: PLR0913 - every setting stands for itself and has a default
        self,
        time: Time,
        journal: Journal,
        *,
        tokens: Mapping[str, Access],
        nodes: Iterable[Node] = FOUR_NODES,
        speeds: Speeds | None = None,
        quirks: Quirks = LWS_0_10_0,
        pace: Pace | None = None,
        forward: Forward | None = None,
    ) -> None:
        pace = pace or Prompt()
        self._journal = journal
        self._time = time
        self._store = Store(time)
        self._store.listen(self._chronicle)
        recorder = Recorder(self._store, time, quirks)
        speeds = speeds or Speeds()
        self._fate = Fate()
        self._kubelet = Kubelet(self._store, time, speeds, self._fate)
        self._lifecycle = NodeLifecycle(self._store, time, speeds, self._fate)
        self._quirks = quirks
        reading = Reading(self._store, time, self._log)
        writing = Writing(self._store, time, self._fate, quirks)
        self._api = Api(journal, tokens, reading, writing, forward)
        cache = Cache(self._store, pace)
        self._loop = Loop(
            time,
            self._store,
            (
                Scheduler(self._store, time, recorder, speeds.schedule),
                self._kubelet,
                Groups(self._store, time, recorder, quirks, cache),
                StatefulSets(self._store, time, recorder, pace, self._fate),
                LeaderWorkerSets(self._store, time, recorder, quirks, cache),
                Garbage(self._store, time),
                recorder,
                self._lifecycle,
            ),
            pace,
        )
        recorder.wake = lambda key: self._loop.look(recorder, key)
        self._furnish(nodes, stamp(time.now()))

    def world(self) -> World:
        """Return the server of the API."""
        return World("cluster", self._api.call_of, self._api.answer)

    def start(self) -> None:
        """Start the controllers."""
        self._loop.start()

    def run(self, seconds: float) -> None:
        """Let that time pass in the caller's thread, as fast as it goes; instead of `start`."""
        self._loop.run(seconds)

    def stop(self) -> None:
        """Stop the controllers and end all watches."""
        self._store.close()
        self._loop.stop()

    def kill(
        self, namespace: str, pod: str, reason: str = "OOMKilled", exit_code: int = 137
    ) -> None:
        """Let a container of a running pod die."""
        self._kubelet.kill(Key("pods", namespace, pod), reason, exit_code)

    def evict(self, namespace: str, pod: str, message: str = _PRESSURE) -> None:
        """Let a kubelet evict a pod for want of memory."""
        self._kubelet.evict(Key("pods", namespace, pod), message)

    def image_missing(self, image: str, *, missing: bool = True) -> None:
        """Let an image be in no registry; pods that are made from now on wait for it."""
        self._fate.lose_image(image, missing=missing)
        self._revisit_pods()

    def never_ready(self, namespace: str, pod: str, *, ready: bool = False) -> None:
        """Let pods (a name or a pattern with `*`) run and never become ready."""
        self._fate.hold_back(namespace, pod, ready=ready)
        self._revisit_pods()

    def webhook_down(self, *, down: bool = True) -> None:
        """Let the webhooks of LWS be unreachable: writes of LWS and new pods are refused."""
        self._fate.webhook_down = down

    def oom(self, namespace: str, pod: str) -> None:
        """Let a container of a running pod be killed for want of memory."""
        self.kill(namespace, pod, "OOMKilled", 137)

    def claim_missing(self, namespace: str, name: str) -> None:
        """Delete a volume claim; pods that are made from now on are not placed."""
        self.delete("persistentvolumeclaims", namespace, name)

    def cordon(self, node: str, *, closed: bool = True) -> None:
        """Let the scheduler pass over a node, or no longer."""
        self._store.edit(self._node(node), lambda item: close(item, closed=closed))

    def shrink(self, node: str, gpus: int) -> None:
        """Let a node have fewer GPUs, as when its device plugin loses some."""
        self._store.edit(self._node(node), lambda item: resize(item, gpus))

    def lose_node(self, node: str) -> None:
        """Let a node go silent: its pods are no longer ready, and are deleted after a while."""
        self._lifecycle.lose(self._node(node))

    def find_node(self, node: str) -> None:
        """Let a lost node report again: deleted pods on it end now."""
        self._lifecycle.find(self._node(node))
        self._revisit_pods()

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` with every change of the cluster from now on, in order."""
        self._store.listen(listener)

    def apply(self, item: Object) -> Object:
        """Create an object or put its spec in place of the old, as a person with rights would."""
        key = key_of(item)
        with self._store.changed:
            item = copied(item)
            self._fate.check_webhook(key.kind)
            admit(key.kind, item, self._quirks)
            if self._store.get(key) is None:
                return self._store.create(key, item)
            return self._store.edit(key, lambda live: live.update(spec=item["spec"]))

    def delete(self, kind: str, namespace: str, name: str, policy: str = "Background") -> None:
        """Delete an object with a propagation policy."""
        delete(self._store, self._time, Key(kind, namespace, name), policy)

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

    def _node(self, name: str) -> Key:
        key = Key("nodes", "", name)
        if self._store.get(key) is None:
            raise NotFound(f'nodes "{name}" not found')
        return key

    def _revisit_pods(self) -> None:
        for pod in self._store.select("pods"):
            place = Key("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
            self._loop.look(self._kubelet, place)

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

    def _log(self, key: Key, container: str, previous: bool) -> list[str]:  # noqa: FBT001 - a callback's
        return self._kubelet.log(key, container, previous=previous)

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
