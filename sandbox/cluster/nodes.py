"""Pure: the machines of the cluster and their GPUs. Source: the NVIDIA device plugin's labels."""

from dataclasses import dataclass, field

from sandbox.cluster.objects import Object

GPU = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Node:
    """One machine; `gpus` of one product."""

    name: str
    gpus: int = 1
    product: str = "NVIDIA-A10"
    labels: dict[str, str] = field(default_factory=dict)

    def as_object(self, now: str) -> Object:
        """Return the v1 Node."""
        marks = {"kubernetes.io/hostname": self.name, "nvidia.com/gpu.product": self.product}
        capacity = {"cpu": "64", "memory": "512Gi", "pods": "110", GPU: str(self.gpus)}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": {**marks, **self.labels}},
            "spec": {},
            "status": {
                "capacity": capacity,
                "allocatable": capacity,
                "conditions": [
                    {
                        "type": "Ready",
                        "status": "True",
                        "reason": "KubeletReady",
                        "message": "kubelet is posting ready status",
                        "lastHeartbeatTime": now,
                        "lastTransitionTime": now,
                    }
                ],
                "nodeInfo": {"kubeletVersion": "v1.36.2", "operatingSystem": "linux"},
            },
        }


FOUR_NODES = tuple(Node(f"gpu-node-{number}") for number in range(4))


UNREACHABLE = "node.kubernetes.io/unreachable"


def close(node: Object, *, closed: bool) -> None:
    """Let a node take new pods or not, as `kubectl cordon` and `uncordon` do."""
    node["spec"].pop("unschedulable", None)
    if closed:
        node["spec"]["unschedulable"] = True


def resize(node: Object, gpus: int) -> None:
    """Give a node another number of GPUs."""
    for each in ("capacity", "allocatable"):
        node["status"][each] = {**node["status"][each], GPU: str(gpus)}


def fall_silent(node: Object, now: str) -> None:
    """Say of a node what the node controller says after the grace period."""
    node["spec"]["taints"] = [{"key": UNREACHABLE, "effect": effect} for effect in _EFFECTS]
    node["status"]["conditions"][0].update(
        status="Unknown",
        reason="NodeStatusUnknown",
        message="Kubelet stopped posting node status.",
        lastTransitionTime=now,
    )


def report(node: Object, now: str) -> None:
    """Let a node be ready again."""
    node["spec"].pop("taints", None)
    node["status"]["conditions"][0].update(
        status="True",
        reason="KubeletReady",
        message="kubelet is posting ready status",
        lastTransitionTime=now,
    )


_EFFECTS = ("NoSchedule", "NoExecute")


def gpus_of(pod: Object) -> int:
    """Return the GPUs that a pod asks for."""
    wanted = [each.get("resources", {}).get("limits", {}) for each in pod["spec"]["containers"]]
    return sum(int(limits.get(GPU, 0)) for limits in wanted)
