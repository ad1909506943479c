"""The sandbox's Slack: slash commands, response URLs, faults and the journal."""

import http.client
import json
import threading
from urllib.parse import parse_qs, urlencode

import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient
from werkzeug.wrappers import Request, Response

from sandbox.faults import Fault
from tests.sandbox.test_slack_bench import (
    OPS,
    TEAM,
    Slack,
    an_app,
    refusal,
    stream_to,
)


@pytest.fixture
def slack():
    with Slack().served() as found:
        yield found


# -- slash commands and response URLs ------------------------------------------------------------


def test_a_command_arrives_signed_and_complete(slack):
    with an_app(lambda _: Response()) as (url, requests):
        found = slack.workspace.deliver_command(url, "deploy qwen", "U0ALICE", OPS)

    headers, body = requests[0]
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    verifier = SignatureVerifier("shh", clock=FixedClock(slack.time))
    assert verifier.is_valid_request(body, {k.lower(): v for k, v in headers.items()})
    assert (form["command"], form["text"]) == ("/llm", "deploy qwen")
    assert (form["user_name"], form["channel_name"]) == ("alice", "llm-ops")
    assert form["response_url"] == f"{slack.workspace.base_url}/respond/R00000001"
    assert (found.status, found.body) == (200, "")
    assert slack.workspace.state()["ephemerals"] == []
    assert slack.heard("command.delivered")[0]["ok"]


class FixedClock:
    """The verifier's clock, following the sandbox's time."""

    def __init__(self, time):
        self._time = time

    def now(self):
        return self._time.now().timestamp()


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (Response("on it"), "on it"),
        (Response('{"text": "json"}', mimetype="application/json"), "json"),
        (Response("boom", 500), '/llm failed with the error "http_service_error"'),
        (Response("[", mimetype="application/json"), '/llm failed with the error "invalid_command'),
    ],
)
def test_the_answer_to_a_command_is_shown_to_the_person_alone(slack, answer, shown):
    with an_app(lambda _: answer) as (url, _):
        slack.workspace.deliver_command(url, "list", "U0BOB", OPS)

    (note,) = slack.workspace.state()["ephemerals"]
    assert (note["user"], note["source"]) == ("U0BOB", "command")
    assert note["text"].startswith(shown)


def test_an_answer_may_be_for_the_whole_channel(slack):
    loud = Response('{"text": "hi", "response_type": "in_channel"}', mimetype="application/json")
    with an_app(lambda _: loud) as (url, _):
        slack.workspace.deliver_command(url, "list", "U0BOB", OPS)

    assert [m["text"] for m in slack.workspace.messages(OPS)] == ["hi"]


def test_a_command_to_nobody_fails_in_front_of_the_person(slack):
    with an_app(lambda _: Response()) as (url, _):
        pass
    found = slack.workspace.deliver_command(url, "list", "U0BOB", OPS)

    assert (found.status, found.body) == (0, "dispatch_failed")
    assert "dispatch_failed" in slack.workspace.state()["ephemerals"][0]["text"]


def test_an_app_that_does_not_answer_in_time_has_timed_out(slack):
    assert slack.workspace.courier.patience == 3
    slack.workspace.courier.patience = 0.2
    late = threading.Event()

    def wait(_: Request):
        late.wait(10)
        return Response()

    with an_app(wait) as (url, _):
        found = slack.workspace.deliver_command(url, "list", "U0BOB", OPS)
        late.set()

    assert (found.status, found.body) == (0, "operation_timeout")
    assert 0.2 <= found.elapsed < 2


def command_url(slack):
    with an_app(lambda _: Response()) as (url, _):
        slack.workspace.deliver_command(url, "list", "U0ALICE", OPS)
    return WebhookClient(slack.heard("command.delivered")[-1]["response_url"])


def test_a_response_url_answers_the_person_or_the_channel(slack):
    hook = command_url(slack)
    assert hook.send(text="quietly").status_code == 200
    hook.send(text="loudly", response_type="in_channel")

    state = slack.workspace.state()
    assert [n["text"] for n in state["ephemerals"]] == ["quietly"]
    assert [m["text"] for m in slack.workspace.messages(OPS)] == ["loudly"]
    assert [r["shown"] for r in state["responses"]] == ["ephemeral", "in_channel"]


def test_a_response_url_can_replace_and_delete_what_it_brought(slack):
    hook = command_url(slack)
    hook.send(text="first")
    hook.send(text="second", replace_original=True)
    assert [n["text"] for n in slack.workspace.state()["ephemerals"]] == ["second"]

    hook.send(delete_original=True)
    assert slack.workspace.state()["ephemerals"] == []


def test_a_response_url_is_spent_after_five_uses(slack):
    hook = command_url(slack)
    for _ in range(5):
        assert hook.send(text="x").status_code == 200
    found = hook.send(text="x")

    assert (found.status_code, json.loads(found.body)["error"]) == (404, "used_url")


def test_a_response_url_lives_for_thirty_minutes(slack):
    hook = command_url(slack)
    slack.time.advance(30 * 60 + 1)
    found = hook.send(text="x")

    assert (found.status_code, json.loads(found.body)["error"]) == (404, "expired_url")


def test_a_refused_response_is_told_why(slack):
    hook = command_url(slack)
    found = hook.send(text="x", blocks=[{"type": "sektion"}])

    assert (found.status_code, json.loads(found.body)["error"]) == (400, "invalid_blocks")


# -- faults, journal and other doors -------------------------------------------------------------


def test_a_call_dropped_before_leaves_no_message_and_one_dropped_after_leaves_it(slack):
    slack.faults.arm(Fault("slack", "chat.postMessage", "before", "drop"))
    slack.faults.arm(Fault("slack", "chat.postMessage", "after", "drop", nth=2))
    with pytest.raises((http.client.HTTPException, OSError)):
        slack.client.chat_postMessage(channel=OPS, text="lost")
    with pytest.raises((http.client.HTTPException, OSError)):
        slack.client.chat_postMessage(channel=OPS, text="kept")

    assert [m["text"] for m in slack.workspace.messages(OPS)] == ["kept"]


def test_the_journal_says_what_was_called_but_not_with_which_token(slack):
    body = urlencode({"token": "xoxb-leadline", "channel": OPS, "text": "x"})
    slack.client.api_call("chat.postMessage", data=dict(p.split("=") for p in body.split("&")))

    (entry,) = slack.heard("chat.postMessage")
    ts = slack.workspace.messages(OPS)[0]["ts"]
    assert entry == {"ok": True, "channel": OPS, "text": "x", "ts": ts, "user": TEAM.bot_user}


def test_the_state_can_be_written_as_json(slack):
    stream_to(slack.client)
    slack.client.chat_postEphemeral(channel=OPS, user="U0BOB", text="x")

    state = json.loads(json.dumps(slack.workspace.state()))
    assert set(state) == {"channels", "ephemerals", "files", "responses", "views"}
    assert state["channels"][OPS]["name"] == "llm-ops"


def test_a_bot_that_was_kicked_out_or_a_deleted_message_is_noticed(slack):
    ts = slack.client.chat_postMessage(channel=OPS, text="x")["ts"]
    slack.workspace.delete_message(OPS, ts)
    gone = refusal(lambda: slack.client.chat_update(channel=OPS, ts=ts, text="y"))
    slack.workspace.change_channel(OPS, is_member=False)
    out = refusal(lambda: slack.client.chat_postMessage(channel=OPS, text="y"))

    assert (gone["error"], out["error"]) == ("message_not_found", "not_in_channel")


def test_two_hundred_posts_at_once_all_get_their_own_time_stamp(slack):
    def post(_=None):
        for _ in range(25):
            slack.client_of("xoxb-leadline").chat_postMessage(channel=OPS, text="x")

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({m["ts"] for m in slack.workspace.messages(OPS)}) == 200
