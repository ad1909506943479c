"""Redis is lost: what is followed is rebuilt from main and pull requests, and adopted silently.

Main is this repository's own example environment, with its two deployments.
"""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bot.cluster import Observation, Pod
from bot.desired import Desired
from bot.notice import Applied, Merged, NotApplied, Progress, Recovered, Restarted, Serving
from bot.rollout.advance import observe, prove, unproved, wait
from bot.rollout.card import card
from bot.rollout.looks import Looks
from bot.rollout.recalling import RELIST, RETRY, Lost, Recalling, Strays, Traced, name_of, rebuild
from bot.rollout.reviewing import Looked, review
from gitops.clock import SystemClock
from gitops.errors import ForgeUnavailableError, InvalidRequestError
from gitops.forge import PullRequest, Review, Revision
from gitops.overlay import read, render, state_of
from gitops.pull_request import Metadata, Thread
from gitops.reviews import Check, Given, State, Verdict
from gitops.roles import NOBODY
from gitops.workspace import WorkingCopy

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
COPY = WorkingCopy(Path(__file__).parents[2])
NAME, OTHER = "qwen3-32b-sglang", "qwen3-32b-vllm"
THREAD = Thread("https://slack.example/1", "C0CARDS", "1700000000.000100")
SAID = Metadata(NAME, "example", "other", "key", "slack:U0ALICE", THREAD)
MERGED = PullRequest(
    7, "u7", Review.MERGED, "bob", branch=f"llm/example/{NAME}", head="h", merge_commit="abc",
    metadata=SAID,
)  # fmt: skip
LOST = Lost("example", NAME, "c1")
FILES = COPY.files(LOST.folder)
ON_MAIN = COPY.deployment(NAME, "example")
STATE = state_of(ON_MAIN, FILES)
ASKED = "Requested-by"


def desired(commit="c1", copy=COPY):
    return Desired(Revision(commit, "t"), NOW, copy, NOBODY, None)


def said(**fields):
    values = {name: getattr(SAID, name) for name in SAID.__struct_fields__} | fields
    return replace(MERGED, metadata=Metadata(**values))


def opened(pull=MERGED):
    return replace(pull, review=Review.OPEN, merged_by="", merge_commit="")


def rebuilt(pull=MERGED, given=(), checks=(), *, trailers=(), files=None, taken=()):
    traced = Traced(LOST, Looked(pull, given, checks), trailers, files or {})
    return rebuild(desired(), traced, taken, NOW)


# From main and a pull request to a proposal and a rollout.


def test_a_merged_deployment_is_rebuilt_with_all_its_fields():
    made, d = rebuilt(), ON_MAIN

    proposal, rollout = made.proposal, made.rollout
    assert (proposal.key, proposal.namespace, proposal.model) == (
        f"example/{NAME}", d.namespace, "qwen3-32b",
    )  # fmt: skip
    assert proposal.engine == f"sglang {d.engine_version}"
    assert (proposal.shape, proposal.parallel, proposal.gpus) == (d.shape, str(d.parallel), d.gpus)
    assert proposal.served_model_name == d.served_model_name
    assert (proposal.pull_number, proposal.pull_url) == (7, "u7")
    assert (proposal.channel, proposal.card) == (THREAD.channel, THREAD.ts)
    assert (proposal.requested_by, proposal.removal) == ("U0ALICE", False)
    assert proposal.fit.startswith(("tight: ", "fits: "))
    assert proposal.state in FILES[f"{d.folder}/leaderworkerset.yaml"]
    assert (rollout.review, rollout.merge, rollout.merged_at) == ("merged", "abc", NOW.isoformat())
    assert (rollout.applied, rollout.recalled) == (proposal.state, True)


@pytest.mark.parametrize(
    ("where", "trailers", "wanted", "removal"),
    [
        (Review.MERGED, [{"Desired-State": "s3"}], STATE, False),  # main may have moved on since
        (Review.OPEN, [], "s2", False),
        (Review.OPEN, [{"Desired-State": "s1"}, {"Desired-State": "s3"}], "s3", False),
        (Review.OPEN, [{"Desired-State": "removed"}], "removed", True),
        (Review.CLOSED, [{"Desired-State": "s3"}], "s3", False),
    ],
)
def test_the_proposed_state_is_mains_once_merged_and_that_of_our_commits_before(
    where, trailers, wanted, removal
):
    ours = [{ASKED: "slack:U0BOB", **each} for each in trailers]
    made = rebuilt(replace(said(state="s2"), review=where), trailers=ours)

    assert (made.proposal.state, made.proposal.removal) == (wanted, removal)
    assert made.rollout.applied == STATE  # what main wants runs meanwhile


def changed(name=NAME, replicas=3):
    """Return the files of an open pull request that changes a deployment, or makes another."""
    text = FILES[f"{LOST.folder}/llm.yaml"].replace(f"name: {NAME}", f"name: {name}")
    made = msgspec.structs.replace(read(text, "llm.yaml"), replicas=replicas)
    return made, render(made).all_files


def test_an_open_one_shows_what_stands_at_its_head():
    deployment, files = changed()
    made = rebuilt(opened(said(state="s3")), files=files)

    assert made.proposal.gpus == deployment.gpus != ON_MAIN.gpus
    assert made.proposal.state == state_of(deployment, files) != STATE
    assert made.rollout.applied == STATE


def test_what_was_said_on_an_open_pull_request_is_not_said_again():
    pull = opened()
    given = (Given(3, "bob", Verdict.APPROVED, "fine", "h", NOW),)
    checks = (Check("build", State.FAILURE),)
    rollout = rebuilt(pull, given, checks).rollout

    assert (rollout.reviews, rollout.failed, rollout.merged_at) == ((3,), ("build",), "")
    assert review(rollout, Looked(pull, given, checks), NOW).news == ()
    more = (*given, Given(4, "carol", Verdict.APPROVED, "", "h", NOW))
    assert len(review(rollout, Looked(pull, more, checks), NOW).news) == 1


def test_a_close_is_not_told_again_and_a_reopening_is():
    closed = replace(MERGED, review=Review.CLOSED, merge_commit="")
    rollout = rebuilt(closed).rollout

    assert rollout.closes == 1
    assert review(rollout, Looked(closed), NOW).news == ()
    assert len(review(rollout, Looked(replace(closed, review=Review.OPEN)), NOW).news) == 1


@pytest.mark.parametrize(
    ("trailers", "holder", "requesters"),
    [
        ([], "U0ALICE", ("U0ALICE",)),  # no commit of ours is left: what the text says
        ([{ASKED: "slack:U0BOB"}], "U0BOB", ("U0BOB",)),
        ([{ASKED: "slack:U0BOB"}, {ASKED: "slack:U0EVE"}], "U0EVE", ("U0BOB", "U0EVE")),
    ],
)
def test_who_asked_is_read_from_our_commits_rather_than_from_the_text(trailers, holder, requesters):
    made = rebuilt(opened(), trailers=trailers)

    assert (made.proposal.requested_by, made.rollout.requesters) == (holder, requesters)


@pytest.mark.parametrize(
    "pull",
    [
        replace(MERGED, metadata=None),
        replace(MERGED, branch=f"llm/example/{OTHER}"),
        replace(MERGED, branch="notes"),
        said(thread=None),
        said(thread=Thread("link")),
        said(thread=Thread("link", "general", "1.1")),
        said(thread=Thread("link", "C1", "<!channel>")),
        said(thread=Thread("link", "C1\n", "1.1")),
        said(name=OTHER),
        said(environment="prod"),
        said(requester=""),
        said(requester="github:bob"),
        said(requester="slack:<!channel>"),
    ],
)
def test_a_body_that_does_not_lead_back_soundly_leads_nowhere(pull):
    assert rebuilt(pull) is None


def test_the_card_of_another_deployment_is_not_taken_over():
    card_of_another = (THREAD.channel, THREAD.ts)

    assert rebuilt(taken={card_of_another}) is None
    assert rebuilt(taken={("C1", THREAD.ts)}) is not None


def test_a_commit_of_ours_that_names_nobody_of_slack_leads_nowhere():
    assert rebuilt(trailers=[{ASKED: "alice@terminal"}]) is None


# An open pull request of a deployment that main does not hold yet.

NEW = Lost("example", "new", "c1")
NEW_PULL = replace(
    opened(said(name="new")), branch="llm/example/new"
)  # fmt: skip


def rebuilt_new(pull=NEW_PULL, lost=NEW, files=None):
    shown = changed("new")[1] if files is None else files
    return rebuild(desired(), Traced(lost, Looked(pull), [{ASKED: "slack:U0BOB"}], shown), (), NOW)


def test_a_deployment_that_is_not_on_main_yet_is_rebuilt_from_its_files_and_told_from_there():
    made = rebuilt_new()
    deployment, files = changed("new")

    proposal, rollout = made.proposal, made.rollout
    assert (proposal.key, proposal.gpus) == ("example/new", deployment.gpus)
    assert proposal.state == state_of(deployment, files)
    assert (proposal.channel, proposal.card) == (THREAD.channel, THREAD.ts)
    assert (proposal.requested_by, proposal.fit == "") == ("U0BOB", False)
    assert (rollout.review, rollout.applied, rollout.recalled) == ("open", "", False)
    assert card(proposal, rollout, None).phase == "pull request open"
    merged = replace(NEW_PULL, review=Review.MERGED, merged_by="bob")
    step = review(rollout, Looked(merged), NOW)
    assert [news.notice for news in step.news] == [Merged(7, "bob")]
    running = replace(READY, name="new", state=proposal.state)
    assert tell(step.rollout, shows(running, proposal))[1][0] is Applied


@pytest.mark.parametrize(
    ("pull", "files"),
    [
        (replace(NEW_PULL, review=Review.MERGED), {}),  # main is about to hold it
        (replace(NEW_PULL, review=Review.CLOSED), {}),
        (NEW_PULL, {}),
        (NEW_PULL, {"overlays/example/new/custom/x.yaml": "x: 1"}),
        (replace(NEW_PULL, branch="llm/example/other"), None),
        (replace(NEW_PULL, metadata=None), None),
    ],
)
def test_what_has_neither_files_nor_a_place_on_main_leads_nowhere(pull, files):
    assert rebuilt_new(pull, files=files) is None


@pytest.mark.parametrize(
    "files",
    [
        {"overlays/example/new/llm.yaml": FILES[f"{LOST.folder}/llm.yaml"]},  # says it is another
        {"overlays/example/new/llm.yaml": "model: [\n"},
    ],
)
def test_files_that_make_no_sense_are_refused(files):
    with pytest.raises(InvalidRequestError, match=r"overlays/example/new/llm\.yaml"):
        rebuilt_new(files=files)


def test_an_environment_that_main_does_not_have_is_refused():
    _, files = changed("new")
    files = {
        path.replace("/example/", "/lab/"): text.replace("environment: example", "environment: lab")
        for path, text in files.items()
    }
    pull = replace(said(name="new", environment="lab"), review=Review.OPEN, branch="llm/lab/new")

    with pytest.raises(InvalidRequestError, match="environment lab: has no environment"):
        rebuilt_new(pull, Lost("lab", "new", "c1"), files)


def test_a_pull_request_is_about_a_deployment_where_branch_and_text_agree():
    assert name_of(MERGED) == ("example", NAME)
    assert name_of(replace(MERGED, branch="notes")) is None
    assert name_of(replace(MERGED, metadata=None)) is None


# One question a tick, and none twice.


class Host:
    """A Git host that notes what it is asked."""

    def __init__(self, strays=(), **pulls):
        self.open, self.pulls, self.asked, self.away = strays, pulls, [], 0

    def _answer(self, what):
        self.asked.append(what)
        if self.away:
            self.away -= 1
            raise ForgeUnavailableError("GitHub is away")

    def strays(self):
        self._answer("list")
        return Strays(self.open)

    def trace(self, lost):
        self._answer(lost.name)
        pull = self.pulls.get(lost.name.rpartition("-")[2])
        return Traced(lost, pull and Looked(pull))


class Ticks:
    """Looks over a host, a tick after the other."""

    def __init__(self, host):
        self.host, self.looks, self.now = host, Looks(host, SystemClock()), NOW

    def tick(self, known=(), commit="c1"):
        """Return what is found in one tick."""
        self.looks.ask_for_lost(desired(commit), known, self.now)
        reader = self.looks.reader
        events = [reader.step() for _ in range(len(reader._waiting))]
        found = [self.looks.recall(event, desired, (), self.now) for event in events if event]
        return [each for each in found if each]


NAMES = [NAME, OTHER]


def test_each_deployment_is_asked_for_once_a_commit_and_one_a_tick():
    ticks = Ticks(host := Host())

    for _ in range(4):
        assert ticks.tick() == []
    assert host.asked == ["list", *NAMES]
    for _ in range(4):
        ticks.tick(commit="c2")
    assert host.asked == ["list", *NAMES * 2]


def test_what_is_followed_is_not_asked_for():
    ticks = Ticks(host := Host(sglang=MERGED))

    [found] = ticks.tick({f"example/{OTHER}"})
    again = ticks.tick({f"example/{n}" for n in NAMES})

    assert found.proposal.name == NAME
    assert (again, host.asked) == ([], ["list", NAME])


def test_what_led_back_and_was_not_kept_is_asked_for_again():
    ticks = Ticks(host := Host(sglang=MERGED))

    found = [each for _ in range(3) for each in ticks.tick({f"example/{OTHER}"})]

    assert [each.proposal.name for each in found] == [NAME] * 3
    assert host.asked == ["list", *[NAME] * 3]


def test_a_question_that_failed_is_asked_again_after_the_others():
    ticks = Ticks(host := Host(sglang=MERGED))
    host.away = 2

    assert [ticks.tick() for _ in range(2)] == [[], []]
    assert [each.proposal.name for each in ticks.tick()] == [NAME]
    assert host.asked == ["list", *NAMES, NAME]


def test_what_makes_no_sense_is_not_asked_for_again_before_main_moves_on():
    ticks = Ticks(host := Host([("lab", "new-x")], x=replace(NEW_PULL, branch="llm/lab/new-x")))
    known = {f"example/{n}" for n in NAMES}

    for _ in range(3):
        assert ticks.tick(known) == []
    assert host.asked == ["list", "new-x"]


def test_open_pull_requests_are_listed_at_once_and_then_now_and_then():
    ticks = Ticks(host := Host([("example", "one"), ("example", "two")]))
    known = {*(f"example/{n}" for n in NAMES), "example/two"}
    host.away = 1

    ticks.tick(known)
    ticks.tick(known)
    assert host.asked == ["list"]
    ticks.now += RETRY
    for _ in range(3):
        ticks.tick(known)
    assert host.asked == ["list", "list", "one"]

    ticks.now += RELIST - dt.timedelta(seconds=1)
    ticks.tick(known)
    assert host.asked[3:] == []
    ticks.now += dt.timedelta(seconds=1)
    ticks.tick(known)
    assert host.asked[3:] == ["list"]


def test_a_deployment_that_main_holds_by_now_is_asked_for_once():
    recalling = Recalling()
    recalling.take(Strays([("example", NAME)]), NOW)

    names = [recalling.next(desired(), {f"example/{OTHER}"}) for _ in range(2)]

    assert [lost.name for lost in names] == [NAME] * 2


# The first look at the cluster is adopted; what comes later is told.


def pod(group, index, uid="", **fields):
    values = {"revision": "r1", "state": "ready", "ready": True, "deleting": False, "failure": ""}
    name = f"m-{group}" + (f"-{index}" if index else "")
    return Pod(name=name, uid=uid or name, group=group, index=index, **values | fields)


def loading(group, index, uid="", **fields):
    return pod(group, index, uid, state="loading", ready=False, **fields)


def seen(*pods, **fields):
    values = {"uid": "lws1", "state": STATE, "replicas": 2, "size": 2, "current": True}
    return Observation("default", NAME, pods=pods, **values | fields)


ONE, TWO = (pod(0, 0), pod(0, 1)), (pod(1, 0), pod(1, 1))
READY = seen(*ONE, *TWO)
PROPOSAL = rebuilt().proposal


def tell(rollout, *acts):
    """Return the rollout after acts of the cluster, and what was told of them."""
    told = []
    for act in acts:
        step = act(rollout)
        rollout = step.rollout
        told += [type(news.notice) for news in step.news]
    return rollout, told


def shows(observation, proposal=PROPOSAL):
    return lambda rollout: observe(rollout, proposal, observation)


def answers(group, leader, observation=READY):
    return lambda rollout: prove(rollout, observation, group, leader, 0.4)


def test_a_deployment_that_serves_is_followed_again_without_a_word():
    rollout, told = tell(rebuilt().rollout, shows(READY), shows(READY))
    assert [leader.uid for leader in unproved(rollout, READY)] == ["m-0", "m-1"]
    assert (rollout.uid, rollout.applied, rollout.served) == ("lws1", STATE, True)
    assert card(PROPOSAL, rollout, READY).phase == "asked again · 0/2 groups proved"

    rollout, more = tell(rollout, answers(0, "m-0"), answers(1, "m-1"), shows(READY))

    assert told + more == []
    assert not rollout.recalled
    assert card(PROPOSAL, rollout, READY).phase == "serving · 2/2 groups proved"


@pytest.mark.parametrize("proofs", [[], [answers(0, "m-0"), answers(1, "m-1")]])
def test_a_restart_after_it_is_told_and_so_is_the_recovery(proofs):
    anew = seen(*ONE, loading(1, 0, "n0"), loading(1, 1, "n1"))
    back = seen(*ONE, pod(1, 0, "n0"), pod(1, 1, "n1"))

    rollout, told = tell(rebuilt().rollout, shows(READY), *proofs)
    assert told == []
    _, told = tell(
        rollout, shows(anew), shows(back), answers(0, "m-0", back), answers(1, "n0", back)
    )

    assert told == [Restarted, Recovered]


def test_a_start_that_is_under_way_is_told_from_there_on():
    rest = (loading(0, 0), loading(0, 1), loading(1, 0), loading(1, 1))
    rollout, told = tell(rebuilt().rollout, shows(seen(*rest)), shows(seen(*rest)))
    assert (told, rollout.phase, rollout.served) == ([], "LOADING", False)

    joining = seen(loading(0, 0), pod(0, 1), loading(1, 0), pod(1, 1))
    _, told = tell(rollout, shows(joining), shows(READY), answers(0, "m-0"), answers(1, "m-1"))

    assert told[0] is Progress
    assert told[-1] is Serving


def test_an_older_state_is_adopted_and_what_main_wants_is_told_once_it_is_applied():
    rollout, told = tell(rebuilt().rollout, shows(replace(READY, state="older")))
    assert (told, rollout.applied, rollout.served) == ([], "", False)

    _, told = tell(rollout, shows(READY))

    assert told == [Applied]


def test_a_change_that_is_merged_after_it_is_told():
    made = rebuilt(opened(said(state="s2")))
    rollout, told = tell(made.rollout, shows(READY, made.proposal))
    assert (told, rollout.served) == ([], True)
    merged = review(rollout, Looked(MERGED), NOW).rollout

    rollout, told = tell(merged, shows(replace(READY, state="s2"), made.proposal))

    assert (told, rollout.recalled, rollout.served) == ([Applied], False, False)


def test_a_set_that_is_not_there_is_awaited_like_any_merge():
    rollout = rebuilt().rollout
    late = NOW + dt.timedelta(minutes=11)
    assert wait(rollout, PROPOSAL, late).news == ()  # the cluster has not been seen yet

    rollout, told = tell(
        rollout, shows(replace(READY, deleted=True)), lambda known: wait(known, PROPOSAL, late)
    )

    assert told == [NotApplied]
    assert tell(rollout, shows(READY))[1] == [Applied]
