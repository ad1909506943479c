"""Pure: what a person asked for, before the catalogue fills in the rest."""

from dataclasses import dataclass

from gitops.engine import Engine


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What a person asked for; None means: take what the catalogue says."""

    model: str
    engine: Engine
    name: str | None = None
    environment: str | None = None
    replicas: int | None = None
    tensor_parallel_size: int | None = None
    pipeline_parallel_size: int | None = None
    size: int | None = None
    gpus_per_pod: int | None = None
    reason: str = ""
