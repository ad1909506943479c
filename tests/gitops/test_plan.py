"""Plans: what a request would change in the repository."""

import msgspec
import pytest

from gitops.catalog import Defaults
from gitops.engine import Engine
from gitops.overlay import render
from gitops.plan import Action, diff, plan, plan_removal
from gitops.request import DeployRequest


@pytest.fixture
def overlay(catalog):
    deployment = catalog.resolve(DeployRequest("qwen3-32b", Engine.SGLANG), Defaults())
    return render(deployment, catalog.recipe(Engine.SGLANG))


def changed(overlay, catalog, **fields):
    deployment = msgspec.structs.replace(overlay.deployment, **fields)
    return render(deployment, catalog.recipe(Engine.SGLANG))


def test_a_new_overlay_is_created_on_its_own_branch(overlay):
    made = plan(overlay, {})

    assert made.action is Action.CREATE
    assert made.branch == "llm/example/qwen3-32b-sglang"
    assert (
        made.title == "deploy(example/qwen3-32b-sglang): sglang 0.4.10.post2 · 1×(2×1 GPU) · TP 2"
    )
    assert [change.old for change in made.changes] == [None] * 4


def test_an_overlay_that_stands_already_changes_nothing(overlay):
    made = plan(overlay, overlay.files)

    assert (made.action, made.changes) == (Action.NOTHING, ())


def test_more_replicas_change_the_source_and_the_patch_only(overlay, catalog):
    made = plan(changed(overlay, catalog, replicas=2), overlay.files)

    assert made.action is Action.UPDATE
    assert made.before == overlay.deployment
    assert [change.path.rpartition("/")[2] for change in made.changes] == [
        "llm.yaml",
        "leaderworkerset.yaml",
    ]
    assert "-replicas: 1\n+replicas: 2" in diff(made)


def test_titles_say_the_verb_and_what_changes(overlay, catalog):
    scaled = plan(changed(overlay, catalog, replicas=3), overlay.files, "scale")
    removed = plan_removal(overlay.deployment, overlay.files)

    assert scaled.title == "scale(example/qwen3-32b-sglang): 1 → 3 groups"
    assert removed.title == ("undeploy(example/qwen3-32b-sglang): 2 GPUs released, storage stays")


def test_a_removal_takes_every_file_of_the_folder_and_no_other(overlay):
    custom = f"{overlay.deployment.folder}/custom/kustomization.yaml"
    current = {**overlay.files, custom: "kind: Component\n"}

    removed = plan_removal(overlay.deployment, current)

    assert removed.action is Action.REMOVE
    assert {change.path for change in removed.changes} == set(current)
    assert removed.files_after(current) == {}


def test_files_after_a_plan_are_the_ones_rendered_and_the_peoples(overlay, catalog):
    folder = overlay.deployment.folder
    current = {**overlay.files, f"{folder}/old.yaml": "x\n", f"{folder}/custom/a.yaml": "y\n"}
    made = plan(changed(overlay, catalog, replicas=2), current)

    after = made.files_after(current)

    assert f"{folder}/old.yaml" not in after
    assert after[f"{folder}/custom/a.yaml"] == "y\n"
    assert "replicas: 2" in after[f"{folder}/llm.yaml"]
