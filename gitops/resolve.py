"""Pure: a request, the catalogue and an environment become one complete, valid deployment."""

import math
from typing import Any

import msgspec

from gitops.catalog import Catalog, scheme_of
from gitops.deployment import ModelDeployment, Placement, Resources
from gitops.environment import Environment
from gitops.models import Model
from gitops.names import QUANTITY, check_pattern
from gitops.parallel import Parallel
from gitops.request import Changes, DeployRequest

_PARALLEL = ("tensor", "pipeline", "data", "expert")
_RESOURCES = {
    "gpus_per_pod": "gpus",
    "cpu": "cpu",
    "memory": "memory",
    "shared_memory": "shared_memory",
}
_ROLLOUT = ("max_unavailable", "max_surge", "partition")
_PLACEMENT = ("node_selector", "tolerations", "exclusive_topology")
_NESTED = {*_PARALLEL, *_RESOURCES, *_ROLLOUT, *_PLACEMENT, "engine_version", "image", "size"}
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def resolve(request: DeployRequest, environment: Environment, catalog: Catalog) -> ModelDeployment:
    """Return the deployment that a request means in an environment.

    Raises:
        InvalidRequestError: the request breaks a rule.
    """
    model, wanted, defaults = catalog.model(request.model), request.changes, environment.defaults
    choice = catalog.pick(request.engine, wanted.engine_version, wanted.image)
    parallel = Parallel(**{"tensor": defaults.tensor} | _given(wanted, _PARALLEL))
    gpus = _either(wanted.gpus_per_pod, defaults.gpus_per_pod)
    size = _either(wanted.size, _pods(parallel, gpus))
    mode = _mode_path(model, wanted.quantization)
    first = ModelDeployment(
        name=f"{model.id}-{request.engine.value}" if request.name is None else request.name,
        environment=environment.name,
        namespace=request.namespace or environment.namespace,
        model=model.id,
        engine=request.engine,
        engine_version=choice.version,
        image=choice.image,
        base=choice.base,
        lws_version=environment.lws,
        replicas=defaults.replicas,
        size=size,
        parallel=parallel,
        resources=_resources(model, size, gpus, wanted, environment),
        model_path=mode,
        served_model_name=model.id,
        claim=model.claim,
        placement=Placement(tolerations=defaults.tolerations),
        components=defaults.components,
    )
    deployment = _apply(first, wanted)
    catalog.check(deployment)
    return deployment


def change(
    existing: ModelDeployment, wanted: Changes, environment: Environment, catalog: Catalog
) -> ModelDeployment:
    """Return an existing deployment with the named fields changed, on the environment's LWS.

    Raises:
        InvalidRequestError: the result breaks a rule.
    """
    parallel = msgspec.structs.replace(existing.parallel, **_given(wanted, _PARALLEL))
    gpus = _either(wanted.gpus_per_pod, existing.resources.gpus)
    resized = parallel != existing.parallel or gpus != existing.resources.gpus
    size = _either(wanted.size, _pods(parallel, gpus) if resized else existing.size)
    version = _version(existing, wanted, catalog)
    base = msgspec.structs.replace(
        existing,
        lws_version=environment.lws,
        size=size,
        parallel=parallel,
        resources=msgspec.structs.replace(existing.resources, **_renamed(wanted)),
        **version,
    )
    changed = _apply(base, wanted)
    catalog.check(changed)
    return changed


def _version(existing: ModelDeployment, wanted: Changes, catalog: Catalog) -> dict[str, str]:
    if wanted.engine_version is None and wanted.image is None:
        return {}
    choice = catalog.pick(existing.engine, wanted.engine_version, wanted.image)
    return {"engine_version": choice.version, "image": choice.image, "base": choice.base}


def _apply(deployment: ModelDeployment, wanted: Changes) -> ModelDeployment:
    """Set the fields that stand at the top, and those of rollout and placement."""
    top = {name: value for name, value in wanted.named.items() if name not in _NESTED}
    return msgspec.structs.replace(
        deployment,
        rollout=msgspec.structs.replace(deployment.rollout, **_given(wanted, _ROLLOUT)),
        placement=msgspec.structs.replace(deployment.placement, **_given(wanted, _PLACEMENT)),
        **top,
    )


def _resources(
    model: Model, size: int, gpus: int, wanted: Changes, environment: Environment
) -> Resources:
    shared = wanted.shared_memory or environment.defaults.shared_memory
    check_pattern("shared memory", shared, QUANTITY, "a quantity such as 15Gi")
    return Resources(
        memory=wanted.memory or _memory(model, size, shared, wanted.quantization),
        gpus=gpus,
        cpu=_either(wanted.cpu, environment.defaults.cpu),
        shared_memory=shared,
    )


def memory_gib(shared_gib: int, share_gib: float) -> int:
    """Return the memory limit that a pod needs, in GiB, for its share of the weights.

    /dev/shm counts against the limit; beside it a pod needs 32 GiB or 1.2 times its share of the
    weights, whichever is more. Source: finding 7 of the guide's review (docs/guide.md).
    """
    return shared_gib + max(32, math.ceil(1.2 * share_gib))


def _memory(model: Model, size: int, shared: str, quantization: str | None) -> str:
    share = model.weights_bytes(scheme_of(model, quantization)) / 2**30 / max(1, size)
    gib = math.ceil(int(shared[:-2]) * _UNITS[shared[-2:]] / 2**30)
    return f"{memory_gib(gib, share)}Gi"


def _mode_path(model: Model, quantization: str | None) -> str:
    """Return where the weights of a number format lie; the standard ones where none is named."""
    if quantization is None:
        return model.path
    return model.mode_of(scheme_of(model, quantization)).path


def _pods(parallel: Parallel, gpus: int) -> int:
    return max(1, math.ceil(parallel.gpus / max(1, gpus)))


def _given(wanted: Changes, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in wanted.named.items() if name in names}


def _renamed(wanted: Changes) -> dict[str, Any]:
    return {_RESOURCES[n]: value for n, value in wanted.named.items() if n in _RESOURCES}


def _either(wanted: int | None, default: int) -> int:
    return default if wanted is None else wanted
