"""The promises of Posts and Records, over fakeredis behind a socket and a real redis-server."""

from datetime import UTC, datetime

import pytest

from bot.errors import StaleError
from bot.store import GroupState, Proposal, Rollout
from bot.store.locks import RedisLocks
from bot.store.redis import POST_MEMORY, RedisStore

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FIELDS = ["default", "q", "q", "e", "s", "p", 2, "s1"]
OLD = Proposal("example", "m", *FIELDS, 7, "u", "C1", "1.1", "U1")
NEW = Proposal("example", "m", *FIELDS, 8, "u", "C1", "2.2", "U1")


@pytest.fixture
def store(redis_url):
    return RedisStore.connect(redis_url)


@pytest.fixture
def locks(redis_url):
    return RedisLocks.connect(redis_url)


def test_an_intent_is_kept_with_its_first_time_and_its_message(store):
    first_time = store.intend("card:1", NOON)
    second = store.intend("card:1", NOON.replace(hour=13))
    store.stands("card:1", "17.5")
    third = store.intend("card:1", NOON)

    assert (first_time.again, first_time.message) == (False, None)
    assert (second.at, second.again, second.message) == (NOON, True, None)
    assert third.message == "17.5"


def test_an_intent_is_remembered_anew_each_time_it_is_asked_for(store):
    store.intend("card:1", NOON)
    store._redis.persist("leadline:post:card:1")
    store.intend("card:1", NOON)

    assert 0 < store._redis.ttl("leadline:post:card:1") <= POST_MEMORY


def test_of_two_messages_of_one_key_the_one_that_was_kept_first_stands(store):
    store.intend("card:1", NOON)
    before = store.message("card:1")

    kept = [store.stands("card:1", message) for message in ("17.5", "18.5", "17.5")]

    assert (before, kept, store.message("card:1")) == (None, ["17.5"] * 3, "17.5")


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
    store.propose(OLD)
    store.propose(NEW)

    assert list(store.proposals()) == [NEW]


def test_a_proposal_of_a_worker_that_was_overtaken_is_refused(store, locks):
    slow = locks.acquire("example/m", "slow", 0.001)
    store.propose(OLD, slow)
    quick = overtake(locks, "example/m")
    store.propose(NEW, quick)

    with pytest.raises(StaleError, match="another worker has taken over"):
        store.propose(OLD, slow)
    assert list(store.proposals()) == [NEW]


def test_a_recall_keeps_both_records_only_while_nobody_has_proposed(store, locks):
    fence = locks.acquire("role:watch", "w1", 15)
    first = store.recall(OLD, Rollout(7, "merged"), fence)
    store.propose(NEW)

    again = store.recall(OLD, Rollout(7, "closed"), fence)

    assert (first, again) == (True, False)
    assert list(store.proposals()) == [NEW]
    assert store.rollout(OLD.key) == Rollout(7, "merged")


@pytest.mark.parametrize("proposed", [False, True])
def test_a_recall_without_a_fence_and_one_whose_fence_was_lost(store, locks, proposed):
    fence = locks.acquire("role:watch", "w1", 15)
    store._redis.flushall()
    if proposed:
        store.propose(NEW)

    with pytest.raises(StaleError, match="recalling a proposal of example/m"):
        store.recall(OLD, Rollout(7), fence)
    assert list(store.proposals()) == [NEW] * proposed
    assert store.rollout(OLD.key) is None
    assert store.recall(OLD, Rollout(7)) is not proposed


def test_a_rollout_of_a_watcher_that_was_overtaken_is_refused(store, locks):
    slow = locks.acquire("role:watch", "slow", 0.001)
    quick = overtake(locks, "role:watch")
    store.advance("example/m", Rollout(8), quick)

    with pytest.raises(StaleError, match="another worker has taken over"):
        store.advance("example/m", Rollout(7), slow)
    assert store.rollout("example/m") == Rollout(8)


def overtake(locks, key):
    """Take a lock whose lease is a millisecond."""
    while not (fence := locks.acquire(key, "quick", 60)):
        pass
    return fence
