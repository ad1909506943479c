"""What the Slack tests share: a served workspace, an app, and the real slack_sdk's client."""

from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.serving import World, serving
from sandbox.slack.records import Channel, Team
from sandbox.slack.workspace import Workspace

OPS = "C0OPS"
TEAM = Team(
    bot_token="xoxb-leadline",
    signing_secret="shh",
    people={"U0ALICE": "alice", "U0BOB": "bob"},
    channels={
        OPS: Channel("llm-ops"),
        "C0OTHER": Channel("other", is_member=False),
        "C0OLD": Channel("old", is_archived=True),
        "G0SECRET": Channel("secret", is_private=True, is_member=False),
    },
    more_tokens={"xoxb-mute": frozenset({"commands"})},
)


class Slack:
    """A workspace, its server and the SDK's client."""

    def __init__(self, limits=None):
        self.time = Time(rate=0, start=datetime(2026, 11, 24, 20, tzinfo=UTC))
        self.journal = Journal()
        self.faults = Faults()
        self.workspace = Workspace(self.time, self.journal, TEAM, limits)

    @contextmanager
    def served(self):
        with serving(self.workspace.world(), self.faults) as server:
            self.workspace.base_url = server.url
            self.client = self.client_of("xoxb-leadline")
            yield self

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
