"""The sandbox's Slack: what people do, told to a real bolt app over HTTP and over Socket Mode."""

import json
import threading
from urllib.parse import parse_qs

import pytest
from slack_sdk.webhook import WebhookClient
from werkzeug.wrappers import Response

from sandbox.slack.errors import NotThereError
from sandbox.slack.interactions import TROUBLE
from sandbox.slack.settings import AppSettings
from tests.sandbox.test_slack_bench import (
    OPS,
    TEAM,
    Slack,
    a_bolt_app,
    an_app,
    button,
    field,
    modal,
    section,
)

OPTIONS = [
    {"text": {"type": "plain_text", "text": name}, "value": name.lower()}
    for name in ("vLLM", "SGLang")
]
ENGINE = {"type": "static_select", "action_id": "engine", "options": OPTIONS}
GROUP = {"label": OPTIONS[0]["text"], "options": OPTIONS}


@pytest.fixture
def slack():
    with Slack(start=None).served() as found:
        yield found


@pytest.fixture(params=["http", "socket"])
def mode(request):
    return request.param


# -- the same scenarios over both ways ------------------------------------------------------------


def leadline(app):
    """Register what the scenarios need: a bot in the manner of Leadline's."""
    app.command("/llm")(command)
    app.event("app_mention")(mentioned)
    app.action("go0")(pressed)
    app.action("engine")(changed)
    app.view("deploy")(submitted)
    app.view_closed("deploy")(closed)


def command(ack, body, client):
    if body["text"] == "form":
        client.views_open(trigger_id=body["trigger_id"], view=form())
        ack()
    else:
        ack(f"got {body['text']}")


def mentioned(event, say):
    say("hello", thread_ts=event["ts"])


def pressed(ack, action, respond):
    ack()
    respond(text=f"pressed {action['value']}", replace_original=True)


def changed(ack, body, action, client):
    ack()
    shown, chosen = body["view"], action["selected_option"]["value"]
    view = form(section(f"{chosen} fits"))
    client.views_update(view_id=shown["id"], hash=shown["hash"], view=view)


def submitted(ack, view):
    answers = {
        "taken": {"response_action": "errors", "errors": {"name": "that name is taken"}},
        "two": {"response_action": "update", "view": form(section("one more thing"))},
        "all": {"response_action": "clear"},
    }
    ack(**answers.get(view["state"]["values"]["name"]["name"]["value"], {}))


def closed(ack, client, body):
    ack()
    client.chat_postMessage(channel=OPS, text=f"{body['user']['name']} closed")


def form(*more):
    engine = field("engine", "engine", element=ENGINE, dispatch_action=True, optional=True)
    return modal(field(), engine, *more, notify_on_close=True)


def test_a_typed_command_is_answered(slack, mode):
    with a_bolt_app(slack, mode, leadline):
        seen = slack.workspace.people.type("list", "U0ALICE", OPS)

    assert (seen.status, seen.notes) == (200, ("got list",))


def test_a_mention_is_answered_in_its_thread(slack, mode):
    with a_bolt_app(slack, mode, leadline, {"app_mention"}):
        seen = slack.workspace.people.mention("status", "U0ALICE", OPS)
        assert slack.journal.wait(lambda e: e.call == "chat.postMessage")

    said, reply = slack.workspace.messages(OPS)
    assert (said["ts"], seen.status) == (seen.ts, 200)
    assert (reply["text"], reply["thread_ts"]) == ("hello", seen.ts)


def test_a_pressed_button_can_replace_its_message(slack, mode):
    with a_bolt_app(slack, mode, leadline):
        block = {"type": "actions", "elements": [button(value="qwen")]}
        ts = slack.client.chat_postMessage(channel=OPS, text="card", blocks=[block])["ts"]
        seen = slack.workspace.people.press(ts, "go0", "U0ALICE")
        assert slack.journal.wait(lambda e: e.call == "respond")

    (message,) = slack.workspace.messages(OPS)
    assert (message["ts"], message["text"], message["blocks"]) == (ts, "pressed qwen", [])
    assert (seen.status, seen.words, message["edited"]) == (200, "", 1)


def test_a_form_is_opened_changed_refused_and_sent(slack, mode):
    people = slack.workspace.people
    with a_bolt_app(slack, mode, leadline):
        opened = people.type("form", "U0ALICE", OPS)
        assert (opened.status, opened.notes) == (200, ())
        people.choose(opened.view, "engine", "sglang", "U0ALICE")
        assert slack.journal.wait(lambda e: e.call == "views.update")
        (shown,) = slack.workspace.state()["views"]
        refused = people.submit("deploy", {"name": "taken"}, "U0ALICE")
        sent = people.submit("deploy", {"name": "qwen"}, "U0ALICE")

    assert shown["blocks"][2]["text"]["text"] == "sglang fits"
    assert shown["values"]["engine"]["engine"]["selected_option"] == OPTIONS[1]
    assert (refused.view, refused.errors) == (opened.view, {"name": "that name is taken"})
    assert (sent.view, sent.errors, sent.words) == ("", {}, "")


def test_a_sent_form_may_show_another_step_or_close_all(slack, mode):
    people = slack.workspace.people
    with a_bolt_app(slack, mode, leadline):
        opened = people.type("form", "U0ALICE", OPS)
        step = people.submit(opened.view, {"name": "two"}, "U0ALICE")
        (shown,) = slack.workspace.state()["views"]
        people.type("form", "U0ALICE", OPS)
        cleared = people.submit(opened.view, {"name": "all"}, "U0ALICE")

    assert (step.view, shown["blocks"][2]["text"]["text"]) == (opened.view, "one more thing")
    assert (cleared.view, slack.workspace.state()["views"]) == ("", [])


def test_a_closed_form_is_told_to_the_app_that_asked(slack, mode):
    with a_bolt_app(slack, mode, leadline):
        opened = slack.workspace.people.type("form", "U0ALICE", OPS)
        seen = slack.workspace.people.close(opened.view, "U0ALICE")
        assert slack.journal.wait(lambda e: e.call == "chat.postMessage")

    assert (seen.view, seen.status) == ("", 200)
    assert slack.workspace.messages(OPS)[0]["text"] == "alice closed"


def test_a_payload_of_the_tests_making_is_delivered_as_if_it_were_slacks(slack, mode):
    made = {"command": "/llm", "text": "again", "user_id": "U0ALICE", "team_id": TEAM.id}
    with a_bolt_app(slack, mode, leadline):
        twice = [slack.workspace.deliver("slash_commands", made) for _ in range(2)]

    assert [(d.status, "got again" in d.body) for d in twice] == [(200, True)] * 2


def test_a_command_nobody_listens_to_fails_in_front_of_the_person(slack, mode):
    with a_bolt_app(slack, mode, lambda _: None):
        slack.workspace.courier.patience = 0.3
        seen = slack.workspace.people.type("list", "U0ALICE", OPS)

    error = "http_client_error" if mode == "http" else "operation_timeout"
    assert seen.notes == (f'/llm failed with the error "{error}"',)


# -- payloads and answers, over plain HTTP --------------------------------------------------------


def payload_of(request):
    _, body = request
    return json.loads(parse_qs(body.decode())["payload"][0])


def point(slack, url):
    slack.workspace.configure(AppSettings(request_url=url))


def with_button(slack, **more):
    block = {"type": "actions", "block_id": "row", "elements": [button(value="v")]}
    arguments = {"channel": OPS, "text": "card", "blocks": [block]} | more
    return slack.client.chat_postMessage(**arguments)["ts"]


def opened(slack, view, user="U0ALICE"):
    with an_app(lambda _: Response()) as (url, _):
        slack.workspace.deliver_command(url, "form", user, OPS)
    trigger = slack.heard("command.delivered")[-1]["trigger_id"]
    return slack.client.views_open(trigger_id=trigger, view=view)["view"]["id"]


def test_a_press_tells_the_app_where_and_what(slack):
    root = slack.client.chat_postMessage(channel=OPS, text="root")["ts"]
    ts = with_button(slack, thread_ts=root)
    with an_app(lambda _: Response()) as (url, requests):
        point(slack, url)
        slack.workspace.people.press(ts, "go0", "U0BOB", "v")

    payload = payload_of(requests[0])
    assert payload["type"] == "block_actions"
    assert payload["user"] == {
        "id": "U0BOB",
        "username": "bob",
        "name": "bob",
        "team_id": TEAM.id,
    }
    assert payload["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": OPS,
        "is_ephemeral": False,
        "thread_ts": root,
    }
    assert payload["message"]["text"] == "card"
    (done,) = payload["actions"]
    assert (done["action_id"], done["block_id"], done["value"]) == ("go0", "row", "v")
    assert (done["type"], done["text"]["text"]) == ("button", "Go")
    assert payload["response_url"].startswith(slack.workspace.base_url)


def test_a_trigger_of_a_press_opens_a_modal(slack):
    ts = with_button(slack)
    with an_app(lambda _: Response()) as (url, requests):
        point(slack, url)
        slack.workspace.people.press(ts, "go0", "U0BOB")
    trigger = payload_of(requests[0])["trigger_id"]
    slack.client.views_open(trigger_id=trigger, view=modal())

    assert [view["user"] for view in slack.workspace.state()["views"]] == ["U0BOB"]


def test_a_note_for_one_person_can_be_pressed_by_that_person_and_taken_away(slack):
    block = {"type": "actions", "elements": [button(value="v")]}
    note = slack.client.chat_postEphemeral(channel=OPS, user="U0BOB", text="x", blocks=[block])
    with an_app(lambda _: Response()) as (url, requests):
        point(slack, url)
        slack.workspace.people.press(note["message_ts"], "go0", "U0BOB")
        with pytest.raises(NotThereError, match="sees no message"):
            slack.workspace.people.press(note["message_ts"], "go0", "U0ALICE")
    payload = payload_of(requests[0])
    WebhookClient(payload["response_url"]).send(delete_original=True)

    assert payload["container"]["is_ephemeral"]
    assert "message" not in payload
    assert slack.workspace.state()["ephemerals"] == []


def test_feedback_is_pressed_by_its_value(slack):
    def half(value):
        return {"text": {"type": "plain_text", "text": value}, "value": value}

    buttons = {"type": "feedback_buttons", "action_id": "feedback"}
    buttons |= {"positive_button": half("good"), "negative_button": half("bad")}
    block = {"type": "context_actions", "elements": [buttons]}
    ts = slack.client.chat_postMessage(channel=OPS, text="x", blocks=[block])["ts"]
    with an_app(lambda _: Response()) as (url, requests):
        point(slack, url)
        slack.workspace.people.press(ts, "feedback", "U0BOB", "bad")
        with pytest.raises(NotThereError, match="the values are good, bad"):
            slack.workspace.people.press(ts, "feedback", "U0BOB")

    assert payload_of(requests[0])["actions"][0]["value"] == "bad"


def test_an_app_that_does_not_answer_a_press_is_told_to_the_person(slack):
    ts = with_button(slack)
    with an_app(lambda _: Response("no", 500)) as (url, _):
        point(slack, url)
        refused = slack.workspace.people.press(ts, "go0", "U0BOB")
    silent = slack.workspace.people.press(ts, "go0", "U0BOB")

    assert (refused.status, refused.words) == (500, "http_service_error")
    assert (silent.status, silent.words) == (0, "dispatch_failed")


@pytest.mark.parametrize(
    "answer",
    [
        Response("no", 500),
        Response("done"),
        Response("[]", mimetype="application/json"),
        Response('{"response_action": "push"}', mimetype="application/json"),
        Response('{"response_action": "update", "view": {}}', mimetype="application/json"),
        Response('{"response_action": "errors"}', mimetype="application/json"),
        Response('{"response_action": "errors", "errors": {"x": "y"}}', mimetype="text/plain"),
    ],
)
def test_a_wrong_answer_leaves_the_form_open_with_slacks_own_words(slack, answer):
    view = opened(slack, modal())
    with an_app(lambda _: answer) as (url, _):
        point(slack, url)
        seen = slack.workspace.people.submit(view, {"name": "qwen"}, "U0ALICE")

    assert (seen.view, seen.words) == (view, TROUBLE)


def test_a_late_answer_to_a_form_is_none(slack):
    slack.workspace.courier.patience = 0.2
    view, late = opened(slack, modal()), threading.Event()
    with an_app(lambda _: late.wait(10) or Response()) as (url, _):
        point(slack, url)
        seen = slack.workspace.people.submit(view, {"name": "qwen"}, "U0ALICE")
        late.set()

    assert (seen.status, seen.view, seen.words) == (0, view, TROUBLE)


@pytest.mark.parametrize(
    ("element", "value", "words"),
    [
        ({}, "", "Please complete this required field."),
        ({"min_length": 5}, "four", "Enter at least 5 characters."),
        ({"max_length": 3}, "four", "Enter at most 3 characters."),
        ({"type": "number_input", "is_decimal_allowed": False}, "x", "Enter a valid number."),
        ({"type": "email_text_input"}, "x", "Enter a valid email."),
        ({"type": "url_text_input"}, "x", "Enter a valid url."),
    ],
)
def test_slack_sends_no_form_that_it_finds_wrong_itself(slack, element, value, words):
    view = opened(slack, modal(field(element=element)))
    with an_app(lambda _: Response()) as (url, requests):
        point(slack, url)
        seen = slack.workspace.people.submit(view, {"name": value}, "U0ALICE")

    assert (seen.status, seen.errors, requests) == (-1, {"name": words}, [])


@pytest.mark.parametrize(
    ("element", "value", "state"),
    [
        (ENGINE, "vllm", {"selected_option": OPTIONS[0]}),
        (ENGINE | {"type": "radio_buttons"}, "vLLM", {"selected_option": OPTIONS[0]}),
        (ENGINE | {"type": "checkboxes"}, ["sglang"], {"selected_options": [OPTIONS[1]]}),
        (
            ENGINE | {"type": "multi_static_select"},
            ["vllm", "sglang"],
            {"selected_options": OPTIONS},
        ),
        (
            {"type": "static_select", "option_groups": [GROUP]},
            "sglang",
            {"selected_option": OPTIONS[1]},
        ),
        ({"type": "users_select"}, "U0BOB", {"selected_user": "U0BOB"}),
        ({"type": "multi_users_select"}, ["U0BOB"], {"selected_users": ["U0BOB"]}),
        ({"type": "channels_select"}, OPS, {"selected_channel": OPS}),
        ({"type": "conversations_select"}, OPS, {"selected_conversation": OPS}),
        ({"type": "datepicker"}, "2026-12-24", {"selected_date": "2026-12-24"}),
        ({"type": "timepicker"}, "20:00", {"selected_time": "20:00"}),
        ({"type": "number_input", "is_decimal_allowed": False}, "2", {"value": "2"}),
    ],
)
def test_what_is_entered_is_written_as_slack_writes_it(slack, element, value, state):
    made = field("b", "a")
    made["element"] = element | {"action_id": "a"}
    view = opened(slack, modal(made))
    with an_app(lambda _: Response()) as (url, requests):
        point(slack, url)
        seen = slack.workspace.people.choose(view, "b", value, "U0ALICE")
        slack.workspace.people.submit(view, {}, "U0ALICE")

    assert seen.status == -1
    values = payload_of(requests[0])["view"]["state"]["values"]
    assert values == {"b": {"a": {"type": element["type"], **state}}}


def test_a_select_in_a_message_is_told_to_the_app(slack):
    block = {"type": "section", "text": OPTIONS[0]["text"], "accessory": ENGINE}
    ts = slack.client.chat_postMessage(channel=OPS, text="x", blocks=[block])["ts"]
    with an_app(lambda _: Response()) as (url, requests):
        point(slack, url)
        slack.workspace.people.choose(ts, "engine", "sglang", "U0BOB")

    (done,) = payload_of(requests[0])["actions"]
    assert (done["selected_option"], done["block_id"]) == (OPTIONS[1], "block-0")


# -- what nobody can do ---------------------------------------------------------------------------


def refused(act, *arguments):
    with pytest.raises(NotThereError) as caught:
        act(*arguments)
    return str(caught.value)


def test_nobody_presses_what_is_not_there(slack):
    ts, people = with_button(slack), slack.workspace.people

    assert refused(people.press, ts, "stop", "U0BOB") == "no element stop there; elements: go0|v"
    assert "no element go0|w" in refused(people.press, ts, "go0", "U0BOB", "w")
    assert "sees no message" in refused(people.press, "1.1", "go0", "U0BOB")
    assert "nobody with the id U0GONE" in refused(people.press, ts, "go0", "U0GONE")
    assert "nobody with the id U0EVE" in refused(people.type, "list", "U0EVE", OPS)
    assert "U0BOB cannot write in C0NONE" in refused(people.type, "list", "U0BOB", "C0NONE")
    assert "U0BOB cannot write in C0OLD" in refused(people.mention, "list", "U0BOB", "C0OLD")
    assert "no message 1.1 in C0OPS" in refused(people.say, "x", "U0BOB", OPS, "1.1")
    assert "/deploy is not a command" in refused(people.type, "/deploy x", "U0BOB", OPS)
    assert "go0 is a button" in refused(people.choose, ts, "go0", "x", "U0BOB")


def test_nobody_fills_in_what_is_not_on_the_screen(slack):
    people = slack.workspace.people
    view = opened(slack, modal(field(), field("engine", "engine", element=ENGINE)))

    assert "U0BOB has no modal" in refused(people.submit, view, {}, "U0BOB")
    assert "no element size" in refused(people.submit, view, {"size": "2"}, "U0ALICE")
    assert "it has vllm, sglang" in refused(people.choose, view, "engine", "tgi", "U0ALICE")
    assert "choose instead" in refused(people.press, view, "engine", "U0ALICE")


def test_a_modal_without_a_submit_button_is_not_sent(slack):
    view = opened(slack, modal(section("read this"), submit=None))
    people = slack.workspace.people

    assert "no submit button" in refused(people.submit, view, {}, "U0ALICE")
    assert people.close(view, "U0ALICE").status == -1


def test_a_direct_message_is_seen_by_its_person_alone(slack):
    ts = with_button(slack, channel="U0ALICE")

    assert "U0BOB sees no message" in refused(slack.workspace.people.press, ts, "go0", "U0BOB")
    assert "cannot write in D0ALICE" in refused(slack.workspace.people.say, "x", "U0BOB", "D0ALICE")


def test_what_a_person_saw_can_be_written_as_json(slack):
    seen = slack.workspace.people.type("/llm list", "U0ALICE", OPS)

    assert json.loads(json.dumps(seen.as_json()))["notes"] == [
        '/llm failed with the error "dispatch_failed"'
    ]
