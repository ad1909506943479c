"""Plans and the text that reviewers read."""

import dataclasses

import msgspec
import pytest

from gitops.catalog import Defaults
from gitops.engine import Engine
from gitops.overlay import render
from gitops.plan import BODY_LIMIT, Action, Requested, body, diff, escape, message, plan
from gitops.request import DeployRequest

REQUESTED = Requested("slack:U1", "abc123", "try it")


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


def test_the_commit_carries_trailers_that_a_repeated_run_finds(overlay):
    made = plan(overlay, {})

    assert message(made, REQUESTED) == (
        "deploy(example/qwen3-32b-sglang): sglang 0.4.10.post2 · 1×(2×1 GPU) · TP 2\n\n"
        "Requested-by: slack:U1\n"
        "Request-Id: abc123\n"
        f"Desired-State: {overlay.state}\n"
    )


def test_the_body_says_who_what_and_how_many_gpus_first(overlay, catalog):
    made = plan(changed(overlay, catalog, replicas=2), overlay.files)

    text = body(made, REQUESTED)

    assert text.startswith(
        '<!-- leadline:v1 {"name": "qwen3-32b-sglang", "environment": "example",'
        f' "state": "{made.state}", "request": "abc123"}} -->\n'
        "**slack:U1** asked: “try it”\n\n"
        "| | now | after |\n|---|---|---|\n"
        "| Engine | sglang 0.4.10.post2 | sglang 0.4.10.post2 |\n"
        "| Groups × (pods × GPU) | 1×(2×1 GPU) | 2×(2×1 GPU) |\n"
        "| Parallel | TP 2 | TP 2 |\n"
        "| GPUs | 2 | 4 |\n"
    )
    assert f"```diff\n{diff(made)}\n```" in text


@pytest.mark.parametrize(
    "reason",
    ["<!-- x -->", "a\n# heading", "@org/team", "**bold** `code`", "[x](http://evil)", "{{ 7*7 }}"],
)
def test_a_reason_is_one_harmless_line(overlay, reason):
    text = body(plan(overlay, {}), Requested("slack:U1", "k", reason))

    line = text.splitlines()[1]
    assert line == f"**slack:U1** asked: “{escape(reason)}”"
    for markup in ("<", ">", "@o", "**bold", "[x]"):
        assert markup not in escape(reason)


def test_a_reason_with_a_newline_cannot_forge_a_trailer(overlay):
    requested = Requested("slack:U1\nDesired-State: forged", "k")

    lines = message(plan(overlay, {}), requested).splitlines()

    assert [line for line in lines if line.startswith("Desired-State:")] == [
        f"Desired-State: {overlay.state}"
    ]


def test_a_diff_with_a_fence_in_it_stays_inside_its_fence(overlay):
    made = plan(overlay, {})
    fenced = dataclasses.replace(
        made, changes=(dataclasses.replace(made.changes[0], new="````\nx"),)
    )

    assert "`````diff\n" in body(fenced, REQUESTED)


def test_a_long_diff_is_cut_below_githubs_limit_and_says_so(overlay):
    made = plan(overlay, {})
    long = dataclasses.replace(made.changes[0], new="x\n" * BODY_LIMIT)

    text = body(dataclasses.replace(made, changes=(long,)), REQUESTED)

    assert len(text) < 65_536
    assert "cut here" in text
