"""The promises of the store ports, over fakeredis behind a socket and over a real redis-server."""

import itertools
import threading
from datetime import UTC, datetime

import pytest

from bot.errors import StoreUnavailableError
from bot.store import GroupState, Job, Proposal, Rollout
from bot.store.redis import RedisStore

JOB = Job("abc", "deploy qwen3-32b sglang", "U1", "T1", "C1")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def store(redis_url):
    return RedisStore.connect(redis_url)


def first(store, worker="w1"):
    return next(taken for taken in store.jobs(worker) if taken is not None)


def test_a_job_comes_out_as_it_went_in(store):
    assert store.put(JOB)

    assert first(store).job == JOB


def test_a_delivery_seen_before_is_one_job(store):
    assert store.put(JOB)
    assert not store.put(JOB)

    store.done(first(store))
    assert next(store.jobs("w1")) is None


def test_a_job_queued_before_any_worker_was_there_is_not_lost(store, redis_url):
    store.put(JOB)

    assert first(RedisStore.connect(redis_url)).job == JOB


def test_an_unfinished_job_comes_again_to_the_same_worker(store, redis_url):
    store.put(JOB)
    taken = first(store)

    again = first(RedisStore.connect(redis_url))

    assert (again.job, again.receipt) == (taken.job, taken.receipt)


def test_a_job_in_one_workers_hands_does_not_come_to_another(store):
    store.put(JOB)
    first(store, "w1")

    assert next(store.jobs("w2")) is None


def test_a_waiting_worker_is_woken_by_a_new_job(store, redis_url):
    jobs = RedisStore.connect(redis_url).jobs("w1")
    assert next(jobs) is None
    threading.Timer(0.1, store.put, [JOB]).start()

    woken = next(taken for taken in itertools.islice(jobs, 5) if taken is not None)

    assert woken.job == JOB


def test_an_intent_is_kept_with_its_first_time_and_its_message(store):
    first_time = store.intend("card:1", NOON)
    second = store.intend("card:1", NOON.replace(hour=13))
    store.stands("card:1", "17.5")
    third = store.intend("card:1", NOON)

    assert (first_time.again, first_time.message) == (False, None)
    assert (second.at, second.again, second.message) == (NOON, True, None)
    assert third.message == "17.5"


def test_proposals_and_rollouts_come_back_as_they_were(store):
    proposal = Proposal(
        "example", "m", "default", "qwen3-32b", "qwen3-32b", "vllm 0.10.0", "1×(2×1 GPU)",
        "TP 2 × PP 1", 2, "s1", 7, "u", "C1", "1.1", "U1",
    )  # fmt: skip
    rollout = Rollout(
        7, "merged", "uid", applied="s1", groups={0: GroupState("a", "r", proved=0.4)}
    )

    store.propose(proposal)
    store.advance(proposal.key, rollout)

    assert list(store.proposals()) == [proposal]
    assert store.rollout(proposal.key) == rollout
    assert store.rollout("example/other") is None


def test_the_newest_proposal_of_a_deployment_replaces_the_one_before(store):
    fields = ["default", "q", "q", "e", "s", "p", 2, "s1"]
    old = Proposal("example", "m", *fields, 7, "u", "C1", "1.1", "U1")
    new = Proposal("example", "m", *fields, 8, "u", "C1", "2.2", "U1")

    store.propose(old)
    store.propose(new)

    assert list(store.proposals()) == [new]


def test_a_redis_that_is_away_is_said_with_the_setting_to_check():
    store = RedisStore.connect("redis://127.0.0.1:1/0")

    with pytest.raises(StoreUnavailableError, match="check REDIS_URL"):
        store.put(JOB)
