"""The Chat port over the sandbox's Slack: what is posted once, found again, and said in secret."""

import contextlib
from dataclasses import replace

import pytest
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import Closed, Facts, Listing, Merged, Refused, Serving
from bot.settings import SlackSettings
from bot.slack.client import SlackChat, connect
from bot.speaker import Speaker
from bot.store.redis import RedisStore
from sandbox.clock import Time
from sandbox.faults import Fault, Faults
from sandbox.journal import Journal
from sandbox.redis import serving_redis
from sandbox.serving import serving
from sandbox.slack.workspace import Workspace
from tests.adapters.edge_bench import ALICE, AWAY, BOB, OPS, TEAM

HISTORY = {"channels:history", "groups:history"}
ME = Person(ALICE, TEAM.id)


@contextlib.contextmanager
def slack(team=TEAM):
    time, journal, faults = Time(rate=0), Journal(), Faults()
    workspace = Workspace(time, journal, team)
    with serving(workspace.world(), faults) as server:
        workspace.base_url = server.url
        settings = SlackSettings(team.bot_token, api_url=f"{server.url}/api/")
        try:
            yield Here(workspace, journal, faults, time, settings)
        finally:
            faults.release_all()


class Here:
    """A served workspace and our chat in it."""

    def __init__(self, workspace, journal, faults, time, settings):
        self.workspace, self.journal, self.faults = workspace, journal, faults
        self.time, self.settings = time, settings
        self.chat = SlackChat.connect(settings, time)

    def texts(self, channel=OPS):
        return [message["text"] for message in self.workspace.messages(channel)]

    def said(self, call):
        return [e for e in self.journal.entries() if e.call == call]


@pytest.fixture
def here():
    with slack() as made:
        yield made


@pytest.fixture
def store():
    with serving_redis() as url:
        yield RedisStore.connect(url)


def test_a_message_carries_its_key_and_is_found_by_it_since_then(here):
    since = here.time.now()
    here.chat.post(Place(OPS), "other", Closed(1))
    root = here.chat.post(Place(OPS), "k1", Closed(2))
    reply = here.chat.post(Place(OPS, root), "k2", Merged(2, "bob"))

    assert here.chat.find(Place(OPS), "k1", since) == [root]
    assert here.chat.find(Place(OPS, root), "k2", since) == [reply]
    assert here.chat.find(Place(OPS), "k3", since) == []
    here.time.advance(600)
    assert here.chat.find(Place(OPS), "k1", here.time.now()) == []


def test_people_and_other_apps_are_read_over(here):
    here.workspace.say(BOB, OPS, "no metadata at all")

    assert here.chat.find(Place(OPS), "k1", here.time.now()) == []


def test_a_message_beyond_the_first_page_is_found(here):
    since = here.time.now()
    wanted = here.chat.post(Place(OPS), "k1", Closed(1))
    for _ in range(120):
        here.workspace.say(BOB, OPS, "noise")

    assert here.chat.find(Place(OPS), "k1", since) == [wanted]


def test_only_what_a_channel_must_see_is_broadcast(here):
    root = here.chat.post(Place(OPS), "k1", Closed(1))
    here.chat.post(Place(OPS, root), "k2", Merged(1, "bob"))
    here.chat.post(Place(OPS, root), "k3", Serving("m1", 1, 0.4))

    assert [m["broadcast"] for m in here.workspace.messages(OPS)] == [False, False, True]


def test_a_card_is_edited_in_place_and_keeps_its_key(here):
    root = here.chat.post(Place(OPS), "k1", Closed(1))

    here.chat.update(Place(OPS), root, Closed(2))

    [message] = here.workspace.messages(OPS)
    assert ("#2" in message["text"], message["edited"]) == (True, 1)
    assert here.chat.find(Place(OPS), "k1", here.time.now()) == [root]


# -- said once -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unclosed_by_slack_sdk")
@pytest.mark.parametrize("act", ["drop", "cut", "page"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_answer_that_never_came_leaves_one_message(here, store, moment, act):
    here.faults.arm(Fault("slack", "chat.postMessage", moment, act))

    ts = Speaker(here.chat, store, here.time).say(Place(OPS), "k1", Closed(1))

    assert [m["ts"] for m in here.workspace.messages(OPS)] == [ts]


def test_the_same_key_is_said_once_also_after_a_restart_that_forgot_the_answer(here, store):
    store.intend("k1", here.time.now())
    posted = here.chat.post(Place(OPS), "k1", Closed(1))

    assert Speaker(here.chat, store, here.time).say(Place(OPS), "k1", Closed(1)) == posted
    assert len(here.texts()) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_without_the_history_scopes_at_most_one_message_is_there_twice(store, moment):
    team = replace(TEAM, bot_scopes=TEAM.bot_scopes - HISTORY)
    with slack(team) as here:
        speaker = Speaker(here.chat, store, here.time)
        here.faults.arm(Fault("slack", "chat.postMessage", moment, "drop"))

        ts = speaker.say(Place(OPS), "k1", Closed(1))
        again = speaker.say(Place(OPS), "k1", Closed(1))

        assert again == ts
        assert len(here.texts()) == (2 if moment == "after" else 1)
        assert here.chat.find(Place(OPS), "k1", here.time.now()) == ()


def test_what_a_process_that_died_posted_twice_is_one_message_once_the_history_is_read(here, store):
    """As of two workers in turn, of which neither came to keep its message."""
    store.intend("k1", here.time.now())
    first, *_ = [here.chat.post(Place(OPS), "k1", Closed(1)) for _ in range(3)]
    other = here.chat.post(Place(OPS), "k2", Closed(1))

    assert Speaker(here.chat, store, here.time).say(Place(OPS), "k1", Closed(1)) == first
    assert [m["ts"] for m in here.workspace.messages(OPS)] == [first, other]


class Meanwhile:
    """A chat that is slow to post: meanwhile another process says the same."""

    def __init__(self, chat, other):
        self.chat, self.other, self.stands = chat, other, None

    def post(self, place, key, notice):
        self.stands = self.other.say(place, key, notice)
        return self.chat.post(place, key, notice)

    def update(self, *args):
        self.chat.update(*args)


@pytest.mark.parametrize("scopes", [TEAM.bot_scopes, TEAM.bot_scopes - HISTORY])
def test_of_two_processes_that_say_the_same_the_message_kept_first_stays(store, scopes):
    """The slow one learns of the other when it keeps its own; for that no history is needed."""
    with slack(replace(TEAM, bot_scopes=scopes)) as here:
        slow = Meanwhile(here.chat, Speaker(here.chat, store, here.time))

        said = Speaker(slow, store, here.time).say(Place(OPS), "k1", Closed(1))

        assert said == slow.stands
        assert [m["ts"] for m in here.workspace.messages(OPS)] == [slow.stands]


def test_a_double_that_cannot_be_taken_away_is_logged_and_harms_nothing(here, store, caplog):
    here.workspace.trouble("chat.delete", "internal_error")
    slow = Meanwhile(here.chat, Speaker(here.chat, store, here.time))

    assert Speaker(slow, store, here.time).say(Place(OPS), "k1", Closed(1)) == slow.stands
    assert "message stands twice key=k1" in caplog.text


def test_a_channel_without_leadline_is_said_with_what_to_do(here, store):
    with pytest.raises(ChatUnavailableError, match=r"not_in_channel; type /invite @leadline"):
        Speaker(here.chat, store, here.time).say(Place(AWAY), "k1", Closed(1))


@pytest.mark.parametrize("call", ["chat.postMessage", "chat.startStream", "chat.appendStream"])
def test_what_would_be_said_twice_is_not_tried_again_by_the_library(here, call):
    here.faults.arm(Fault("slack", call, "before", "drop", times=10))
    client = connect(here.settings)

    with pytest.raises(OSError, match=r".*"):
        client.api_call(call, json={"channel": OPS, "text": "x"})

    assert here.faults[0].seen == 1


def test_what_may_be_asked_twice_is_tried_again_once(here):
    here.faults.arm(Fault("slack", "users.info", "before", "drop"))

    assert connect(here.settings).users_info(user=ALICE)["ok"]


# -- limits ----------------------------------------------------------------------------------------


def test_every_client_waits_for_a_429(here):
    for hasty in (False, True):
        client = connect(here.settings, hasty=hasty)
        assert any(isinstance(h, RateLimitErrorRetryHandler) for h in client.retry_handlers)
        here.workspace.trouble("users.info", "ratelimited", retry_after=1)
        assert client.users_info(user=ALICE)["ok"]


# -- said in secret --------------------------------------------------------------------------------


LISTED = Listing("Deployments", ("name",), (("m1",),))


def answer_url(here, path="/respond/"):
    """Let Alice type a command that nobody takes; return its response URL."""
    here.workspace.deliver_command("http://127.0.0.1:9/x", "list", ALICE, AWAY)
    return here.said("command.delivered")[-1].detail["response_url"]


def test_what_one_person_is_told_nobody_else_sees(here):
    here.chat.whisper(Place(OPS), ME, Refused("no"))

    [note] = here.workspace.state()["ephemerals"]
    assert (note["user"], note["text"], here.texts()) == (ALICE, "no", [])


@pytest.mark.parametrize("notice", [LISTED, Facts("t", (("k", "v"),)), Refused("no")])
def test_where_leadline_is_not_in_the_channel_it_answers_whole_and_says_how_to_invite_it(
    here, notice
):
    here.chat.whisper(Place(AWAY, answer_url=answer_url(here)), ME, notice)

    note = here.workspace.state()["ephemerals"][-1]
    assert (note["user"], note["channel"]) == (ALICE, AWAY)
    assert "type `/invite @leadline`" in note["text"]
    shown = str(note["blocks"])
    assert "/invite @leadline" in shown
    assert isinstance(notice, Refused) or "m1" in shown or "v" in shown


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "http://169.254.169.254/latest/meta-data",
        "http://hooks.slack.com/commands/1",
        "https://hooks.slack.com.evil.test/commands/1",
        "https://hooks.slack.com@169.254.169.254/",
        "https://evil.test/hooks.slack.com",
        "file:///etc/passwd",
        "//hooks.slack.com/x",
        "https://[::1]/x",
    ],
)
def test_an_address_that_is_not_slacks_is_never_called(here, url):
    with pytest.raises(ChatUnavailableError, match="invite"):
        here.chat.whisper(Place(AWAY, answer_url=url), ME, Refused("no"))

    assert here.said("respond") == []


def test_a_used_up_response_url_says_what_to_do(here):
    url = answer_url(here)
    for _ in range(5):
        here.chat.whisper(Place(AWAY, answer_url=url), ME, Refused("no"))

    with pytest.raises(ChatUnavailableError, match="404; type /invite @leadline"):
        here.chat.whisper(Place(AWAY, answer_url=url), ME, Refused("no"))


def test_the_address_to_answer_at_stays_out_of_what_is_printed():
    assert "secret" not in repr(Place(AWAY, answer_url="https://hooks.slack.com/secret"))
