"""Pure: the models and engines on offer, and how a request becomes a complete deployment."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops import assets
from gitops.deployment import ModelDeployment, Resources
from gitops.documents import load_mapping
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.models import Model, Scheme, check_engine, check_parallel, load_models
from gitops.names import printable
from gitops.parallel import Parallel
from gitops.request import DeployRequest


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
        recipes = [_recipes(path) for path in sorted((folder / "engines").glob("*.yaml"))]
        return cls(load_models(folder / "models"), tuple(r for rs in recipes for r in rs))

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
        raise InvalidRequestError(
            f"{engine.value} {printable(str(version))}: no recipe; see kustomize/catalog"
        )

    def resolve(self, request: DeployRequest, defaults: Defaults) -> ModelDeployment:
        """Fill what the request leaves open and return a complete, valid deployment.

        Raises:
            InvalidRequestError: the request breaks a rule.
        """
        model, recipe = self.model(request.model), self.recipe(request.engine)
        gpus = _either(request.gpus_per_pod, defaults.gpus_per_pod)
        parallel = _parallel(request, defaults)
        size = _either(request.size, max(1, math.ceil(parallel.gpus / max(1, gpus))))
        deployment = ModelDeployment(
            name=request.name or f"{model.id}-{request.engine.value}",
            environment=request.environment or defaults.environment,
            namespace=defaults.namespace,
            model=model.id,
            engine=request.engine,
            engine_version=recipe.version,
            image=recipe.image,
            base=recipe.base,
            replicas=_either(request.replicas, defaults.replicas),
            size=size,
            parallel=parallel,
            resources=_resources(model, size, gpus, defaults),
            model_path=model.path,
            served_model_name=model.id,
            claim=model.claim,
        )
        self.check(deployment)
        return deployment

    def check(self, deployment: ModelDeployment) -> None:
        """Refuse a deployment that its model or its engine's version cannot follow.

        Raises:
            InvalidRequestError: with the rule and its arithmetic.
        """
        model = self.model(deployment.model)
        scheme = Scheme(deployment.quantization) if deployment.quantization else model.native_scheme
        check_engine(model, deployment.engine, deployment.engine_version)
        check_parallel(
            model, scheme, deployment.parallel, deployment.engine, deployment.engine_version
        )


def _parallel(request: DeployRequest, defaults: Defaults) -> Parallel:
    return Parallel(
        tensor=_either(request.tensor_parallel_size, defaults.tensor_parallel_size),
        pipeline=_either(request.pipeline_parallel_size, 1),
    )


def _resources(model: Model, size: int, gpus: int, defaults: Defaults) -> Resources:
    # /dev/shm counts against the memory limit; beside it a pod needs 32 GiB or 1.2 times its
    # share of the weights, whichever is more (finding 7 of the guide's review).
    share = 1.2 * model.weights_gib / max(1, size)
    shared = defaults.shared_memory_gib
    return Resources(
        memory=f"{shared + max(32, math.ceil(share))}Gi",
        gpus=gpus,
        cpu=defaults.cpu,
        shared_memory=f"{shared}Gi",
    )


def _either(wanted: int | None, default: int) -> int:
    return default if wanted is None else wanted


def _recipes(path: Path) -> list[Recipe]:
    fields: Mapping[str, Any] = load_mapping(path.read_text(encoding="utf-8"), str(path.name))
    return [Recipe(engine=Engine(fields["engine"]), **recipe) for recipe in fields["recipes"]]
