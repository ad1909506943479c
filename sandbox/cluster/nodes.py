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


def gpus_of(pod: Object) -> int:
    """Return the GPUs that a pod asks for."""
    wanted = [each.get("resources", {}).get("limits", {}) for each in pod["spec"]["containers"]]
    return sum(int(limits.get(GPU, 0)) for limits in wanted)
