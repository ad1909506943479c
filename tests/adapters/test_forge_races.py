"""Two processes at once: whatever the order, one pull request that agrees with its head."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from gitops.errors import ConflictError
from gitops.forge import Outcome
from gitops.pull_request import STATE_TRAILER, trailers_of
from sandbox.faults import Fault
from tests.adapters.test_forge_bench import ALICE, BOB, BRANCH, Stage, written

STEPS = ["POST git/trees", "POST git/commits", "POST git/refs", "POST pulls"]


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path).served() as made:
        yield made


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as made:
        yield made


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", STEPS)
def test_who_is_overtaken_by_the_same_request_attaches(stage, pool, call, moment):
    slow = overtaken(stage, pool, call, moment)

    fast = stage.propose(BOB)
    stage.faults[0].released.set()

    assert slow.result(20).pull.number == fast.pull.number == 1
    check_agrees(stage)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", STEPS[:3])
def test_who_is_overtaken_by_another_request_is_refused_with_its_link(stage, pool, call, moment):
    slow = overtaken(stage, pool, call, moment)

    fast = stage.propose(BOB, replicas=2)
    stage.faults[0].released.set()

    with pytest.raises(ConflictError, match=f"{fast.pull.url}.*slack:UBOB holds it"):
        slow.result(20)
    assert stage.pulls()[0]["body"] == written(requested=BOB, replicas=2).body
    check_agrees(stage)


def test_many_at_once_end_with_one_pull_request(stage, pool):
    running = [pool.submit(stage.propose, who) for who in (ALICE, BOB, ALICE, BOB)]

    done = [each.result(30) for each in running]

    assert {each.pull.number for each in done} == {1}
    assert Outcome.AMENDED not in {each.outcome for each in done}
    check_agrees(stage)


def overtaken(stage, pool, call, moment):
    """Start Alice's request and stop it at a call."""
    stage.faults.arm(Fault("github", call, moment, "hold"))
    slow = pool.submit(stage.propose, ALICE)
    assert stage.faults[0].reached.wait(10)
    return slow


def check_agrees(stage):
    """One branch and one pull request, which says what its last commit holds."""
    assert stage.branches() == [BRANCH]
    [pull] = stage.pulls()
    state = trailers_of(stage.commit(stage.head()).message)[STATE_TRAILER]
    assert f'"state": "{state}"' in pull["body"]
    assert pull["labels"] != []
