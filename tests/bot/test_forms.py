"""The modals: what they ask within Slack's limits, and the command that a filled one means."""

import shlex

import pytest
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.commands.command import Ask, Change
from bot.commands.grammar import parse
from bot.relay import Question
from bot.slack import forms
from bot.slack.forms import Choices, Origin
from gitops.catalog import Catalog
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.request import Changes, DeployRequest, UndeployRequest, UpdateRequest
from gitops.resolve import resolve

ORIGIN = Origin("C0HERE", "1.2", "staging/m1")
CHOICES = Choices(["qwen3-32b", "qwen3-8b"], ["staging", "prod"])
D = resolve(
    DeployRequest("qwen3-32b", Engine.SGLANG, "m1"), Environment(name="staging"), Catalog.load()
)
MANY = Choices([f"{'m' * 200}{n}" for n in range(300)], ["e" * 200], ["c" * 200])
FORMS = {
    "deploy": forms.deploy_form(CHOICES, ORIGIN, "staging"),
    "deploy, much on offer": forms.deploy_form(MANY, ORIGIN, "staging", "x" * 9_000),
    "update": forms.update_form(D, ["llm-model"], ORIGIN, "fits"),
    "undeploy": forms.undeploy_form("m1", 2, ORIGIN),
    "undeploy, a long name": forms.undeploy_form("m" * 45, 2, ORIGIN),
    "ask": forms.ask_form(ORIGIN),
}


@pytest.mark.parametrize("view", FORMS.values(), ids=FORMS)
def test_every_form_is_within_slacks_limits(view):
    View(**view).validate_json()
    for block in view["blocks"]:
        parsed = Block.parse(block)
        parsed.validate_json()
        element = block.get("element", {})
        assert len(element.get("options", ())) <= 100
        for option in element.get("options", ()):
            assert len(option["text"]["text"]) <= 75
            assert len(option["value"]) <= 150
    assert len({block["block_id"] for block in view["blocks"]}) == len(view["blocks"])


def test_a_form_knows_where_its_answer_belongs():
    assert forms.origin_of(FORMS["update"]["private_metadata"]) == ORIGIN


def test_values_are_read_from_selects_and_texts_and_empty_ones_left_out():
    view = {
        "state": {
            "values": {
                "model": {"model": {"selected_option": {"value": "qwen3-32b"}}},
                "name": {"name": {"value": None}},
                "reason": {"reason": {"value": "  night run "}},
                "storage": {"storage": {"selected_option": None}},
            }
        }
    }

    assert forms.values_of(view) == {"model": "qwen3-32b", "reason": "night run"}


@pytest.mark.parametrize(
    ("kind", "values", "command"),
    [
        ("deploy", {"model": "qwen3-32b", "engine": "sglang", "environment": "staging"},
         Change(DeployRequest("qwen3-32b", Engine.SGLANG, None, "staging"))),
        ("deploy",
         {"model": "qwen3-32b", "engine": "vllm", "name": "m2", "environment": "prod",
          "replicas": "2", "tensor": "4", "gpus": "2", "storage": "llm", "reason": 'a "b" $c; d'},
         Change(DeployRequest("qwen3-32b", Engine.VLLM, "m2", "prod", changes=Changes(
             replicas=2, tensor=4, gpus_per_pod=2, claim="llm", reason='a "b" $c; d')))),
        ("update", {"replicas": "3", "context": "8192", "version": "0.5.23"},
         Change(UpdateRequest("update", "staging/m1", changes=Changes(
             replicas=3, max_model_len=8192, engine_version="0.5.23")))),
        ("undeploy", {"confirm": "m1", "reason": "done"},
         Change(UndeployRequest("staging/m1", reason="done"), "m1")),
        ("ask", {"prompt": "--raw seed=3 “測試”\nline", "tokens": "200"},
         Ask("staging/m1", Question("--raw seed=3 “測試”\nline", 200))),
    ],
)  # fmt: skip
def test_a_filled_form_is_the_command_one_would_have_typed(kind, values, command):
    assert parse(forms.command_of(kind, values, ORIGIN)) == command


@pytest.mark.parametrize("hostile", ["--image evil", "x\n--tp 8", "$(id)", "'; --tp 8 '"])
def test_a_field_never_becomes_another_option(hostile):
    values = {"model": "qwen3-32b", "engine": "sglang", "reason": hostile}

    words = shlex.split(forms.command_of("deploy", values, ORIGIN))

    assert words == ["deploy", "qwen3-32b", "sglang", "--reason", hostile]


@pytest.mark.parametrize(
    ("kind", "values", "faults"),
    [
        ("deploy", {"replicas": "2", "tensor": "two", "gpus": "-1"},
         {"tensor": "a whole number, such as 2", "gpus": "a whole number, such as 2"}),
        ("deploy", {"replicas": "٣"}, {"replicas": "a whole number, such as 2"}),
        ("undeploy", {"confirm": "m2"}, {"confirm": "type m1"}),
        ("undeploy", {"confirm": "staging/m1"}, {"confirm": "type m1"}),
        ("undeploy", {"confirm": "m1"}, {}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_field_stands_on_it(kind, values, faults):
    assert forms.faults_of(kind, values, ORIGIN) == faults


def test_only_what_was_changed_is_asked_for():
    values = {"replicas": "2", "tensor": "2", "gpus": "1", "version": D.engine_version,
              "storage": "llm-model", "reason": "more"}  # fmt: skip

    assert forms.changed(values, D) == {"replicas": "2", "reason": "more"}
