"""What is done with a branch that stands, over every way it can stand."""

import dataclasses
import itertools

import msgspec
import pytest

from gitops.errors import ConflictError
from gitops.forge import PullRequest, Review
from gitops.github.decision import Commit, Standing, Step, decide
from gitops.pull_request import REQUESTER_TRAILER, STATE_TRAILER, TREE_TRAILER
from tests.adapters.test_forge_bench import written

WANTED = written()
YES_NO = (True, False)
EVERY_WAY = list(itertools.product((None, *Review), *[YES_NO] * 6))


def standing(way):
    """Return how a branch stands: pull request, ours, same, mine, moved, contained, others."""
    review, ours, same, mine, moved, contained, others = way
    who = "slack:UALICE" if mine else "slack:UBOB"
    state = WANTED.plan.state if same else "another"
    trailers = {STATE_TRAILER: state, REQUESTER_TRAILER: who, TREE_TRAILER: "t1"}
    head = Commit("c1", "t1" if ours else "t2", "bob", trailers)
    told = msgspec.structs.replace(WANTED.metadata, state=state, requester=who)
    pull = review and PullRequest(7, "https://git.example/7", review, head="c0", metadata=told)
    return Standing(head, contained, moved, moved, 0, int(others), pull or None)


def decided(found):
    try:
        return decide(WANTED, found)
    except ConflictError:
        return None


def test_no_way_of_standing_breaks_a_promise():
    for way in EVERY_WAY:
        review, ours, same, mine, moved, _, others = way
        step = decided(standing(way))

        if not ours:
            assert step in (None, Step.KEEP), f"a person's commit is written over: {way}"
        if review is Review.OPEN and not mine:
            assert step in (None, Step.KEEP), f"somebody else's is changed: {way}"
        if review is Review.OPEN and same and not mine:
            assert step is Step.KEEP, f"an identical request is refused: {way}"
        if review is Review.OPEN:
            assert step is not Step.RECREATE, f"an open pull request loses its branch: {way}"
        if step is Step.APPEND:
            assert not others, f"commits that are not ours are undone: {way}"
            assert not same or moved, f"a commit is added that changes nothing: {way}"


def test_every_refusal_says_what_to_do():
    refused = [standing(way) for way in EVERY_WAY if decided(standing(way)) is None]

    assert refused != []
    for found in refused:
        with pytest.raises(ConflictError, match="ask again"):
            decide(WANTED, found)


@pytest.mark.parametrize(
    ("way", "step"),
    [
        ((Review.OPEN, True, True, True, False, False, False), Step.KEEP),
        ((Review.OPEN, True, True, True, True, False, False), Step.APPEND),
        ((Review.OPEN, True, False, True, False, False, False), Step.APPEND),
        ((Review.OPEN, True, False, False, False, False, False), None),
        ((Review.OPEN, False, False, True, False, False, False), None),
        ((Review.MERGED, True, True, True, True, True, False), Step.RECREATE),
        ((Review.CLOSED, True, True, True, False, False, False), Step.KEEP),
        ((Review.CLOSED, False, False, True, False, False, False), None),
        ((None, True, True, False, False, False, False), Step.KEEP),
        ((None, True, False, False, False, False, False), Step.APPEND),
        ((None, False, True, True, False, False, False), None),
    ],
    ids=str,
)
def test_the_ways_that_matter(way, step):
    assert decided(standing(way)) is step


def test_a_closed_pull_request_that_ends_in_the_head_is_made_anew():
    found = standing((Review.CLOSED, True, True, True, False, False, False))
    pull = PullRequest(7, "https://git.example/7", Review.CLOSED, head="c1")

    assert decided(dataclasses.replace(found, pull=pull)) is Step.RECREATE
