"""Pure: Environment, what `overlays/<environment>/environment.yaml` says of a place to deploy to.

It is read from the main branch, so that a pull request cannot change the rules it is judged by.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gitops.deployment import NEWEST_LWS, OLDEST_LWS, Toleration
from gitops.documents import dump, load_mapping
from gitops.errors import InvalidRequestError
from gitops.names import (
    QUANTITY,
    SLACK_USER_OR_GROUP,
    check_name,
    check_pattern,
    check_range,
    check_text,
)
from gitops.typed import typed
from gitops.versions import release

OLDEST_KUBERNETES = "1.27"
"""Oldest Kubernetes that LeaderWorkerSet works on without a feature gate."""

_APPROVER = "a Slack user id such as U0123456789 or a user group id such as S0123456789"


class _Value(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"
):
    """A frozen value that stands in environment.yaml."""


class Controller(StrEnum):
    """Who applies the main branch to the cluster."""

    ARGOCD = "argocd"
    FLUX = "flux"


CONTROLLER_NAMESPACES = {Controller.ARGOCD: "argocd", Controller.FLUX: "flux-system"}
"""Where `leadline init` and both vendors' manuals put the controller's objects."""


class Pool(_Value, frozen=True):
    """Nodes of one kind. `gpu` is a type of the GPU table; `price` is per GPU and hour."""

    name: str
    gpu: str
    nodes: int
    gpus_per_node: int = 1
    price: float | None = None
    node_selector: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        check_name("pool", self.name)
        check_range(f"pool {self.name}: nodes", self.nodes, 0, 10_000)
        check_range(f"pool {self.name}: GPUs a node", self.gpus_per_node, 1, 16)

    @property
    def gpus(self) -> int:
        """GPUs of all nodes of the pool."""
        return self.nodes * self.gpus_per_node


class Defaults(_Value, frozen=True):
    """What a request that says nothing means in this environment; the ACK guide's values."""

    replicas: int = 1
    tensor: int = 2
    gpus_per_pod: int = 1
    cpu: int = 8
    shared_memory: str = "15Gi"
    components: tuple[str, ...] = ()
    tolerations: tuple[Toleration, ...] = ()

    def __post_init__(self) -> None:
        check_range("default replicas", self.replicas, 0, 1000)
        check_range("default tensor parallel size", self.tensor, 1, 1024)
        check_range("default GPUs a pod", self.gpus_per_pod, 1, 16)
        check_pattern("default shared memory", self.shared_memory, QUANTITY, "such as 15Gi")


class Slack(_Value, frozen=True):
    """Where this environment is talked about: a channel id, and a user group for incidents."""

    channel: str = ""
    on_call: str = ""


class Environment(_Value, frozen=True, kw_only=True):
    """One place to deploy to.

    `claims` are the storage claims that deployments may name; where there are none, any.
    `approvers` are the Slack users and user groups of which one has to approve where two people are
    wanted; where none is named, any approver of roles.yaml may.

    A command that names no environment never means one of `production`.
    """

    name: str
    cluster: str = ""
    context: str = ""
    kubernetes: str = "1.32"
    lws: str = NEWEST_LWS
    controller: Controller = Controller.ARGOCD
    controller_namespace: str = ""
    namespace: str = "default"
    pools: tuple[Pool, ...] = ()
    claims: tuple[str, ...] = ()
    currency: str = ""
    defaults: Defaults = Defaults()
    slack: Slack = Slack()
    approvers: tuple[str, ...] = ()
    two_person: bool = False
    production: bool = False

    def __post_init__(self) -> None:
        check_name("environment", self.name)
        check_name("namespace", self.namespace)
        if self.controller_namespace:
            check_name("controllerNamespace", self.controller_namespace)
        for claim in self.claims:
            check_name("claim", claim)
        for text in (self.cluster, self.context, self.currency):
            check_text("text", text)
        for approver in self.approvers:
            check_pattern("approver", approver, SLACK_USER_OR_GROUP, _APPROVER)
        if release(self.lws) < release(OLDEST_LWS):
            raise InvalidRequestError(f"LWS {self.lws}: {OLDEST_LWS} or newer is needed")
        if release(self.kubernetes) < release(OLDEST_KUBERNETES):
            raise InvalidRequestError(
                f"Kubernetes {self.kubernetes}: {OLDEST_KUBERNETES} or newer is needed"
            )

    @property
    def is_production(self) -> bool:
        """Say whether it is production: by its field, or by a name that says so."""
        return self.production or self.name in {"prod", "production"}

    @property
    def place(self) -> str:
        """Which cluster it is in: by its name, else by its context; empty is Leadline's own."""
        return self.cluster or self.context

    @property
    def controller_place(self) -> str:
        """Namespace of the controller's objects."""
        return self.controller_namespace or CONTROLLER_NAMESPACES[self.controller]

    @property
    def path(self) -> str:
        """Path of the file that holds it."""
        return f"overlays/{self.name}/environment.yaml"

    @property
    def gpus(self) -> int:
        """GPUs of all pools."""
        return sum(pool.gpus for pool in self.pools)

    @property
    def price(self) -> float | None:
        """Price of a GPU and hour, the dearest pool's; None when a pool has none."""
        prices = [pool.price for pool in self.pools]
        known = [price for price in prices if price is not None]
        return max(known) if known and len(known) == len(prices) else None


FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(Environment))


def read_environment(text: str, source: str) -> Environment:
    """Return the environment that a file holds; `source` names the file in errors.

    Raises:
        InvalidRequestError: unknown, missing or wrong fields.
    """
    environment: Environment = typed(load_mapping(text, source), Environment, source, FIELDS)
    return environment


def write_environment(environment: Environment) -> str:
    """Return the text of an environment.yaml."""
    return dump(msgspec.to_builtins(environment))
