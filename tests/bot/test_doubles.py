"""A message that stands twice, since nobody could read whether it stood, is one once it is used."""

from dataclasses import replace

import pytest

from bot.chat import Place
from bot.slack.client import SlackChat
from bot.speaker import Speaker
from bot.store.connection import EDGE
from bot.store.redis import RedisStore
from sandbox.faults import Fault
from tests.adapters.edge_bench import ALICE, CARD, OPS, TEAM, bench

pytestmark = pytest.mark.usefixtures("unclosed_by_slack_sdk")

HISTORY = {"channels:history", "groups:history"}


@pytest.fixture(params=["http", "socket"])
def edge(request):
    team = replace(TEAM, bot_scopes=TEAM.bot_scopes - HISTORY)
    with bench(request.param, team) as made:
        yield made


def twice(edge):
    """Say a card whose first answer is lost; return both, the one that was kept last."""
    store = RedisStore.connect(edge.redis_url, EDGE)
    edge.faults.arm(Fault("slack", "chat.postMessage", "after", "cut"))
    kept = Speaker(edge.chat, store, edge.time).say(Place(OPS), "card:1", CARD)
    [lost] = [m["ts"] for m in edge.slack.messages(OPS) if m["ts"] != kept]
    return lost, kept


def there(edge):
    return [m["ts"] for m in edge.slack.messages(OPS)]


def test_pressed_a_double_goes_and_what_was_pressed_is_done(edge):
    lost, kept = twice(edge)
    edge.slack.people.press(lost, "leadline:status", ALICE)

    assert there(edge) == [kept]
    assert edge.texts() == ["status example/m1"]


def test_pressed_the_message_that_was_kept_stays_and_so_does_its_double(edge):
    lost, kept = twice(edge)
    edge.slack.people.press(kept, "leadline:status", ALICE)

    assert there(edge) == [lost, kept]


def test_a_message_of_which_nothing_is_kept_yet_stays(edge):
    posted = SlackChat.connect(edge.settings, edge.time).post(Place(OPS), "card:2", CARD)
    edge.slack.people.press(posted, "leadline:status", ALICE)

    assert there(edge) == [posted]


def test_a_double_that_cannot_be_taken_away_keeps_nobody_from_pressing(edge):
    lost, kept = twice(edge)
    edge.slack.trouble("chat.delete", "internal_error")
    edge.slack.people.press(lost, "leadline:status", ALICE)

    assert there(edge) == [lost, kept]
    assert edge.texts() == ["status example/m1"]
