"""Port: Kubernetes clusters, read only."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gitops.environment import Controller


@dataclass(frozen=True, slots=True)
class Pod:
    """One rank of a group as its pod shows it now.

    `state` is ready, or in a word what it waits for; `said` is what Kubernetes says about that
    waiting, in a sentence; `failure` is why a container of it died (such as `OOMKilled (exit
    137)`), empty while none has; `deleting` once it is on its way out.
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
    said: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One LeaderWorkerSet and its pods at one moment. Group truth comes from the pods.

    The status of LeaderWorkerSet up to 0.8 counts a group as ready without looking at its
    workers. `state` is the desired state that the GitOps controller applied; `revision` is that of
    the pods which the set asks for now, empty where nothing tells, and then `current` says that the
    controller calls every group updated; groups before `partition` may stay on an earlier one.
    `context` is the kubeconfig context of its cluster; `own_subdomains` says that each group has a
    headless Service of its own.
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
    context: str = ""
    own_subdomains: bool = False
    revision: str = ""
    partition: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """All LeaderWorkerSets that a namespace holds: what is not among `names` is not there."""

    context: str
    namespace: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Contact:
    """Whether the API server lets a namespace be watched.

    Told with every call that it answers, at least each half minute, and once when it does not.
    """

    context: str
    namespace: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """What Argo CD or Flux says of the folder `path` of the repository, in its object.

    `failure` is in the controller's words, empty while nothing is wrong; `tried` is the commit that
    failed, empty where the controller does not say; `at` is when it last looked (ISO 8601).
    """

    context: str
    namespace: str
    name: str
    path: str
    failure: str = ""
    tried: str = ""
    at: str = ""
    deleted: bool = False


Found = Observation | Listed | Contact | Unit

Report = Callable[[Found], None]
"""Takes what was found; it may hold the reader up, and the API server then keeps the rest."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one watch is of: a namespace of a cluster, or there only a controller's own objects.

    `context` names a kubeconfig context; empty for the current one, or for the pod's own cluster.
    """

    context: str
    namespace: str
    controller: Controller | None = None


class Clusters(Protocol):
    """Kubernetes clusters. They are only ever read: no verb but get, list and watch."""

    def follow(self, scope: Scope, report: Report, stop: threading.Event) -> None:
        """Report what stands at first, then every change, until `stop` is set.

        Never raises: a connection that breaks is taken up again, and nothing that the API server
        still has is lost. What cannot be reached, or may not be read, is told as Contact.
        """
        ...
