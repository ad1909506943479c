"""What the Slack tests share: a served workspace, apps, and the real slack_sdk's clients."""

import logging
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from werkzeug.wrappers import Response

from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.serving import World, serving
from sandbox.slack.records import Channel, Team
from sandbox.slack.settings import AppSettings
from sandbox.slack.workspace import Workspace

OPS = "C0OPS"
FIXED = datetime(2026, 11, 24, 20, tzinfo=UTC)
TEAM = Team(
    bot_token="xoxb-leadline",
    signing_secret="shh",
    app_token="xapp-leadline",
    people={"U0ALICE": "alice", "U0BOB": "bob", "U0GONE": "gone"},
    deactivated=frozenset({"U0GONE"}),
    groups={"S0OPS": ("U0ALICE", "U0GONE")},
    channels={
        OPS: Channel("llm-ops"),
        "C0OTHER": Channel("other", is_member=False),
        "C0OLD": Channel("old", is_archived=True),
        "G0SECRET": Channel("secret", is_private=True, is_member=False),
    },
    more_tokens={"xoxb-mute": frozenset({"commands"})},
)


class Slack:
    """A workspace, its server and the SDK's client; `start=None` begins now, as bolt expects."""

    def __init__(self, limits=None, start=FIXED):
        self.time = Time(rate=0, start=start)
        self.journal = Journal()
        self.faults = Faults()
        self.workspace = Workspace(self.time, self.journal, TEAM, limits)

    @contextmanager
    def served(self):
        with serving(self.workspace.world(), self.faults) as server:
            self.workspace.base_url = server.url
            self.client = self.client_of("xoxb-leadline")
            self.workspace.start()
            try:
                yield self
            finally:
                self.workspace.stop()

    def client_of(self, token):
        client = WebClient(token, base_url=f"{self.workspace.base_url}/api/", timeout=5)
        client.retry_handlers = []
        return client

    def heard(self, call):
        return [e.detail for e in self.journal.entries() if e.call == call]


@contextmanager
def an_app(answer):
    requests = []

    def take(request):
        requests.append((dict(request.headers), request.get_data()))
        return answer(request)

    with serving(World("app", lambda r: r.path, take), Faults()) as server:
        yield f"{server.url}/slack/events", requests


@contextmanager
def a_bolt_app(slack, mode, register, events=()):
    """Serve a real bolt app over HTTP or Socket Mode, and tell the workspace."""
    quiet = logging.getLogger("tests.bolt")
    quiet.setLevel(logging.CRITICAL)
    app = App(
        client=slack.client_of("xoxb-leadline"),
        signing_secret="shh",
        logger=quiet,
        ignoring_self_events_enabled=False,
    )
    register(app)
    if mode == "http":
        with serving_bolt(app) as url:
            slack.workspace.configure(AppSettings(request_url=url, events=frozenset(events)))
            yield app
        return
    slack.workspace.configure(AppSettings(socket_mode=True, events=frozenset(events)))
    handler = SocketModeHandler(app, "xapp-leadline", logger=quiet)
    handler.connect()
    assert slack.journal.wait(lambda entry: entry.call == "socket.opened")
    try:
        yield app
    finally:
        hang_up(slack, handler.client)


@contextmanager
def serving_bolt(app):
    handler = SlackRequestHandler(app, path="/slack/events")

    def answer(request):
        return Response.from_app(handler, request.environ)

    with serving(World("app", lambda r: r.path, answer), Faults()) as server:
        yield f"{server.url}/slack/events"


def hang_up(slack, client):
    """Close the SDK's client at once: it would wait three seconds for a server that stays."""
    client.auto_reconnect_enabled = client.default_auto_reconnect_enabled = False
    slack.workspace.sockets.stop()
    client.close()


def refusal(act):
    with pytest.raises(SlackApiError) as caught:
        act()
    return caught.value.response


def stream_to(client, **more):
    root = client.chat_postMessage(channel=OPS, text="question")["ts"]
    given = {"recipient_user_id": "U0ALICE", "recipient_team_id": TEAM.id} | more
    return client.chat_startStream(channel=OPS, thread_ts=root, **given)["ts"]


def section(words):
    return {"type": "section", "text": {"type": "mrkdwn", "text": words}}


def button(number=0, **more):
    text = {"type": "plain_text", "text": more.pop("label", "Go")}
    return {"type": "button", "text": text, "action_id": f"go{number}"} | more


def field(block_id="name", action_id="name", **more):
    element = {"type": "plain_text_input", "action_id": action_id} | more.pop("element", {})
    label = {"type": "plain_text", "text": "Name"}
    return {"type": "input", "block_id": block_id, "label": label, "element": element} | more


def modal(*blocks, **more):
    def plain(words):
        return {"type": "plain_text", "text": words}

    given = {"type": "modal", "title": plain("Deploy"), "submit": plain("Go")}
    return given | {"callback_id": "deploy", "blocks": [*blocks] or [field()]} | more
