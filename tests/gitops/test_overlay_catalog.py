"""Every model of the catalogue, mode and fitting recipe: rendered, built by kustomize, checked."""

import pytest

from gitops.build import Manifest
from gitops.catalog import Catalog
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.models import check_engine, check_parallel, valid_tensor_parallel
from gitops.overlay import render
from gitops.parallel import Parallel
from tests.gitops.test_overlay_bench import build, errors, made, repository

CATALOG = Catalog.load()


def runs(model, recipe):
    try:
        check_engine(model, recipe.engine, recipe.version)
    except InvalidRequestError:
        return False
    return True


def deployments(model, recipe):
    """Yield a deployment of each mode of a model, on one pod where TP 1 is all that it allows."""
    for mode in model.modes:
        tensor = max(tp for tp in valid_tensor_parallel(model, mode.scheme) if tp <= 8)
        check_parallel(model, mode.scheme, Parallel(tensor), recipe.engine, recipe.version)
        size = min(2, tensor)
        yield made(
            recipe.base.split("/")[-2],
            name=f"{model.id[:24]}-{mode.name}-{recipe.engine.value}".replace(".", "-"),
            engineVersion=recipe.version,
            image=recipe.image_of(recipe.version),
            base=recipe.base,
            model=model.id,
            size=size,
            parallel={"tensor": tensor},
            resources={"memory": "200Gi", "gpus": tensor // size},
            modelPath=mode.path,
            servedModelName=model.id,
            quantization=mode.scheme.value,
            maxModelLen=model.length(mode),
        )


PAIRS = [
    pytest.param(model, recipe, id=f"{model.id}-{recipe.name}")
    for model in CATALOG.models.values()
    for recipe in CATALOG.recipes.recipes
    if runs(model, recipe)
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the objects of every deployment, built in few processes, by recipe and name."""
    found: dict[tuple[str, str], dict[str, Manifest]] = {}
    wanted = [
        (recipe.name, render(d, yarn=CATALOG.yarn(d)))
        for model, recipe in (pair.values for pair in PAIRS)
        for d in deployments(model, recipe)
    ]
    root = repository(tmp_path_factory.mktemp("catalogue"))
    for recipe in CATALOG.recipes.recipes:
        mine = [overlay for name, overlay in wanted if name == recipe.name]
        objects = build(root, *mine)
        found |= {(recipe.name, o.deployment.name): b for o, b in zip(mine, objects, strict=True)}
    return found


@pytest.mark.parametrize(("model", "recipe"), PAIRS)
def test_a_model_and_a_recipe_make_an_overlay_that_builds_and_passes(model, recipe, built):
    for deployment in deployments(model, recipe):
        CATALOG.check(deployment)
        objects = built[recipe.name, deployment.name]
        leader = objects["LeaderWorkerSet"]["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
        [container] = leader["spec"]["containers"]

        assert errors(objects) == []
        assert container["image"] == deployment.image
        assert str(deployment.max_model_len) in container["args"]


def test_every_model_has_a_recipe_of_each_engine_that_knows_it():
    covered = {(p.values[0].id, p.values[1].engine) for p in PAIRS}

    assert covered == {
        (model.id, engine)
        for model in CATALOG.models.values()
        for engine in Engine
        if getattr(model.engines, engine.value)
    }
