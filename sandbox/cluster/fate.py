"""What is wrong with the cluster on purpose: images, readiness, nodes and webhooks.

Sources: the kubelet's texts (pkg/kubelet/images), the API server's for a webhook that is down,
the node controller's taints.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatch

from sandbox.cluster.objects import Object, name_of
from sandbox.cluster.refusals import unreachable

_WEBHOOKS = {
    "leaderworkersets": (
        "mleaderworkerset.kb.io",
        "mutate-leaderworkerset-x-k8s-io-v1-leaderworkerset",
    ),
    "pods": ("mpod.kb.io", "mutate--v1-pod"),
}


@dataclass(slots=True)
class Fate:
    """The faults in force; whoever acts asks it first."""

    images: set[str] = field(default_factory=set)
    unready: set[tuple[str, str]] = field(default_factory=set)
    lost_nodes: set[str] = field(default_factory=set)
    webhook_down: bool = False

    def lose_image(self, image: str, *, missing: bool) -> None:
        """Let an image be missing, or there again."""
        (self.images.add if missing else self.images.discard)(image)

    def hold_back(self, namespace: str, pattern: str, *, ready: bool) -> None:
        """Keep pods from becoming ready, or no longer."""
        (self.unready.discard if ready else self.unready.add)((namespace, pattern))

    def lacks_image(self, pod: Object) -> str | None:
        """Return the image of the pod that no registry has, if any."""
        images = [each.get("image", "") for each in pod["spec"]["containers"]]
        return next((image for image in images if image in self.images), None)

    def never_ready(self, pod: Object) -> bool:
        """Say whether a pod must not become ready."""
        namespace, name = pod["metadata"]["namespace"], name_of(pod)
        return any(namespace == where and fnmatch(name, what) for where, what in self.unready)

    def cut_off(self, pod: Object) -> bool:
        """Say whether the pod's node is lost, so that no kubelet acts on it."""
        return pod["spec"].get("nodeName") in self.lost_nodes

    def check_webhook(self, kind: str) -> None:
        """Refuse a write that needs a webhook of LWS while it is down (failurePolicy Fail)."""
        if self.webhook_down and kind in _WEBHOOKS:
            name, path = _WEBHOOKS[kind]
            raise unreachable(name, path)
