"""The budget of writes on a fake clock: 80 a minute, 500 an hour, for all forges of a process."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest

from gitops.clock import SystemClock
from gitops.errors import ForgeBusyError
from gitops.forge import Outcome
from gitops.github.budget import A_MINUTE, AN_HOUR, MOST_WAIT, ContentBudget, shared_budget
from gitops.settings import ForgeSettings
from sandbox.clock import Time
from sandbox.github.limits import Limits
from tests.adapters.test_forge_bench import FastClock, Stage


@pytest.fixture
def clock():
    return FastClock(Time(rate=0))


def test_eighty_writes_go_at_once_and_the_next_waits_no_longer_than_it_must(clock):
    budget = ContentBudget(clock)
    for _ in range(A_MINUTE):
        budget.spend()
    assert clock.slept == []

    clock.time.advance(50)
    budget.spend()

    assert sum(clock.slept) == pytest.approx(10, abs=0.01)


def test_a_wait_that_is_too_long_is_said_instead(clock):
    budget = ContentBudget(clock)
    for _ in range(A_MINUTE):
        budget.spend()

    with pytest.raises(ForgeBusyError, match="80 writes a minute or 500 an hour") as refusal:
        budget.spend()

    assert refusal.value.wait == pytest.approx(60, abs=0.01)
    assert str(refusal.value).endswith("; try again in 61 s")
    assert clock.slept == []


def test_five_hundred_an_hour_are_the_most(clock):
    budget = ContentBudget(clock)
    spent = []
    while clock.monotonic() < 3600:
        try:
            budget.spend()
            spent.append(clock.monotonic())
        except ForgeBusyError as busy:
            clock.sleep(busy.wait)

    assert len([at for at in spent if at < 3600]) == AN_HOUR
    minutes = [sum(start <= at < start + 60 for at in spent) for start in spent]
    assert max(minutes) == A_MINUTE


def test_no_wait_is_longer_than_what_is_allowed(clock):
    budget = ContentBudget(clock)
    for _ in range(A_MINUTE):
        budget.spend()
    clock.time.advance(61 - MOST_WAIT)

    budget.spend()

    assert 0 < sum(clock.slept) <= MOST_WAIT


def test_threads_share_it(clock):
    budget = ContentBudget(clock)

    def spend_ten():
        for _ in range(10):
            budget.spend()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(spend_ten) for _ in range(8)]:
            done.result(10)
    with pytest.raises(ForgeBusyError):
        budget.spend()


def test_all_forges_of_a_process_share_the_budget_of_an_account():
    one = ForgeSettings("acme/gitops", "canary")
    other = dataclasses.replace(one, repository="acme/other", branch="live")

    clock = SystemClock()
    assert shared_budget(one, clock) is shared_budget(other, SystemClock())
    another = dataclasses.replace(one, token="another")
    assert shared_budget(one, clock) is not shared_budget(another, clock)


def test_many_proposals_never_break_githubs_own_limits(tmp_path):
    limits = Limits(content_a_minute=A_MINUTE, content_an_hour=AN_HOUR)
    with Stage(tmp_path, limits).served() as stage:
        for _ in range(A_MINUTE - 2):
            stage.budget.spend()

        with pytest.raises(ForgeBusyError) as refusal:
            stage.propose()
        stage.time.advance(refusal.value.wait)

        assert stage.propose().outcome is Outcome.OPENED
        assert [e for e in stage.journal.entries() if e.detail.get("status") == 403] == []
