"""The card: what main wants and what runs, and beside it what a pull request would change."""

import datetime as dt
from dataclasses import replace

import pytest

from bot.cluster import Observation, Pod
from bot.rollout.advance import observe, prove
from bot.rollout.card import card, same
from bot.rollout.ground import Ground
from bot.rollout.reviewing import anew
from bot.store import Proposal, Rollout
from bot.store.proposing import Outline

PROPOSAL = Proposal(
    "dev", "m", "ml", "qwen3-8b", "qwen3-8b", "vllm 0.33.0", "1×(2×1 GPU)", "TP 2", 2, "s2", 12,
    "u", "C1", "1.1", "U1", fit="fits: 8 GB",
)  # fmt: skip
MAIN = Outline("qwen3-32b", "sglang 0.5.5", "2×(2×1 GPU)", "TP 2", 4, "tight: 1 GB")
PODS = tuple(
    Pod("m-0", f"p{index}", 0, index, "r1", "ready", ready=True, deleting=False, failure="")
    for index in range(2)
)
SEEN = Observation("ml", "m", "lws1", "s1", 1, 2, current=True, pods=PODS)


def running(**pull):
    """Return what is known of a deployment whose state s1 serves, with another pull request."""
    old = replace(PROPOSAL, state="s1", pull_number=11)
    rollout = observe(Rollout(11, review="merged"), old, SEEN).rollout
    served = prove(rollout, SEEN, 0, "p0", 0.4).rollout
    return replace(anew(served, 12), **pull)


def facts(shown):
    return Outline(shown.model, shown.engine, shown.shape, shown.parallel, shown.gpus, shown.fit)


SAME_MODEL = {"model": MAIN.model, "engine": MAIN.engine, "fit": MAIN.fit}


@pytest.mark.parametrize(
    ("change", "pull"),
    [
        ({}, "open, proposes qwen3-8b · vllm 0.33.0 · 1×(2×1 GPU) · 2 GPUs · fits: 8 GB"),
        (SAME_MODEL, "open, proposes 1×(2×1 GPU) · 2 GPUs"),
        (SAME_MODEL | {"shape": MAIN.shape, "gpus": 4, "parallel": "TP 4"}, "open, proposes TP 4"),
        (SAME_MODEL | {"shape": MAIN.shape, "gpus": 4}, "open, proposes other settings"),
        ({"removal": True, "state": "removed"}, "open, proposes its removal"),
    ],
)  # fmt: skip
def test_what_is_proposed_stands_beside_what_runs(change, pull):
    shown = card(replace(PROPOSAL, **change), running(), SEEN, main=MAIN)

    assert facts(shown) == MAIN
    assert shown.phase == "serving · 1/1 groups proved"
    assert shown.pull == pull


def test_after_a_close_nothing_is_left_of_what_was_proposed():
    shown = card(PROPOSAL, running(review="closed"), SEEN, main=MAIN)

    assert (facts(shown), shown.pull) == (MAIN, "closed")
    assert shown.phase == "serving · 1/1 groups proved"


def test_of_a_deployment_that_main_does_not_have_the_proposal_is_shown():
    for review_, phase in (("open", "pull request open"), ("closed", "closed without a merge")):
        shown = card(PROPOSAL, Rollout(12, review=review_), None)

        assert shown.model == "qwen3-8b"
        assert (shown.pull, shown.phase) == (review_, phase)


SERVES = "serving · 1/1 groups proved"


@pytest.mark.parametrize(
    ("pull", "state", "phase"),
    [
        ({"review": "open"}, "s2", SERVES),
        ({"review": "merged"}, "s2",
         f"{SERVES}, the earlier state; #12 merged, waiting for the cluster"),
        ({"review": "merged", "late": "silence"}, "s2",
         f"{SERVES}, the earlier state; #12 merged, not applied"),
        ({"review": "merged"}, "removed",
         f"{SERVES}, the earlier state; #12 merged, waiting for the cluster"),
        ({"review": "merged"}, "s1", SERVES),
        ({"missing": True}, "s2", "gone from the cluster"),
    ],
)  # fmt: skip
def test_what_runs_is_told_and_so_is_what_waits(pull, state, phase):
    proposal = replace(PROPOSAL, state=state, removal=state == "removed")

    assert card(proposal, running(**pull), SEEN, main=MAIN).phase == phase


WAITS = "waiting for the cluster"


@pytest.mark.parametrize(
    ("pull", "main", "phase"),
    [
        ({"review": "open"}, "s1", SERVES),
        ({"review": "open"}, "s9", f"{SERVES}, the earlier state; main has another, {WAITS}"),
        ({"review": "closed", "late": "denied"}, "s9",
         f"{SERVES}, the earlier state; main has another, not applied"),
        ({"review": "merged"}, "s2", f"{SERVES}, the earlier state; #12 merged, {WAITS}"),
        ({"review": "merged"}, "s1", SERVES),  # taken back by hand
        ({"review": "merged"}, "s9", f"{SERVES}, the earlier state; main has another, {WAITS}"),
        ({"review": "open"}, "", SERVES),  # its folder is gone, by hand
    ],
)  # fmt: skip
def test_what_main_wants_is_what_is_waited_for(pull, main, phase):
    assert card(PROPOSAL, running(**pull), SEEN, main=MAIN, state=main).phase == phase


def test_what_was_removed_is_proposed_again_like_anything_new():
    gone = replace(Rollout(12, review="merged"), removed=True)
    assert card(replace(PROPOSAL, removal=True), gone, None).phase == "removed"

    again = anew(gone, 13)

    assert card(replace(PROPOSAL, pull_number=13), again, None).phase == "pull request open"


def test_another_time_to_first_token_alone_is_no_reason_to_edit():
    first = card(PROPOSAL, running(), SEEN, main=MAIN)
    later = running()
    later = replace(later, groups={0: replace(later.groups[0], proved=0.7)})
    lost = replace(later, groups={0: replace(later.groups[0], proved=None)})

    assert same(card(PROPOSAL, later, SEEN, main=MAIN), first)
    assert not same(card(PROPOSAL, lost, SEEN, main=MAIN), first)
    assert not same(card(PROPOSAL, later, SEEN, "denied", MAIN), first)


def test_main_counts_from_when_it_was_read_after_a_merge():
    now = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
    ground = Ground("c", now, outlines={"dev/m": MAIN}, states={"dev/m": "s1"})

    assert ground.outline("dev/m", "") == MAIN
    assert ground.outline("dev/m", now.isoformat()) == MAIN
    assert ground.outline("dev/m", now.replace(year=now.year + 1).isoformat()) is None
    assert ground.outline("dev/other", "") is None
    assert ground.state("dev/m", "") == ground.state("dev/m", now.isoformat()) == "s1"
    assert ground.state("dev/m", now.replace(year=now.year + 1).isoformat()) is None
    assert ground.state("dev/other", "") == ""
