"""What main wants is followed, whichever pull request is the newest, and a removal is told."""

from dataclasses import replace

import pytest

from bot.notice import Applied, Missing, NotApplied, Removed, Serving
from bot.rollout.advance import expect, observe, prove, unproved, wait
from bot.rollout.card import phase
from bot.rollout.reviewing import Looked, anew, review
from bot.rollout.step import Step
from bot.store import Rollout
from gitops.forge import PullRequest, Review
from tests.bot.test_advance import MERGED, NAME, NOW, PROPOSAL, READY, after, notices, pod, serving

NEWER = replace(PROPOSAL, state="s2", pull_number=8)
REMOVAL = replace(PROPOSAL, state="removed", removal=True, pull_number=8)
GONE = replace(READY, uid="", state="", replicas=0, pods=(), deleted=True)
FIRST = replace(MERGED, merged_at=NOW.isoformat())


def look(rollout, stands, number=8):
    return review(rollout, Looked(PullRequest(number, "u", stands)), NOW).rollout


@pytest.mark.parametrize("read", [True, False], ids=["merge read", "merge not read"])
@pytest.mark.parametrize(
    ("stands", "before"), [("open", "pull request open"), ("closed", "closed without a merge")]
)
def test_a_merged_change_is_followed_after_the_next_pull_request_was_opened(read, stands, before):
    rollout = look(anew(FIRST if read else Rollout(7), 8), Review(stands))
    assert phase(NEWER, rollout, None, "") == before
    assert phase(NEWER, rollout, None, "s1") == "on main, waiting for the cluster"

    step = observe(rollout, NEWER, READY, "s1")

    assert notices(step) == [Applied(NAME, "s1")]
    assert [leader.uid for leader in unproved(step.rollout, READY)] == ["a"]
    served = prove(step.rollout, READY, 0, "a", 0.4)
    assert notices(served) == [Serving(NAME, 1, 0.4)]
    assert phase(NEWER, served.rollout, READY, "s1") == "serving · 1/1 groups proved"


@pytest.mark.parametrize("rollout", [Rollout(7), FIRST, serving(), replace(serving(), uid="old")])
@pytest.mark.parametrize("main", [None, "", "s9"])
def test_what_neither_main_nor_a_merge_wants_is_not_ours(rollout, main):
    step = observe(rollout, PROPOSAL, replace(READY, state="s3"), main)

    assert step.news == ()
    assert unproved(step.rollout, replace(READY, state="s3")) == []


def test_what_failed_of_an_earlier_merge_is_told_once_beside_the_next_pull_request():
    told = wait(FIRST, PROPOSAL, after(1), "denied", "s1")
    assert notices(told) == [NotApplied(NAME, 1, "denied")]
    rollout = look(anew(told.rollout, 8), Review.OPEN)

    assert wait(rollout, NEWER, after(2), "denied", "s1").news == ()
    other = wait(rollout, NEWER, after(3), "no quota", "s1")
    assert notices(other) == [NotApplied(NAME, 3, "no quota")]
    assert phase(NEWER, other.rollout, None, "s1") == "on main, not applied"
    merged = look(other.rollout, Review.MERGED)
    late = wait(merged, NEWER, after(2), "no quota", "s2")
    assert notices(late) == [NotApplied(NAME, 2, "no quota")]  # of another change


def test_silence_counts_from_when_main_was_seen_to_want_it():
    rollout = look(anew(Rollout(7), 8), Review.OPEN)
    known = expect(rollout, NEWER, after(5), "s1")

    assert expect(known, NEWER, after(9), "s1") == known
    assert expect(known, NEWER, after(9), None) == known  # main is not known just now
    assert wait(known, NEWER, after(14.9), main="s1").news == ()
    assert notices(wait(known, NEWER, after(15), main="s1")) == [NotApplied(NAME, 10)]
    assert expect(known, NEWER, after(9), "").awaits == ""


def test_the_same_failure_is_told_again_after_another():
    rollout, keys = FIRST, set()
    for said in ("denied", "no quota", "denied"):
        step = wait(rollout, PROPOSAL, after(1), said, "s1")
        rollout, keys = step.rollout, keys | {news.key for news in step.news}

    assert len(keys) == 3


def test_a_change_of_main_by_hand_and_back_and_forth_is_followed_each_time():
    rollout, keys = replace(serving(), merged_at=NOW.isoformat()), set()
    for state, uid in (("by hand", "c"), ("s1", "e"), ("by hand", "g")):
        seen = replace(READY, state=state, pods=(pod(0, 0, uid), pod(0, 1, "w")))
        waits = wait(rollout, PROPOSAL, after(60), main=state)
        waiting = phase(PROPOSAL, waits.rollout, replace(READY, state=rollout.applied), state)
        assert "the earlier state; " in waiting
        steps = [observe(waits.rollout, PROPOSAL, seen, state)]
        steps.append(prove(steps[-1].rollout, seen, 0, uid, 0.4))
        rollout = steps[-1].rollout
        assert Applied(NAME, state) in notices(steps[0])
        assert notices(steps[1])[-1:] == [Serving(NAME, 1, 0.4)]
        assert phase(PROPOSAL, rollout, seen, state) == "serving · 1/1 groups proved"
        assert wait(rollout, PROPOSAL, after(99), main=state).news == ()
        fresh = {news.key for step in steps for news in step.news}
        assert not fresh & keys
        keys |= fresh


@pytest.mark.parametrize("stands", [Review.OPEN, Review.CLOSED])
def test_a_set_made_anew_beside_a_newer_pull_request_is_followed(stands):
    rollout = look(anew(serving(), 8), stands)
    gone = observe(rollout, NEWER, GONE, "s1")
    assert notices(gone) == [Missing(NAME)]
    late = wait(wait(gone.rollout, NEWER, NOW, main="s1").rollout, NEWER, after(60), main="s1")
    assert late.news == ()  # that it is gone was told

    back = observe(late.rollout, NEWER, replace(READY, uid="lws2"), "s1")

    assert notices(back) == [Applied(NAME, "s1")]
    assert not back.rollout.missing


def test_a_set_that_went_while_main_is_not_known_is_told_as_that_alone():
    gone = observe(look(anew(serving(), 8), Review.OPEN), NEWER, GONE)

    assert notices(gone) == [Missing(NAME)]
    assert wait(gone.rollout, NEWER, after(60), "denied") == Step(gone.rollout)


def test_a_change_merged_after_a_set_went_is_awaited_like_any():
    gone = observe(replace(serving(), merged_at=NOW.isoformat()), PROPOSAL, GONE).rollout
    assert wait(gone, PROPOSAL, after(60)).news == ()

    merged = look(anew(gone, 8), Review.MERGED)

    assert notices(wait(merged, NEWER, after(10))) == [NotApplied(NAME, 10)]


def test_what_was_recalled_before_the_cluster_had_it_is_followed_beside_an_open_pull_request():
    recalled = Rollout(8, applied="s1", recalled=True)
    rollout = observe(recalled, NEWER, replace(READY, state="older"), "s1").rollout

    assert notices(observe(rollout, NEWER, READY, "s1")) == [Applied(NAME, "s1")]


@pytest.mark.parametrize("first", [serving(), Rollout(7), Rollout(7, missing=True)])
def test_a_removal_is_told_however_the_set_went(first):
    open_ = look(anew(first, 8), Review.OPEN)
    gone = observe(open_, REMOVAL, GONE, "s1")  # before the merge is read
    assert gone.news == ()

    merged = look(gone.rollout, Review.MERGED)
    step = observe(merged, REMOVAL, GONE)

    assert notices(step) == [Removed(NAME)]
    assert phase(REMOVAL, step.rollout, GONE) == "removed"
    assert observe(step.rollout, REMOVAL, GONE).news == ()
    assert wait(step.rollout, REMOVAL, after(60), main="").news == ()


def test_a_set_that_went_beside_a_removal_that_is_closed_is_missing():
    gone = observe(look(anew(serving(), 8), Review.OPEN), REMOVAL, GONE)
    assert phase(REMOVAL, gone.rollout, GONE, "s1") == "gone from the cluster"
    back = observe(gone.rollout, REMOVAL, READY, "s1").rollout
    assert phase(REMOVAL, back, READY, "s1") == "serving · 1/1 groups proved"

    closed = look(gone.rollout, Review.CLOSED)

    assert notices(observe(closed, REMOVAL, GONE)) == [Missing(NAME)]


def test_what_main_has_again_after_its_removal_is_not_removed():
    merged = look(anew(serving(), 8), Review.MERGED)

    assert notices(observe(merged, REMOVAL, GONE, "s1")) == [Missing(NAME)]
