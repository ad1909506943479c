"""Pure: what a person asked for, before the catalogue and the environment fill in the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from gitops.deployment import RestartPolicy, Toleration
from gitops.engine import Engine


@dataclass(frozen=True, slots=True)
class Changes:
    """Fields of a deployment that a person names; None means: leave it, or take the default.

    The names and units are those of ModelDeployment; `tensor` … `expert` are parallel sizes.
    """

    replicas: int | None = None
    size: int | None = None
    gpus_per_pod: int | None = None
    tensor: int | None = None
    pipeline: int | None = None
    data: int | None = None
    expert: int | None = None
    max_model_len: int | None = None
    quantization: str | None = None
    engine_version: str | None = None
    image: str | None = None
    model_path: str | None = None
    served_model_name: str | None = None
    claim: str | None = None
    engine_args: tuple[str, ...] | None = None
    environment_variables: Mapping[str, str] | None = None
    api_key_secret: str | None = None
    image_pull_secrets: tuple[str, ...] | None = None
    service_account: str | None = None
    priority_class: str | None = None
    cpu: int | None = None
    memory: str | None = None
    shared_memory: str | None = None
    restart_policy: RestartPolicy | None = None
    max_unavailable: int | None = None
    max_surge: int | None = None
    partition: int | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None
    exclusive_topology: str | None = None
    components: tuple[str, ...] | None = None
    owner: str | None = None
    reason: str | None = None
    expires: str | None = None

    @property
    def named(self) -> dict[str, object]:
        """The fields that a person named, with their values."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """A new deployment of a model. `name` None means MODEL-ENGINE."""

    model: str
    engine: Engine
    name: str | None = None
    environment: str | None = None
    namespace: str | None = None
    changes: Changes = field(default_factory=Changes)


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """A change of an existing deployment; `verb` is update, scale or restart."""

    verb: str
    name: str
    environment: str | None = None
    changes: Changes = field(default_factory=Changes)


@dataclass(frozen=True, slots=True)
class UndeployRequest:
    """The end of a deployment; its storage stays."""

    name: str
    environment: str | None = None
    reason: str | None = None


Request = DeployRequest | UpdateRequest | UndeployRequest
