"""Pure: the models and engines on offer, and what they allow."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitops import assets
from gitops.deployment import ModelDeployment
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.flags import check_args
from gitops.gpus import Gpu, load_gpus
from gitops.models import (
    Model,
    Scheme,
    Yarn,
    check_engine,
    check_parallel,
    load_models,
    mode_for_context,
)
from gitops.names import printable
from gitops.recipes import Choice, Recipes, load_recipes, pick


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models and recipes on offer.

    `allowed_flags` are engine flags off the list for their risk, which a policy names all the same;
    `flag_files` are the texts of the lists themselves.
    """

    models: Mapping[str, Model]
    recipes: Recipes
    allowed_flags: Collection[str] = frozenset()
    gpus: Mapping[str, Gpu] = field(default_factory=dict)
    flag_files: Mapping[Engine, str] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path | None = None, *teams: Path) -> "Catalog":
        """Read `kustomize/catalog` (the one that travels with Leadline when no folder is given).

        `teams` are catalogues of the same form whose models, recipes, GPU types and flag
        files replace or extend it.
        """
        folders = [folder or assets.root() / "kustomize" / "catalog", *teams]
        models = {m.id: m for f in folders for m in load_models(f / "models").values()}
        files = [f / "gpus.yaml" for f in folders if (f / "gpus.yaml").is_file()]
        gpus = {name: gpu for file in files for name, gpu in load_gpus(file).items()}
        recipes = load_recipes(*(f / "engines" for f in folders))
        return cls(models, recipes, (), gpus, _flags(folders))

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

    def pick(self, engine: Engine, version: str | None = None, image: str | None = None) -> Choice:
        """Return the recipe, version and image of an engine; see `gitops.recipes.pick`.

        Raises:
            InvalidRequestError: no recipe for it, or an image that does not tell its version.
        """
        return pick(engine, version, image, recipes=self.recipes)

    def yarn(self, deployment: ModelDeployment) -> Yarn | None:
        """Return the rope scaling that a deployment's context needs; None where it needs none.

        Raises:
            InvalidRequestError: the model is unknown, or cannot be stretched so far.
        """
        if deployment.max_model_len is None:
            return None
        model = self.model(deployment.model)
        return mode_for_context(
            model, scheme_of(model, deployment.quantization), deployment.max_model_len
        ).yarn

    def check(self, deployment: ModelDeployment) -> None:
        """Refuse a deployment that its model or its engine's version cannot follow.

        Raises:
            InvalidRequestError: with the rule and its arithmetic.
        """
        model = self.model(deployment.model)
        scheme = scheme_of(model, deployment.quantization)
        check_engine(model, deployment.engine, deployment.engine_version)
        check_parallel(
            model, scheme, deployment.parallel, deployment.engine, deployment.engine_version
        )
        check_args(
            deployment.engine,
            deployment.engine_version,
            deployment.engine_args,
            self.allowed_flags,
            self.flag_files.get(deployment.engine),
        )
        self.yarn(deployment)


def _flags(folders: Sequence[Path]) -> dict[Engine, str]:
    files = [(engine, f / "flags" / f"{engine.value}.yaml") for f in folders for engine in Engine]
    return {engine: file.read_text(encoding="utf-8") for engine, file in files if file.is_file()}


def scheme_of(model: Model, quantization: str | None) -> Scheme:
    """Return the number format that a name means; the standard checkpoint's without a name.

    Raises:
        InvalidRequestError: no such format.
    """
    if quantization is None:
        return model.native_scheme
    if quantization not in set(Scheme):
        raise InvalidRequestError(
            f"quantization {printable(quantization)}: expected one of {', '.join(Scheme)}"
        )
    return Scheme(quantization)
