"""The sandbox's Slack: the Events API over HTTP, its retries and its bounds."""

import json
import threading
from dataclasses import replace

import pytest
from slack_bolt import App
from slack_sdk.signature import SignatureVerifier
from werkzeug.wrappers import Response

from sandbox.slack.events import MOST_WAITING
from sandbox.slack.settings import AppSettings
from sandbox.slack.workspace import Workspace
from tests.sandbox.test_slack_bench import OPS, TEAM, Slack, an_app, serving_bolt

ALL = frozenset({"app_mention", "message.channels", "message.im"})


@pytest.fixture
def slack():
    with Slack().served() as found:
        yield found


def told(requests):
    return [json.loads(body)["event"] for _, body in requests]


def heard(slack, **wanted):
    entry = slack.journal.wait(
        lambda e: (
            e.call == "event.delivered" and all(e.detail.get(k) == v for k, v in wanted.items())
        )
    )
    assert entry, wanted
    return entry.detail


def subscribe(slack, url, names=ALL):
    slack.workspace.configure(AppSettings(request_url=url, events=frozenset(names)))


def test_a_mention_arrives_signed_and_complete(slack):
    with an_app(lambda _: Response()) as (url, requests):
        subscribe(slack, url, {"app_mention"})
        seen = slack.workspace.people.mention("status", "U0ALICE", OPS)

    headers, body = requests[0]
    verifier = SignatureVerifier("shh", clock=slack_clock(slack))
    assert verifier.is_valid_request(body, {k.lower(): v for k, v in headers.items()})
    assert headers["Content-Type"] == "application/json"
    payload = json.loads(body)
    assert (payload["type"], payload["api_app_id"]) == ("event_callback", TEAM.app_id)
    assert payload["event_id"].startswith("Ev")
    event = payload["event"]
    assert (event["type"], event["user"], event["channel"]) == ("app_mention", "U0ALICE", OPS)
    assert event["text"] == "<@U0LEADLINE> status"
    assert (event["ts"], seen.status) == (seen.ts, 200)


def slack_clock(slack):
    class Clock:
        def now(self):
            return slack.time.now().timestamp()

    return Clock()


def test_an_app_hears_only_what_it_asked_for(slack):
    with an_app(lambda _: Response()) as (url, requests):
        subscribe(slack, url, {"message.im"})
        slack.workspace.people.mention("hello", "U0ALICE", OPS)
        direct = slack.client.conversations_open(users="U0ALICE")["channel"]["id"]
        slack.workspace.people.say("psst", "U0ALICE", direct)

    assert [(e["type"], e["channel_type"], e["text"]) for e in told(requests)] == [
        ("message", "im", "psst")
    ]


def test_an_app_hears_its_own_messages_but_not_as_mentions(slack):
    with an_app(lambda _: Response()) as (url, requests):
        subscribe(slack, url)
        slack.client.chat_postMessage(channel=OPS, text="<@U0LEADLINE> is here")
        heard(slack, type="message")

    (event,) = told(requests)
    assert (event["type"], event["bot_id"]) == ("message", TEAM.bot_id)


def test_an_app_hears_nothing_of_channels_it_is_not_in(slack):
    with an_app(lambda _: Response()) as (url, requests):
        subscribe(slack, url)
        slack.workspace.people.mention("hello", "U0ALICE", "C0OTHER")

    assert requests == []


def test_a_thread_is_named_in_the_event(slack):
    with an_app(lambda _: Response()) as (url, requests):
        subscribe(slack, url, {"app_mention"})
        root = slack.workspace.people.mention("one", "U0ALICE", OPS).ts
        slack.workspace.people.mention("two", "U0BOB", OPS, thread=root)

    assert [e.get("thread_ts") for e in told(requests)] == [None, root]


def test_a_failed_event_is_sent_at_once_then_after_one_and_five_minutes(slack):
    with an_app(lambda _: Response("no", 500)) as (url, requests):
        subscribe(slack, url, {"app_mention"})
        slack.workspace.people.mention("status", "U0ALICE", OPS)
        heard(slack, attempt=1)
        for attempt, seconds in ((2, 60), (3, 300)):
            assert slack.time.await_sleepers(1)
            slack.time.advance(seconds - 1)
            assert len(requests) == attempt
            slack.time.advance(1)
            heard(slack, attempt=attempt)

    headers = [headers for headers, _ in requests]
    assert [h.get("X-Slack-Retry-Num") for h in headers] == [None, "1", "2", "3"]
    assert [h.get("X-Slack-Retry-Reason") for h in headers] == [None, *["http_error"] * 3]
    assert len({json.loads(body)["event_id"] for _, body in requests}) == 1


def test_an_app_may_ask_for_no_retry(slack):
    def refuse(_):
        return Response("no", 500, {"X-Slack-No-Retry": "1"})

    with an_app(refuse) as (url, requests):
        subscribe(slack, url, {"app_mention"})
        slack.workspace.people.mention("one", "U0ALICE", OPS)
        slack.workspace.people.mention("two", "U0ALICE", OPS)

    assert [event["text"][-3:] for event in told(requests)] == ["one", "two"]


@pytest.mark.parametrize(
    ("reason", "patience"), [("connection_failed", 3.0), ("http_timeout", 0.2)]
)
def test_a_retry_says_why(slack, reason, patience):
    slack.workspace.courier.patience = patience
    late = threading.Event()
    with an_app(lambda _: late.wait(10) or Response()) as (url, _):
        subscribe(slack, url, {"app_mention"})
        if reason == "http_timeout":
            slack.workspace.people.mention("x", "U0ALICE", OPS)
            late.set()
    if reason == "connection_failed":
        slack.workspace.people.mention("x", "U0ALICE", OPS)

    assert heard(slack, attempt=0)["reason"] == reason


def test_more_events_than_the_queue_holds_are_dropped_and_written_down(slack):
    hold = threading.Event()
    with an_app(lambda _: hold.wait(10) or Response()) as (url, _):
        subscribe(slack, url, {"message.channels"})
        for number in range(MOST_WAITING + 2):
            slack.workspace.say("U0ALICE", OPS, str(number))
        dropped = slack.journal.wait(lambda e: e.call == "event.dropped")
        hold.set()

    assert dropped.detail["attempt"] == 0


@pytest.mark.parametrize(
    ("names", "words"),
    [({"reaction_added"}, "unknown here"), ({"app_mention"}, "lacks the scope app_mentions:read")],
)
def test_a_subscription_that_slack_would_not_save_is_refused(slack, names, words):
    poor = replace(TEAM, bot_scopes=frozenset({"chat:write"}))
    workspace = Workspace(slack.time, slack.journal, poor)

    with pytest.raises(ValueError, match=words):
        workspace.configure(AppSettings(events=frozenset(names)))


def test_a_request_url_proves_itself_with_the_challenge():
    with Slack(start=None).served() as slack:
        app = App(client=slack.client, signing_secret="shh")
        with serving_bolt(app) as url:
            subscribe(slack, url)
            assert slack.workspace.verify_request_url()
        with an_app(lambda _: Response("hello")) as (url, _):
            subscribe(slack, url)
            assert not slack.workspace.verify_request_url()
