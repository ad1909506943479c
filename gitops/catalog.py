"""Pure: the models and engines on offer, and how a request becomes a complete deployment."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops import assets
from gitops.deployment import Engine, ModelDeployment, check_name, printable
from gitops.documents import load_mapping
from gitops.errors import InvalidRequestError
from gitops.request import DeployRequest

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Model:
    """A model on offer: the figures of its config.json and where its files lie."""

    id: str
    repository: str
    architecture: str
    parameters: int
    layers: int
    heads: int
    kv_heads: int
    bytes_per_parameter: float
    path: str
    claim: str

    @property
    def weights_gib(self) -> float:
        """Weights in GiB, all ranks together."""
        return self.parameters * self.bytes_per_parameter / GIB


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one version of an engine is started: its image, base and launch form."""

    engine: Engine
    version: str
    launch: str
    base: str
    image: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a request that says nothing means; the guide's values.

    `environment` is where a deployment goes, `namespace` where its objects live.
    """

    environment: str = "example"
    namespace: str = "default"
    replicas: int = 1
    tensor_parallel_size: int = 2
    gpus_per_pod: int = 1
    cpu: int = 8
    shared_memory_gib: int = 15


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models and recipes on offer."""

    models: Mapping[str, Model]
    recipes: tuple[Recipe, ...]

    @classmethod
    def load(cls, folder: Path | None = None) -> "Catalog":
        """Read `kustomize/catalog` (the one that travels with Leadline when no folder is given)."""
        folder = folder or assets.root() / "kustomize" / "catalog"
        models = [_model(path) for path in sorted((folder / "models").glob("*.yaml"))]
        recipes = [_recipes(path) for path in sorted((folder / "engines").glob("*.yaml"))]
        return cls({model.id: model for model in models}, tuple(r for rs in recipes for r in rs))

    def model(self, name: str) -> Model:
        """Return a model by its id.

        Raises:
            InvalidRequestError: unknown, with the nearest known one.
        """
        if name not in self.models:
            near = difflib.get_close_matches(name, self.models, 1)
            hint = f"did you mean {near[0]}?" if near else f"on offer: {', '.join(self.models)}"
            raise InvalidRequestError(f"model {printable(name)}: not in the catalogue; {hint}")
        return self.models[name]

    def recipe(self, engine: Engine, version: str | None = None) -> Recipe:
        """Return the recipe of an engine version, the first one when none is named.

        Raises:
            InvalidRequestError: no recipe for it.
        """
        for recipe in self.recipes:
            if recipe.engine is engine and version in {None, recipe.version}:
                return recipe
        raise InvalidRequestError(f"{engine.value} {version}: no recipe; see kustomize/catalog")

    def resolve(self, request: DeployRequest, defaults: Defaults) -> ModelDeployment:
        """Fill what the request leaves open and return a complete, valid deployment.

        Raises:
            InvalidRequestError: the request breaks a rule.
        """
        model, recipe = self.model(request.model), self.recipe(request.engine)
        size, gpus, tp, pp = _sizes(request, defaults)
        deployment = ModelDeployment(
            name=request.name or f"{model.id}-{request.engine.value}",
            environment=request.environment or defaults.environment,
            model=model.id,
            engine=request.engine,
            engine_version=recipe.version,
            image=recipe.image,
            replicas=_either(request.replicas, defaults.replicas),
            size=size,
            gpus_per_pod=gpus,
            tensor_parallel_size=tp,
            pipeline_parallel_size=pp,
            model_path=model.path,
            served_model_name=model.id,
            claim=model.claim,
            namespace=defaults.namespace,
            cpu=defaults.cpu,
            memory=_memory(model, size, defaults),
            shared_memory=f"{defaults.shared_memory_gib}Gi",
        )
        check_against_model(deployment, model)
        return deployment


def check_against_model(deployment: ModelDeployment, model: Model) -> None:
    """Refuse parallel sizes that the model's shape does not allow.

    Source: vLLM `vllm/config/model.py`; SGLang has the same rules for heads.

    Raises:
        InvalidRequestError: with the arithmetic.
    """
    tp, pp = deployment.tensor_parallel_size, deployment.pipeline_parallel_size
    if model.heads % tp:
        raise InvalidRequestError(
            f"TP {tp}: the {model.heads} attention heads of {model.id} cannot be divided by {tp};"
            f" use {_divisors(model.heads)}"
        )
    if model.kv_heads % tp and tp % model.kv_heads:
        raise InvalidRequestError(
            f"TP {tp}: neither divides the {model.kv_heads} KV heads of {model.id}"
            " nor is divided by them"
        )
    if pp > model.layers:
        raise InvalidRequestError(f"PP {pp}: {model.id} has only {model.layers} layers")


def _divisors(number: int) -> str:
    return ", ".join(str(n) for n in range(1, number + 1) if number % n == 0)


def _sizes(request: DeployRequest, defaults: Defaults) -> tuple[int, int, int, int]:
    gpus = _either(request.gpus_per_pod, defaults.gpus_per_pod)
    tp = _either(request.tensor_parallel_size, defaults.tensor_parallel_size)
    pp = _either(request.pipeline_parallel_size, 1)
    size = _either(request.size, max(1, math.ceil(tp * pp / gpus)) if gpus > 0 else 1)
    return size, gpus, tp, pp


def _memory(model: Model, size: int, defaults: Defaults) -> str:
    # /dev/shm counts against the memory limit; beside it a pod needs 32 GiB or 1.2 times its
    # share of the weights, whichever is more (finding 7 of the guide's review).
    share = 1.2 * model.weights_gib / max(1, size)
    return f"{defaults.shared_memory_gib + max(32, math.ceil(share))}Gi"


def _either(wanted: int | None, default: int) -> int:
    return default if wanted is None else wanted


def _model(path: Path) -> Model:
    fields = load_mapping(path.read_text(encoding="utf-8"), str(path.name))
    check_name(f"{path.name}: id", fields["id"])
    return Model(**fields)


def _recipes(path: Path) -> list[Recipe]:
    fields: Mapping[str, Any] = load_mapping(path.read_text(encoding="utf-8"), str(path.name))
    return [Recipe(engine=Engine(fields["engine"]), **recipe) for recipe in fields["recipes"]]
