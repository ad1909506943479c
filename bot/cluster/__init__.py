"""Port: the cluster, read only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Pod:
    """One rank of a group as its pod shows it now.

    `state` is ready, or in a word what it waits for; `failure` is why a container of it died
    (such as `OOMKilled (exit 137)`), empty while none has; `deleting` once it is on its way out.
    """

    name: str
    uid: str
    group: int
    index: int
    revision: str
    state: str
    ready: bool
    deleting: bool
    failure: str


@dataclass(frozen=True, slots=True)
class Observation:
    """One LeaderWorkerSet and its pods at one moment. Group truth comes from the pods.

    The status of LeaderWorkerSet up to 0.8 counts a group as ready without looking at its
    workers. `state` is the desired state that the GitOps controller applied; `current` says that
    the LeaderWorkerSet controller has seen it and moved every group to it.
    """

    namespace: str
    name: str
    uid: str
    state: str
    replicas: int
    size: int
    current: bool
    pods: tuple[Pod, ...]
    deleted: bool = False


class Cluster(Protocol):
    """A Kubernetes cluster. It is only ever read: no verb but get, list and watch."""

    def changes(self) -> Iterator[Observation]:
        """Yield what stands at first, then every change, without end.

        A connection that breaks is taken up again; nothing that the API server still has is lost.
        """
        ...
