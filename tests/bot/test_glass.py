"""Breaking the glass, killed at any call: announced once, and nothing goes unannounced."""

from dataclasses import replace

import pytest

from bot.chat import Person, Place
from bot.commands.changing import Asked
from bot.commands.command import BreakGlass
from bot.commands.glass import GlassBreaker
from bot.errors import CommandError, NotFoundError
from bot.rollout.card import card
from bot.settings import SlackSettings
from bot.slack.client import SlackChat
from bot.speaker import Speaker
from bot.store import Proposal
from bot.store.redis import RedisStore
from gitops.github.reviews import GithubReviews
from gitops.reviews import TWO_PERSON
from sandbox.redis import serving_redis
from tests.adapters.test_forge_bench import Stage
from tests.bot.test_watch import Deaths, KilledError, Mortal
from tests.sandbox.test_slack_bench import OPS, TEAM, Slack

NAME = "qwen3-32b-sglang"
PROPOSAL = Proposal(
    "example", NAME, "default", "qwen3-32b", "m", "sglang 1", "s", "tp2", 2, "st", 1, "u", OPS,
    "1.1", "UALICE", two_person=True,
)  # fmt: skip
COMMAND = BreakGlass(NAME, "the site is down", "example")
ASKED = Asked("k", Person("UEVE", TEAM.id), Place(OPS))


class Bench:
    """GitHub, Slack and Redis, all over sockets."""

    def __init__(self, stage, slack, store):
        self.stage, self.slack, self.store = stage, slack, store
        settings = SlackSettings("xoxb-leadline", "shh", f"{slack.workspace.base_url}/api/")
        self.chat = SlackChat.connect(settings, slack.time)
        root = self.chat.post(Place(OPS), "card", card(PROPOSAL, None, None))
        self.proposal = replace(PROPOSAL, card=root)
        store.propose(self.proposal)

    def breaker(self, deaths):
        chat, store, forge, reviews = (
            Mortal(port, deaths)
            for port in (
                self.chat, self.store, self.stage.forge(),
                GithubReviews.connect(self.stage.settings(), self.stage.clock),
            )
        )  # fmt: skip
        speaker = Speaker(chat, store, self.slack.time)
        return GlassBreaker(lambda: forge, lambda: reviews, store, speaker)

    def announced(self):
        found = [m for m in self.slack.workspace.messages(OPS) if "Break-glass" in m["text"]]
        return [m["text"] for m in found if m["thread_ts"] == self.proposal.card]

    def status(self):
        site = self.stage.github._site
        ours = [s for s in site.statuses[self.stage.head()] if s.context == TWO_PERSON]
        return ours[-1].description if ours else None


@pytest.fixture
def bench(tmp_path):
    with Stage(tmp_path).served() as stage, Slack().served() as slack, serving_redis() as url:
        stage.propose()
        yield Bench(stage, slack, RedisStore.connect(url))


@pytest.mark.parametrize("moments", [(), ("before",), ("after",), ("before", "after")])
def test_it_is_announced_once_and_holds_wherever_the_worker_dies(bench, moments):
    deaths = Deaths(*moments)
    runs = 0
    while True:
        runs += 1
        try:
            bench.breaker(deaths)(COMMAND, ASKED, asks=False)
        except KilledError:
            assert bench.status() is None or bench.announced()  # never unannounced
            continue
        break

    assert len(bench.announced()) == 1
    assert bench.status() == "break-glass by UEVE: the site is down"
    [kept] = bench.store.proposals()
    assert kept.glass == bench.stage.head()
    assert runs > 6 or not moments


def test_the_second_who_breaks_it_is_told_that_it_is_broken_and_the_first_ones_words_stay(bench):
    bench.breaker(Deaths())(COMMAND, ASKED, asks=False)
    second = Asked("k2", Person("UADA", TEAM.id), Place(OPS))

    with pytest.raises(CommandError, match="pull request #1 goes without a second person already"):
        bench.breaker(Deaths())(COMMAND, second, asks=False)

    assert len(bench.announced()) == 1
    assert bench.status() == "break-glass by UEVE: the site is down"


def test_what_needs_no_second_person_or_is_not_open_is_refused(bench):
    with pytest.raises(NotFoundError, match="nothing is proposed for example/other"):
        bench.breaker(Deaths())(replace(COMMAND, name="other"), ASKED, asks=True)
    bench.stage.github.close(1, "bob")
    with pytest.raises(CommandError, match="pull request #1 is closed, not open"):
        bench.breaker(Deaths())(COMMAND, ASKED, asks=False)
    bench.store.propose(replace(bench.proposal, two_person=False))
    with pytest.raises(CommandError, match="needs no second person"):
        bench.breaker(Deaths())(COMMAND, ASKED, asks=False)

    assert (bench.announced(), bench.status()) == ([], None)


def test_what_was_proposed_before_the_environment_asked_is_let_go_too(bench):
    bench.store.propose(replace(bench.proposal, two_person=False))

    bench.breaker(Deaths())(COMMAND, ASKED, asks=True)

    assert bench.status() == "break-glass by UEVE: the site is down"
