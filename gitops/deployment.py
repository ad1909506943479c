"""Pure: ModelDeployment, what should run, with every rule that needs no other knowledge.

The fields are those of `llm.yaml`, in camel case there; its JSON Schema is made from this type.
Sources of the rules: the LeaderWorkerSet API of v0.6.0 to v0.10.0 (types, webhook, recorded
behaviour) and the engines' own start-up checks.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.names import (
    LABEL_KEY,
    LABEL_VALUE,
    QUANTITY,
    SERVED,
    VARIABLE,
    check_count,
    check_deployment_name,
    check_image,
    check_name,
    check_path,
    check_pattern,
    check_range,
    check_text,
)
from gitops.parallel import Parallel
from gitops.versions import release

MAX_GROUPS = 1_000
"""Most groups of one deployment; far above any rollout we have seen, far below the CRD's limit."""

MAX_PODS = 64
"""Most pods of one group."""

MAX_GPUS_PER_POD = 16
"""Most GPUs of one pod; the largest node on offer has 16."""

MAX_ARGUMENT = 4_096
"""Longest extra argument or variable, in characters."""

OLDEST_LWS = "0.6.0"
"""Oldest LeaderWorkerSet that works: it injects LWS_WORKER_INDEX."""

NEWEST_LWS = "0.10.0"
"""Newest LeaderWorkerSet whose fields we know."""


class _Value(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"
):
    """A frozen value that stands in llm.yaml: unknown keys are refused, defaults left out."""


class RestartPolicy(StrEnum):
    """What happens to a group when one of its pods restarts.

    `Default` is not among them: the webhook stores it as None, and Git and cluster then differ.
    """

    RECREATE_GROUP = "RecreateGroupOnPodRestart"
    RECREATE_AFTER_START = "RecreateGroupAfterStart"
    NONE = "None"


class Resources(_Value, frozen=True):
    """What each pod takes: GPUs, CPUs, memory, and /dev/shm (which counts against memory)."""

    memory: str
    gpus: int = 1
    cpu: int = 8
    shared_memory: str = "15Gi"

    def __post_init__(self) -> None:
        check_range("GPUs a pod", self.gpus, 1, MAX_GPUS_PER_POD)
        check_range("CPU", self.cpu, 1, 512)
        check_pattern("memory", self.memory, QUANTITY, "a quantity such as 52Gi")
        check_pattern("shared memory", self.shared_memory, QUANTITY, "a quantity such as 15Gi")


class Rollout(_Value, frozen=True):
    """How an update moves over the groups; counts of groups. `partition` needs LWS 0.7.0."""

    max_unavailable: int = 1
    max_surge: int = 0
    partition: int = 0

    def __post_init__(self) -> None:
        check_range("maxUnavailable", self.max_unavailable, 0, MAX_GROUPS)
        check_range("maxSurge", self.max_surge, 0, MAX_GROUPS)
        check_range("partition", self.partition, 0, MAX_GROUPS)
        if self.max_unavailable == self.max_surge == 0:
            raise InvalidRequestError(
                "maxUnavailable 0 and maxSurge 0: no group could ever be updated; raise one"
            )


class Toleration(_Value, frozen=True):
    """A taint of nodes that the pods accept."""

    key: str
    operator: str = "Exists"
    value: str = ""
    effect: str = ""

    def __post_init__(self) -> None:
        check_pattern("toleration key", self.key, LABEL_KEY, "a label key")
        check_pattern("toleration value", self.value, LABEL_VALUE, "a label value")
        if self.operator not in {"Exists", "Equal"}:
            raise InvalidRequestError("toleration operator: expected Exists or Equal")
        if self.effect not in {"", "NoSchedule", "PreferNoSchedule", "NoExecute"}:
            raise InvalidRequestError(
                "toleration effect: expected NoSchedule, PreferNoSchedule or NoExecute"
            )


class Placement(_Value, frozen=True):
    """Where pods may run; `exclusive_topology` is the node label that one group has for itself."""

    node_selector: Mapping[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    exclusive_topology: str = ""

    def __post_init__(self) -> None:
        check_count("node labels", self.node_selector)
        check_count("tolerations", self.tolerations)
        for key, value in self.node_selector.items():
            check_pattern("node label", key, LABEL_KEY, "a label key")
            check_pattern(f"node label {key}", value, LABEL_VALUE, "a label value")
        if self.exclusive_topology:
            check_pattern("exclusive topology", self.exclusive_topology, LABEL_KEY, "a node label")


class ModelDeployment(_Value, frozen=True, kw_only=True):
    """One model on one LeaderWorkerSet, complete: nothing else decides what is rendered.

    `replicas` counts groups, `size` pods of one group (its leader included). Raises
    InvalidRequestError, naming the rule, when a value breaks one.
    """

    name: str
    environment: str
    namespace: str
    model: str
    engine: Engine
    engine_version: str
    image: str
    base: str
    lws_version: str = NEWEST_LWS
    replicas: int
    size: int
    parallel: Parallel
    resources: Resources
    model_path: str
    served_model_name: str
    claim: str
    max_model_len: int | None = None
    quantization: str | None = None
    engine_args: tuple[str, ...] = ()
    environment_variables: Mapping[str, str] = {}
    api_key_secret: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    service_account: str | None = None
    priority_class: str | None = None
    restart_policy: RestartPolicy = RestartPolicy.RECREATE_GROUP
    rollout: Rollout = Rollout()
    placement: Placement = Placement()
    components: tuple[str, ...] = ()
    restarted_at: str | None = None
    owner: str | None = None
    reason: str | None = None
    expires: str | None = None

    def __post_init__(self) -> None:
        self._check_names()
        self._check_counts()
        self._check_texts()
        self._check_lws()

    @property
    def gpus(self) -> int:
        """GPUs of all groups together."""
        return self.replicas * self.size * self.resources.gpus

    @property
    def folder(self) -> str:
        """Folder of the overlay in the repository."""
        return f"overlays/{self.environment}/{self.name}"

    @property
    def shape(self) -> str:
        """Groups x (pods x GPUs), as it stands in titles and cards."""
        return f"{self.replicas}×({self.size}×{self.resources.gpus} GPU)"

    def _check_names(self) -> None:
        check_deployment_name(self.name)
        optional = {
            "environment": self.environment,
            "namespace": self.namespace,
            "model": self.model,
            "claim": self.claim,
            "service account": self.service_account,
            "priority class": self.priority_class,
            "API key Secret": self.api_key_secret,
        } | {f"image pull Secret {n}": name for n, name in enumerate(self.image_pull_secrets, 1)}
        for field, name in optional.items():
            if name is not None:
                check_name(field, name)
        for component in self.components:
            check_name("component", component)

    def _check_counts(self) -> None:
        check_range("replicas", self.replicas, 0, MAX_GROUPS)
        check_range("size", self.size, 1, MAX_PODS)
        if self.max_model_len is not None:
            check_range("max model length", self.max_model_len, 1, 10_000_000)
        wanted, there = self.parallel.gpus, self.size * self.resources.gpus
        if wanted != there:
            p = self.parallel
            raise InvalidRequestError(
                f"TP {p.tensor} × PP {p.pipeline} × DP {p.data} = {wanted} GPUs a group,"
                f" but {self.size} pods × {self.resources.gpus} GPU = {there}; make them equal"
            )

    def _check_texts(self) -> None:
        check_image(self.image)
        check_path("model path", self.model_path)
        check_path("base", f"/{self.base}")
        check_pattern("served model name", self.served_model_name, SERVED, "a model id")
        check_count("extra arguments", self.engine_args)
        check_count("environment variables", self.environment_variables)
        for argument in self.engine_args:
            check_text("extra argument", argument, MAX_ARGUMENT, "\n\t")
        for name, value in self.environment_variables.items():
            check_pattern("environment variable", name, VARIABLE, "a name such as NCCL_DEBUG")
            check_text(f"environment variable {name}", value, MAX_ARGUMENT, "\n\t")
        lines = (self.engine_version, self.quantization, self.restarted_at, self.owner)
        for line in (*lines, self.reason, self.expires):
            check_text("text", line or "")

    def _check_lws(self) -> None:
        lws, surge = release(self.lws_version), self.rollout
        if lws < release(OLDEST_LWS):
            raise InvalidRequestError(f"LWS {self.lws_version}: {OLDEST_LWS} or newer is needed")
        if surge.partition and lws < release("0.7.0"):
            raise InvalidRequestError(f"partition: LWS {self.lws_version} lacks it; needs 0.7.0")
        after_start = self.restart_policy is RestartPolicy.RECREATE_AFTER_START
        if after_start and lws < release("0.9.0"):
            raise InvalidRequestError(
                f"{self.restart_policy}: LWS {self.lws_version} lacks it; needs 0.9.0"
            )
        hangs = (self.replicas, surge.max_surge, surge.max_unavailable) == (1, 1, 0)
        if hangs and lws < release("0.9.0"):
            raise InvalidRequestError(
                f"maxSurge 1 and maxUnavailable 0 with one group: hangs for ever on LWS"
                f" {self.lws_version}; set maxUnavailable 1, or update LWS to 0.9.0"
            )
