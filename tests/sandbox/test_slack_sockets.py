"""The sandbox's Slack: Socket Mode, through plain websockets and slack_sdk's own client."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from sandbox.slack.settings import AppSettings
from tests.sandbox.test_slack_bench import OPS, Slack, hang_up, refusal

EVENTS = frozenset({"message.channels"})


@pytest.fixture
def slack():
    with Slack().served() as found:
        found.workspace.configure(AppSettings(socket_mode=True, events=EVENTS))
        yield found


def new_url(slack):
    client = slack.client_of("xapp-leadline")
    return client.apps_connections_open(app_token="xapp-leadline")["url"]


@contextmanager
def a_line(slack, more=""):
    with connect(new_url(slack) + more, open_timeout=5, close_timeout=1) as socket:
        yield socket, json.loads(socket.recv(5))


def heard(slack, call, **wanted):
    entry = slack.journal.wait(
        lambda e: e.call == call and all(e.detail.get(k) == v for k, v in wanted.items())
    )
    assert entry, (call, wanted)
    return entry.detail


def acknowledge(socket, payload=None):
    envelope = json.loads(socket.recv(5))
    answer = {"envelope_id": envelope["envelope_id"]}
    socket.send(json.dumps(answer | ({"payload": payload} if payload else {})))
    return envelope


# -- connecting ----------------------------------------------------------------------------------


def test_a_connection_begins_with_hello(slack):
    with a_line(slack) as (_, first), a_line(slack, "&debug_reconnects=true") as (_, second):
        assert (first["type"], first["num_connections"]) == ("hello", 1)
        assert first["connection_info"] == {"app_id": "A0LEADLINE"}
        assert first["debug_info"]["approximate_connection_time"] == 18060
        assert second["num_connections"] == 2
        assert second["debug_info"]["approximate_connection_time"] == 360


def test_an_address_opens_one_connection(slack):
    url = new_url(slack)
    with connect(url, close_timeout=1) as socket:
        socket.recv(5)
        with pytest.raises(InvalidStatus) as again:
            connect(url)
    with pytest.raises(InvalidStatus) as made_up:
        connect(url.replace("ticket=", "ticket=x"))

    assert {again.value.response.status_code, made_up.value.response.status_code} == {401}


def test_the_eleventh_connection_is_one_too_many(slack):
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(a_line(slack))
        socket, words = stack.enter_context(a_line(slack))
        with pytest.raises(ConnectionClosed):
            socket.recv(5)

        assert (words["type"], words["reason"]) == ("disconnect", "too_many_websockets")
        assert slack.workspace.sockets.count() == 10


def test_without_sockets_no_address_is_given(slack):
    slack.workspace.stop()

    assert refusal(lambda: new_url(slack))["error"] == "internal_error"


# -- envelopes -----------------------------------------------------------------------------------


def test_a_command_is_acknowledged_with_its_answer(slack):
    with a_line(slack) as (socket, _), typing(slack, "deploy qwen") as seen:
        envelope = acknowledge(socket, {"text": "on it"})

    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    assert envelope["payload"]["command"] == "/llm"
    assert envelope["payload"]["text"] == "deploy qwen"
    assert "retry_attempt" not in envelope
    assert (seen[0].status, seen[0].notes) == (200, ("on it",))


@contextmanager
def typing(slack, text):
    """Let alice type while the body of the block answers for the app."""
    seen = []
    with ThreadPoolExecutor(1) as pool:
        typed = pool.submit(slack.workspace.people.type, text, "U0ALICE", OPS)
        yield seen
        seen.append(typed.result(10))


def test_each_payload_goes_to_one_connection(slack):
    with a_line(slack) as (first, _), a_line(slack) as (second, _):
        took = []
        for socket in (first, second, first):
            with typing(slack, "list"):
                took.append(acknowledge(socket)["envelope_id"])
        with pytest.raises(TimeoutError):
            second.recv(0.05)

    assert len(set(took)) == 3


def test_an_envelope_that_is_not_acknowledged_fails_in_front_of_the_person(slack):
    slack.workspace.courier.patience = 0.2
    with a_line(slack) as (socket, _):
        seen = slack.workspace.people.type("list", "U0ALICE", OPS)
        acknowledge(socket, {"text": "too late"})
        late = heard(slack, "socket.acknowledged")

    assert seen.status == 0
    assert seen.notes == ('/llm failed with the error "operation_timeout"',)
    assert not late["ok"]


def test_with_no_connection_a_command_fails_at_once(slack):
    seen = slack.workspace.people.type("list", "U0ALICE", OPS)

    assert seen.notes == ('/llm failed with the error "dispatch_failed"',)


def test_a_connection_that_breaks_off_fails_what_it_had_not_acknowledged(slack):
    with a_line(slack) as (socket, _), typing(slack, "list") as seen:
        socket.recv(5)
        socket.close()

    assert seen[0].notes == ('/llm failed with the error "dispatch_failed"',)


def test_what_is_no_acknowledgement_is_written_down(slack):
    with a_line(slack) as (socket, _):
        socket.send("?")
        socket.send('{"envelope_id": "none"}')

        assert heard(slack, "socket.heard")["error"] == "not an acknowledgement"
        assert heard(slack, "socket.acknowledged", envelope_id="none")["ok"] is False


# -- events and their retries --------------------------------------------------------------------


def test_an_event_is_sent_again_until_it_is_acknowledged(slack):
    slack.workspace.courier.patience = 0.2
    with a_line(slack) as (socket, _):
        slack.workspace.people.say("hello", "U0ALICE", OPS)
        first, again = (json.loads(socket.recv(5)) for _ in range(2))
        heard(slack, "event.delivered", attempt=1)
        assert slack.time.await_sleepers(1)
        slack.workspace.courier.patience = 3.0
        slack.time.advance(60)
        last = acknowledge(socket)
        heard(slack, "event.delivered", attempt=2, ok=True)

    envelopes = (first, again, last)
    assert [e["retry_attempt"] for e in envelopes] == [0, 1, 2]
    assert [e["retry_reason"] for e in envelopes] == ["", "timeout", "timeout"]
    assert len({e["payload"]["event_id"] for e in envelopes}) == 1
    assert {e["accepts_response_payload"] for e in envelopes} == {False}


# -- ends ----------------------------------------------------------------------------------------


def test_a_warning_announces_an_end_and_changes_nothing_yet(slack):
    with a_line(slack) as (socket, _):
        assert slack.workspace.sockets.disconnect("warning") == 1
        assert json.loads(socket.recv(5))["reason"] == "warning"
        with typing(slack, "list"):
            assert acknowledge(socket)["type"] == "slash_commands"


def test_after_a_refresh_the_old_connection_gets_no_more(slack):
    with a_line(slack) as (old, _), a_line(slack) as (also_old, _):
        assert slack.workspace.sockets.disconnect("refresh_requested") == 2
        assert [json.loads(s.recv(5))["reason"] for s in (old, also_old)] == [
            "refresh_requested"
        ] * 2
        with a_line(slack) as (new, _), typing(slack, "list"):
            assert acknowledge(new)["type"] == "slash_commands"
        with pytest.raises(ConnectionClosed):
            old.recv(5)


def test_turning_socket_mode_off_ends_the_connections(slack):
    with a_line(slack) as (socket, _):
        slack.workspace.configure(AppSettings())
        words = json.loads(socket.recv(5))
        with pytest.raises(ConnectionClosed):
            socket.recv(5)

    assert (words["type"], words["reason"]) == ("disconnect", "link_disabled")


def test_a_connection_can_break_off_without_a_word(slack):
    with a_line(slack) as (socket, _):
        slack.workspace.sockets.drop()
        with pytest.raises(ConnectionClosed):
            socket.recv(5)
        heard(slack, "socket.closed")

    assert slack.workspace.sockets.count() == 0


# -- slack_sdk's client --------------------------------------------------------------------------


@contextmanager
def the_sdks_client(slack, answer):
    quiet = logging.getLogger("tests.socket_mode")
    quiet.setLevel(logging.CRITICAL)
    client = SocketModeClient("xapp-leadline", quiet, slack.client_of("xoxb-leadline"))
    client.socket_mode_request_listeners.append(answer)
    client.connect()
    try:
        heard(slack, "socket.opened")
        yield client
    finally:
        hang_up(slack, client)


def obey(client, request):
    text = f"{request.type}: {request.payload.get('text', '')}"
    client.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": text}))


def test_the_sdks_client_hears_and_answers(slack):
    with the_sdks_client(slack, obey):
        seen = slack.workspace.people.type("list", "U0ALICE", OPS)

    assert seen.notes == ("slash_commands: list",)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_the_sdks_client_connects_anew_when_told_to(slack, reason):
    with the_sdks_client(slack, obey):
        since = len(slack.journal.entries())
        slack.workspace.sockets.disconnect(reason)
        assert slack.journal.wait(lambda e: e.call == "socket.opened", since)
        assert slack.journal.wait(lambda e: e.call == "socket.closed", since)
        seen = slack.workspace.people.type("list", "U0ALICE", OPS)

    assert seen.notes == ("slash_commands: list",)


def test_the_sdks_client_sees_the_retry_number(slack):
    slack.workspace.courier.patience = 0.2
    tries = []

    def refuse_once(client, request):
        tries.append((request.retry_attempt, request.retry_reason))
        slack.workspace.courier.patience = 3.0  # of the attempt to come
        if len(tries) > 1:
            obey(client, request)

    with the_sdks_client(slack, refuse_once):
        slack.workspace.people.say("hello", "U0ALICE", OPS)
        heard(slack, "event.delivered", attempt=1, ok=True)

    assert tries == [(0, ""), (1, "timeout")]
