"""Plans: what a request would change in the repository."""

import msgspec
import pytest

from gitops.engine import Engine
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.overlay import render
from gitops.plan import Action, diff, plan, plan_back, plan_removal
from gitops.request import Changes, DeployRequest
from gitops.resolve import resolve


@pytest.fixture
def overlay(catalog):
    guide = Changes(engine_version="0.4.10.post2")
    request = DeployRequest("qwen3-32b", Engine.SGLANG, changes=guide)
    return render(resolve(request, Environment(name="example"), catalog))


def changed(overlay, catalog, **fields):
    deployment = msgspec.structs.replace(overlay.deployment, **fields)
    return render(deployment)


def test_a_new_overlay_is_created_on_its_own_branch(overlay):
    made = plan(overlay, {})

    assert made.action is Action.CREATE
    assert made.branch == "llm/example/qwen3-32b-sglang"
    assert (
        made.title == "deploy(example/qwen3-32b-sglang): sglang 0.4.10.post2 · 1×(2×1 GPU) · TP 2"
    )
    assert [change.old for change in made.changes] == [None] * 5


def test_an_overlay_that_stands_already_changes_nothing(overlay):
    made = plan(overlay, overlay.all_files)

    assert (made.action, made.changes) == (Action.NOTHING, ())


def test_more_replicas_change_one_line_beside_the_stamps(overlay, catalog):
    made = plan(changed(overlay, catalog, replicas=2), overlay.all_files)

    assert made.action is Action.UPDATE
    assert made.before == overlay.deployment
    lines = [line for line in diff(made).splitlines() if line[:1] in "+-" and line[1:2] not in "+-"]
    stamps = ("Rendered by Leadline", made.state, overlay.state)
    assert [line for line in lines if not any(stamp in line for stamp in stamps)] == [
        "-replicas: 1",
        "+replicas: 2",
        "-  value: 1",
        "+  value: 2",
    ]


NOW = "sglang 0.4.10.post2 · 1×(2×1 GPU) · TP 2"
TITLES = {
    ("scale", "replicas"): ({"replicas": 3}, "1 → 3 groups"),
    ("restart", "restarted_at"): ({"restarted_at": "2026-11-24T10:00:00Z"}, f"all groups · {NOW}"),
    ("update", "context"): ({"max_model_len": 8192}, "context the model's → 8192"),
    ("update", "version"): ({"engine_version": "0.5.4"}, "version 0.4.10.post2 → 0.5.4"),
    ("update", "named"): ({"engine_args": ("--x",), "reason": "so"}, "engine arguments"),
    ("update", "many"): (
        {
            "replicas": 2,
            "claim": "c",
            "quantization": "fp8",
            "owner": "me",
            "expires": "2027-01-01",
        },
        "groups 1 → 2, claim llm-model → c, quantization none → fp8, 2 more",
    ),
    ("update", "none"): ({"reason": "why not"}, "no setting changes, files are rendered anew"),
}


@pytest.mark.parametrize(("verb", "about"), TITLES)
def test_titles_say_the_verb_and_what_changes(verb, about, overlay, catalog):
    fields, subject = TITLES[verb, about]
    made = plan(changed(overlay, catalog, **fields), overlay.all_files, verb)

    assert made.title == f"{verb}(example/qwen3-32b-sglang): {subject}"


def test_the_title_of_a_removal_says_what_is_released(overlay):
    removed = plan_removal(overlay.deployment, overlay.all_files)

    assert removed.title == "undeploy(example/qwen3-32b-sglang): 2 GPUs released, storage stays"


def test_a_removal_takes_every_file_of_the_folder_and_no_other(overlay):
    custom = f"{overlay.deployment.folder}/custom/kustomization.yaml"
    current = {**overlay.all_files, custom: "kind: Component\n"}

    removed = plan_removal(overlay.deployment, current)

    assert removed.action is Action.REMOVE
    assert {change.path for change in removed.changes} == set(current)
    assert removed.files_after(current) == {}


def test_files_after_a_plan_are_the_ones_rendered_and_the_peoples(overlay, catalog):
    folder = overlay.deployment.folder
    current = {**overlay.all_files, f"{folder}/old.yaml": "x\n", f"{folder}/custom/a.yaml": "y\n"}
    made = plan(changed(overlay, catalog, replicas=2), current)

    after = made.files_after(current)

    assert f"{folder}/old.yaml" not in after
    assert after[f"{folder}/custom/a.yaml"] == "y\n"
    assert "replicas: 2" in after[f"{folder}/llm.yaml"]


def test_a_way_back_restores_the_bytes_that_stood_there_and_removes_what_did_not(overlay, catalog):
    folder = overlay.deployment.folder
    custom = f"{folder}/custom/kustomization.yaml"
    earlier = {**overlay.all_files, custom: "# Ours.\nkind: Component\n"}
    later = changed(overlay, catalog, replicas=2)
    current = {**later.all_files, f"{folder}/custom/more.yaml": "x: 1\n"}

    back = plan_back(folder, earlier, current, "#41 (a1b2c3d)")

    assert back.files_after(current) == earlier
    assert (back.action, back.verb, back.state) == (Action.UPDATE, "rollback", overlay.state)
    assert back.before == later.deployment
    assert back.title == f"rollback(example/{overlay.deployment.name}): to #41 (a1b2c3d) · {NOW}"


def test_a_way_back_keeps_bytes_that_this_renderer_would_not_write(overlay):
    folder = overlay.deployment.folder
    source, rendered = f"{folder}/llm.yaml", f"{folder}/leaderworkerset.yaml"
    older = overlay.files[rendered].replace(f"state {overlay.state}", f"state {'a' * 16}")
    earlier = {
        **overlay.all_files,
        source: "# A person's comment.\n" + overlay.files[source],
        rendered: older,
    }

    back = plan_back(folder, earlier, overlay.all_files, "#41 (a1b2c3d)")

    assert back.files_after(overlay.all_files) == earlier
    assert back.state == "a" * 16


def test_a_way_back_to_what_stands_changes_nothing_and_to_nothing_is_refused(overlay):
    folder = overlay.deployment.folder

    stands = overlay.all_files
    assert plan_back(folder, stands, stands, "#41 (a1b2c3d)").action is Action.NOTHING
    assert plan_back(folder, stands, {}, "#41 (a1b2c3d)").action is Action.CREATE
    with pytest.raises(InvalidRequestError, match="held no deployment then; choose another point"):
        plan_back(folder, {}, overlay.all_files, "#41 (a1b2c3d)")
