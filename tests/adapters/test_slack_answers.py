"""Answers of Slack that are none: whatever arrives, callers meet our errors and nothing twice."""

import contextlib
import itertools
import math
import socket
import threading
from datetime import UTC, datetime

import pytest
from slack_sdk import WebClient

from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import Closed, Footer, Refused
from bot.settings import SlackSettings
from bot.slack.client import SlackChat, connect
from bot.slack.directory import SlackDirectory
from bot.slack.home import Home
from bot.slack.retrying import wait_of
from bot.slack.server import over_socket
from sandbox.clock import Time
from sandbox.faults import Fault
from sandbox.slack.settings import AppSettings
from tests.adapters.edge_bench import ALICE, OPS, bench

pytestmark = pytest.mark.usefixtures("unclosed_by_slack_sdk")

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def whole(body, head=JSON):
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


ANSWERS = {
    "a body that is cut": JSON + b'Content-Length: 500\r\n\r\n{"ok": true, ',
    "a chunk that is cut": JSON + b'Transfer-Encoding: chunked\r\n\r\n100\r\n{"ok"',
    "no status line": b"garbage\r\n\r\n",
    "a page": whole(b"<html></html>", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
    "a list": whole(b"[]"),
    "an empty object": whole(b"{}"),
    "null": whole(b"null"),
    "nothing but ok": whole(b'{"ok": true}'),
    "no JSON": whole(b'{"ok": tr'),
    "no UTF-8": whole(b"\xff\xfe\xff\xff"),
    "no coding that there is": whole(
        b"{}", b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=nosuch\r\n"
    ),
    "a page that says 502": whole(b"<ht", b"HTTP/1.1 502 Bad Gateway\r\n"),
    "a 502 that is cut": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 500\r\n\r\n<ht",
}

ASKED = {
    "post": lambda chat, _: chat.post(Place(OPS), "k", Closed(1)),
    "find": lambda chat, _: chat.find(Place(OPS), "k", datetime.now(UTC)),
    "find in a thread": lambda chat, _: chat.find(Place(OPS, "1.0"), "k", datetime.now(UTC)),
    "link": lambda _, people: people.link(Place(OPS, "1.0")),
    "groups": lambda _, people: people.groups(Person("U1", "T1"), frozenset({"S1"})),
    "is_home": lambda _, people: people.is_home(Person("U1", "T1")),
    "name": lambda _, people: people.name("U1"),
    "update": lambda chat, _: chat.update(Place(OPS), "1.0", Closed(1)),
    "whisper": lambda chat, _: chat.whisper(Place(OPS), Person("U1", "T1"), Refused("no")),
}
READ_ON = ("nothing but ok", "a list", "null")
"""Answers that only show when they are read, so each place that reads one is tried."""


@contextlib.contextmanager
def answering(answer):
    """Give every caller this answer; yield settings that lead there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = listening.accept()
                    with caller, contextlib.suppress(OSError):
                        caller.settimeout(5)
                        caller.recv(65536)
                        caller.sendall(answer)
                        caller.shutdown(socket.SHUT_WR)
                        caller.settimeout(0.2)
                        while caller.recv(65536):
                            pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield SlackSettings("xoxb-1", api_url=f"http://127.0.0.1:{listening.getsockname()[1]}/api/")
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize(
    ("what", "call"),
    sorted(
        {*((what, "post") for what in ANSWERS), *itertools.product(READ_ON, ASKED)}
        - {("nothing but ok", call) for call in ("update", "whisper")}  # that is all there is
    ),
)
def test_an_answer_that_is_none_is_an_error_of_ours_whatever_was_asked(what, call):
    with answering(ANSWERS[what]) as settings:
        chat, people = (one.connect(settings, Time()) for one in (SlackChat, SlackDirectory))

        with pytest.raises(ChatUnavailableError, match="in Slack: no answer; try again in a"):
            ASKED[call](chat, people)


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_to_a_question_that_cannot_be_shown_ends_with_an_error_of_ours(what):
    with answering(ANSWERS[what]) as settings:
        chat = SlackChat.connect(settings, Time(rate=1_000))

        with (
            pytest.raises(ChatUnavailableError, match="ending an answer in Slack: no answer"),
            chat.stream(Place(OPS, "1.0"), Person("U1", "T1")) as stream,
        ):
            stream.end(Footer("m", 0.1, 1, 1.0, "stop"))


def limited(wait):
    head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: %s\r\n" % wait.encode()
    return whole(b'{"ok": false, "error": "ratelimited"}', head)


@pytest.mark.parametrize("wait", ["86400", "61", "Wed, 25 Nov 2026 12:00:00 GMT", "-1", ""])
@pytest.mark.parametrize("call", ["post", "whisper", "name"])
def test_nobody_waits_for_a_slack_that_asks_for_more_than_a_minute_or_for_no_time(call, wait):
    with answering(limited(wait)) as settings:
        chat, people = (one.connect(settings, Time()) for one in (SlackChat, SlackDirectory))

        with pytest.raises(ChatUnavailableError, match="in Slack: ratelimited"):
            ASKED[call](chat, people)


@pytest.mark.parametrize("wait", ["86400", "30"])
def test_an_answer_whose_end_slack_limits_again_and_again_ends_with_an_error_of_ours(wait):
    with answering(limited(wait)) as settings:
        client = WebClient("xoxb-1", base_url=settings.api_url, retry_handlers=[])
        chat = SlackChat(client, Time(rate=10_000))

        with (
            pytest.raises(ChatUnavailableError, match="ending an answer in Slack: ratelimited"),
            chat.stream(Place(OPS, "1.0"), Person("U1", "T1")) as stream,
        ):
            stream.end(Footer("m", 0.1, 1, 1.0, "stop"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 2),
        ({"Retry-After": ["7"]}, 7),
        ({"retry-after": "7"}, 7),
        ({"Retry-After": ["soon"]}, math.inf),
        ({"Retry-After": ["²"]}, math.inf),
    ],
)
def test_how_long_slack_asks_to_wait(headers, seconds):
    assert wait_of(headers) == seconds


@pytest.mark.parametrize("what", ANSWERS)
def test_while_it_is_not_known_whose_we_are_nobody_is_foreign(what):
    with answering(ANSWERS[what]) as settings:
        home = Home(connect(settings, hasty=True), Time())

        assert not home.is_foreign({"team_id": "T1", "api_app_id": "A1"})


@pytest.mark.parametrize("act", ["cut", "page"])
def test_socket_mode_opens_after_answers_that_are_none(act):
    with bench("http") as made:
        fault = Fault("slack", "apps.connections.open", "before", act, times=2)
        made.faults.arm(fault)
        made.slack.configure(AppSettings(socket_mode=True))
        stop, ready = threading.Event(), threading.Event()
        args = (made.settings, made.edge(), stop, ready.set)
        thread = threading.Thread(target=over_socket, args=args)
        thread.start()
        try:
            assert ready.wait(20)
            assert fault.seen >= 3
        finally:
            stop.set()
            thread.join(15)


@pytest.mark.parametrize("act", ["cut", "page"])
def test_a_form_whose_answer_is_none_is_told_and_the_edge_lives_on(act):
    with bench("http") as made:
        made.faults.arm(Fault("slack", "views.open", "before", act))

        first = made.slack.people.type("/llm deploy", ALICE, OPS)
        made.slack.people.type("/llm list", ALICE, OPS)

        assert "could not be opened in time" in first.notes[0]
        assert made.texts() == ["list"]
