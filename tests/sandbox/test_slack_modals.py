"""The sandbox's Slack: modals, their rules, triggers and hashes, through the real slack_sdk."""

import pytest
from werkzeug.wrappers import Response

from sandbox.clock import Time
from sandbox.slack.triggers import Triggers
from tests.sandbox.test_slack_bench import (
    OPS,
    Slack,
    an_app,
    button,
    field,
    modal,
    refusal,
    section,
)


@pytest.fixture
def slack():
    with Slack().served() as found:
        yield found


def trigger(slack, user="U0ALICE"):
    with an_app(lambda _: Response()) as (url, _):
        slack.workspace.deliver_command(url, "deploy", user, OPS)
    return slack.heard("command.delivered")[-1]["trigger_id"]


def test_a_modal_opens_for_the_person_behind_the_trigger(slack):
    found = slack.client.views_open(trigger_id=trigger(slack, "U0BOB"), view=modal())["view"]

    (shown,) = slack.workspace.state()["views"]
    assert (shown["id"], shown["user"]) == (found["id"], "U0BOB")
    assert found["state"]["values"] == {
        "name": {"name": {"type": "plain_text_input", "value": None}}
    }
    assert found["callback_id"] == "deploy"


def test_a_trigger_is_used_once_and_within_three_seconds(slack):
    used = trigger(slack)
    slack.client.views_open(trigger_id=used, view=modal())
    late = trigger(slack)
    slack.time.advance(3.1)

    def attempt(name):
        return refusal(lambda: slack.client.views_open(trigger_id=name, view=modal()))["error"]

    assert [attempt(name) for name in (used, late, "1.2.3")] == [
        "exchanged_trigger_id",
        "expired_trigger_id",
        "invalid_trigger_id",
    ]


def test_a_sandbox_that_runs_fast_gives_triggers_three_real_seconds():
    time = Time(rate=1000)
    triggers = Triggers(time, 3.0, "T0ACME")
    name = triggers.issue("U0ALICE", "1.1")
    time.advance(2000)  # two seconds of a real app

    assert triggers.exchange(name) == "U0ALICE"


def test_a_refused_modal_does_not_use_the_trigger_up(slack):
    name = trigger(slack)
    refusal(lambda: slack.client.views_open(trigger_id=name, view=modal(title=None)))

    assert slack.client.views_open(trigger_id=name, view=modal())["ok"]


def plain(words):
    return {"type": "plain_text", "text": words}


@pytest.mark.parametrize(
    ("view", "pointer"),
    [
        (modal(title=plain("x" * 25)), "/view/title/text"),
        (modal(title={"type": "mrkdwn", "text": "x"}), "/view/title/type"),
        (modal(submit=plain("x" * 25)), "/view/submit/text"),
        (modal(close=plain("x" * 25)), "/view/close/text"),
        (modal(private_metadata="x" * 3001), "/view/private_metadata"),
        (modal(callback_id="x" * 256), "/view/callback_id"),
        (modal(external_id="x" * 256), "/view/external_id"),
        (modal(type="sheet"), "/view/type"),
        (modal(colour="red"), "/view"),
        (modal(submit=None), "/view"),
        (modal(blocks=[]), "/view/blocks"),
        (modal(blocks="none"), "/view"),
        (modal(*[section("x")] * 101), "/view/blocks"),
        (modal({"type": "markdown", "text": "x"}), "/view/blocks/0/type"),
        (modal(section("x" * 3001)), "/view/blocks/0/text/text"),
        (modal(field(), field()), "/view/blocks"),
        (modal(field(label=plain("x" * 2001))), "/view/blocks/0/label/text"),
        (modal(field(hint=plain("x" * 2001))), "/view/blocks/0/hint/text"),
        (modal(field(element={"type": "button"})), "/view/blocks/0/element/type"),
        (modal(field(element={"max_length": 3001})), "/view/blocks/0/element/max_length"),
        (modal(field(element={"type": "number_input"})), "/view/blocks/0/element"),
        (
            modal(field(element={"placeholder": plain("x" * 151)})),
            "/view/blocks/0/element/placeholder/text",
        ),
    ],
)
def test_a_modal_that_breaks_a_rule_is_refused_with_a_pointer(slack, view, pointer):
    found = refusal(lambda: slack.client.views_open(trigger_id=trigger(slack), view=view))

    assert found["error"] == "invalid_arguments"
    assert f"[json-pointer:{pointer}]" in found["response_metadata"]["messages"][0]
    assert slack.workspace.state()["views"] == []


def test_a_modal_at_the_limits_is_taken(slack):
    view = modal(
        *[field(f"b{n}", f"a{n}") for n in range(100)],
        title=plain("x" * 24),
        submit=plain("x" * 24),
        close=plain("x" * 24),
        private_metadata="x" * 3000,
        callback_id="x" * 255,
    )

    assert slack.client.views_open(trigger_id=trigger(slack), view=view)["ok"]


def test_a_modal_above_250_kilobytes_is_too_large(slack):
    blocks = [section("\u20ac" * 3000) for _ in range(30)]
    found = refusal(lambda: slack.client.views_open(trigger_id=trigger(slack), view=modal(*blocks)))

    assert found["error"] == "view_too_large"


def test_an_update_shows_something_else_and_keeps_what_was_typed(slack):
    view = slack.client.views_open(trigger_id=trigger(slack), view=modal())["view"]
    slack.workspace.people.choose(view["id"], "name", "qwen", "U0ALICE")
    fit = slack.client.views_update(
        view_id=view["id"], hash=view["hash"], view=modal(field(), section("fits"))
    )["view"]

    assert fit["state"]["values"]["name"]["name"]["value"] == "qwen"
    assert fit["hash"] != view["hash"]
    assert [block["type"] for block in fit["blocks"]] == ["input", "section"]


def test_an_update_with_an_old_hash_or_of_nothing_is_refused(slack):
    view = slack.client.views_open(trigger_id=trigger(slack), view=modal())["view"]
    slack.client.views_update(view_id=view["id"], view=modal())
    update = slack.client.views_update

    old = refusal(lambda: update(view_id=view["id"], hash=view["hash"], view=modal()))
    none = refusal(lambda: update(view_id="V0NONE", view=modal()))
    assert (old["error"], none["error"]) == ("hash_conflict", "not_found")


def test_an_external_id_finds_a_modal_and_belongs_to_one(slack):
    first = slack.client.views_open(trigger_id=trigger(slack), view=modal(external_id="form-1"))
    again = slack.client.views_update(external_id="form-1", view=modal(external_id="form-1"))
    other = trigger(slack)
    twice = refusal(
        lambda: slack.client.views_open(trigger_id=other, view=modal(external_id="form-1"))
    )

    assert again["view"]["id"] == first["view"]["id"]
    assert twice["error"] == "duplicate_external_id"


def test_initial_values_are_there_from_the_beginning(slack):
    option = {"text": plain("vLLM"), "value": "vllm"}
    select = {"type": "static_select", "options": [option], "initial_option": option}
    boxes = {"type": "checkboxes", "options": [option], "action_id": "boxes"}
    view = modal(
        field("engine", "engine", element=select),
        {"type": "section", "text": plain("x"), "accessory": boxes, "block_id": "more"},
        {"type": "actions", "elements": [button()]},
    )
    values = slack.client.views_open(trigger_id=trigger(slack), view=view)["view"]["state"][
        "values"
    ]

    assert values["engine"]["engine"]["selected_option"] == option
    assert values["more"]["boxes"] == {"type": "checkboxes", "selected_options": []}
    assert len(values) == 2
