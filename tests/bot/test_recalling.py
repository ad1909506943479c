"""Redis is lost: what is followed is rebuilt from main and pull requests, and adopted silently.

Main is this repository's own example environment, with its two deployments.
"""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cluster import Observation, Pod
from bot.desired import Desired
from bot.errors import StaleError
from bot.notice import Applied, NotApplied, Progress, Recovered, Restarted, Serving
from bot.rollout.advance import observe, prove, unproved, wait
from bot.rollout.card import card
from bot.rollout.recalling import Recalling, keep, lost, rebuild
from bot.rollout.reviewing import Looked, review
from bot.store.locks import RedisLocks
from bot.store.redis import RedisStore
from gitops.errors import ForgeUnavailableError
from gitops.forge import PullRequest, Review, Revision
from gitops.pull_request import Metadata, Thread
from gitops.reviews import Check, Given, State, Verdict
from gitops.roles import NOBODY
from gitops.workspace import WorkingCopy
from sandbox.redis import serving_redis

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
COPY = WorkingCopy(Path(__file__).parents[2])
NAME, OTHER = "qwen3-32b-sglang", "qwen3-32b-vllm"
THREAD = Thread("https://slack.example/1", "C0CARDS", "1700000000.000100")
SAID = Metadata(NAME, "example", "other", "key", "slack:U0ALICE", THREAD)
MERGED = PullRequest(
    7, "u7", Review.MERGED, "bob", head="h", merge_commit="abc", metadata=SAID
)  # fmt: skip


def desired(commit="c1", copy=COPY):
    return Desired(Revision(commit, "t"), NOW, copy, NOBODY, None)


FOUND = lost(desired(), ("example", NAME))


def said(**fields):
    values = {name: getattr(SAID, name) for name in SAID.__struct_fields__} | fields
    return replace(MERGED, metadata=Metadata(**values))


def rebuilt(pull=MERGED, given=(), checks=()):
    return rebuild(FOUND, Looked(pull, given, checks), NOW)


# From main and a pull request to a proposal and a rollout.


def test_a_merged_deployment_is_rebuilt_with_all_its_fields():
    made, d = rebuilt(), FOUND.deployment

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
    assert proposal.fit == FOUND.fit
    assert FOUND.fit.startswith(("tight: ", "fits: "))
    overlay = COPY.files(d.folder)[f"{d.folder}/leaderworkerset.yaml"]
    assert proposal.state in overlay
    assert (rollout.review, rollout.merge, rollout.merged_at) == ("merged", "abc", NOW.isoformat())
    assert (rollout.applied, rollout.recalled) == (proposal.state, True)


@pytest.mark.parametrize(
    ("where", "state", "wanted", "removal"),
    [
        (Review.MERGED, "s2", FOUND.state, False),  # main may have moved on since
        (Review.OPEN, "s2", "s2", False),
        (Review.OPEN, "removed", "removed", True),
        (Review.CLOSED, "s2", "s2", False),
    ],
)
def test_the_proposed_state_is_mains_once_merged_and_the_pull_requests_before(
    where, state, wanted, removal
):
    made = rebuilt(replace(said(state=state), review=where))

    assert (made.proposal.state, made.proposal.removal) == (wanted, removal)
    assert made.rollout.applied == FOUND.state  # what main wants runs meanwhile


def test_what_was_said_on_an_open_pull_request_is_not_said_again():
    pull = replace(MERGED, review=Review.OPEN, merge_commit="")
    given = (Given(3, "bob", Verdict.APPROVED, "fine", "h"),)
    checks = (Check("build", State.FAILURE),)
    rollout = rebuilt(pull, given, checks).rollout

    assert (rollout.reviews, rollout.failed, rollout.merged_at) == ((3,), ("build",), "")
    assert review(rollout, Looked(pull, given, checks), NOW).news == ()
    more = (*given, Given(4, "carol", Verdict.APPROVED, "", "h"))
    assert len(review(rollout, Looked(pull, more, checks), NOW).news) == 1


def test_a_close_is_not_told_again_and_a_reopening_is():
    closed = replace(MERGED, review=Review.CLOSED, merge_commit="")
    rollout = rebuilt(closed).rollout

    assert rollout.closes == 1
    assert review(rollout, Looked(closed), NOW).news == ()
    assert len(review(rollout, Looked(replace(closed, review=Review.OPEN)), NOW).news) == 1


@pytest.mark.parametrize(
    "pull",
    [
        replace(MERGED, metadata=None),
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


# One question a call, and none twice.


class Host:
    """A Git host that notes what it is asked."""

    def __init__(self, **pulls):
        self.pulls, self.asked, self.away = pulls, [], 0

    def newest(self, branch):
        self.asked.append(branch)
        if self.away:
            self.away -= 1
            raise ForgeUnavailableError("GitHub is away")
        pull = self.pulls.get(branch.rpartition("-")[2])
        return pull and Looked(pull)


KEYS = [f"llm/example/{NAME}", f"llm/example/{OTHER}"]


def test_each_deployment_is_asked_for_once_a_commit_and_one_a_call():
    host, recalling = Host(), Recalling()

    for _ in range(4):
        assert recalling.recall(desired(), (), host, NOW) is None
    assert host.asked == KEYS
    for _ in range(4):
        recalling.recall(desired("c2"), (), host, NOW)
    assert host.asked == KEYS * 2


def test_what_is_followed_is_not_asked_for():
    host = Host(sglang=MERGED)

    found = Recalling().recall(desired(), {f"example/{OTHER}"}, host, NOW)
    again = Recalling().recall(desired(), {f"example/{n}" for n in (NAME, OTHER)}, host, NOW)

    assert found.proposal.name == NAME
    assert (again, host.asked) == (None, KEYS[:1])


def test_a_question_that_failed_is_asked_again_after_the_others():
    host, recalling = Host(sglang=MERGED), Recalling()
    host.away = 1

    with pytest.raises(ForgeUnavailableError):
        recalling.recall(desired(), (), host, NOW)
    assert recalling.recall(desired(), (), host, NOW) is None
    assert recalling.recall(desired(), (), host, NOW).proposal.name == NAME
    assert host.asked == [*KEYS, KEYS[0]]


# Written down: never over a worker's proposal, never after another watcher.


@pytest.fixture
def redis():
    with serving_redis() as url:
        yield url


def test_a_proposal_that_a_worker_wrote_meanwhile_stays(redis):
    store, made = RedisStore.connect(redis), rebuilt()
    newer = replace(made.proposal, pull_number=8)
    store.propose(newer)

    assert keep(made, store, None) is False
    assert list(store.proposals()) == [newer]
    assert store.rollout(newer.key) is None


def test_a_watcher_whose_lead_went_with_redis_writes_nothing(redis):
    store, made = RedisStore.connect(redis), rebuilt()
    fence = RedisLocks.connect(redis).acquire("role:watch", "w1", 15)
    assert keep(made, store, fence)
    store._redis.flushall()

    with pytest.raises(StaleError):
        keep(made, store, fence)

    assert list(store.proposals()) == []
    assert store.rollout(made.proposal.key) is None


# The first look at the cluster is adopted; what comes later is told.


def pod(group, index, uid="", **fields):
    values = {"revision": "r1", "state": "ready", "ready": True, "deleting": False, "failure": ""}
    name = f"m-{group}" + (f"-{index}" if index else "")
    return Pod(name=name, uid=uid or name, group=group, index=index, **values | fields)


def loading(group, index, uid="", **fields):
    return pod(group, index, uid, state="loading", ready=False, **fields)


def seen(*pods, **fields):
    values = {"uid": "lws1", "state": FOUND.state, "replicas": 2, "size": 2, "current": True}
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
    assert (rollout.uid, rollout.applied, rollout.served) == ("lws1", FOUND.state, True)
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
    made = rebuilt(replace(said(state="s2"), review=Review.OPEN))
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
