"""The promises of Locks, and of leading by them, over fakeredis and a real redis-server."""

import contextlib
import threading

import pytest

from bot.errors import StaleError
from bot.store import Rollout
from bot.store.connection import EDGE
from bot.store.leading import Leader
from bot.store.locks import RedisLocks
from bot.store.redis import RedisStore
from tests.adapters.test_store import overtake

LONG = 60.0


@pytest.fixture
def locks(redis_url):
    return RedisLocks.connect(redis_url)


def test_one_holder_at_a_time(locks):
    first = locks.acquire("dev/m", "a", LONG)

    assert first is not None
    assert locks.acquire("dev/m", "b", LONG) is None
    assert locks.acquire("dev/other", "b", LONG) is not None


def test_every_token_is_larger_than_those_before(locks):
    tokens = []
    for holder in "abc":
        fence = locks.acquire("dev/m", holder, LONG)
        tokens.append(fence.token)
        locks.release(fence)

    assert tokens == sorted(set(tokens))


def test_a_holder_that_starts_again_gets_its_lock_at_once_with_a_new_token(locks):
    before = locks.acquire("dev/m", "a", LONG)
    after = locks.acquire("dev/m", "a", LONG)

    assert after.token > before.token
    assert not locks.renew(before, LONG)
    assert locks.renew(after, LONG)


def test_a_lock_that_ran_out_is_lost_only_when_another_took_it(locks):
    fence = locks.acquire("dev/m", "a", 0.001)
    assert locks.renew(fence, 0.001)
    overtake(locks, "dev/m")

    assert not locks.renew(fence, LONG)


def test_a_lock_that_was_let_go_does_not_come_back_by_a_late_renewal(locks):
    fence = locks.acquire("dev/m", "a", LONG)
    locks.release(fence)

    assert not locks.renew(fence, LONG)
    assert locks.acquire("dev/m", "b", LONG) is not None


def test_an_overtaken_holder_cannot_release_the_lock_of_the_next(locks):
    old = locks.acquire("dev/m", "a", 0.001)
    overtake(locks, "dev/m")

    locks.release(old)

    assert locks.acquire("dev/m", "c", LONG) is None


def test_a_lock_that_redis_lost_is_not_renewed_and_is_taken_anew_with_a_larger_token(locks, raw):
    before = locks.acquire("dev/m", "a", LONG)
    raw.flushall()

    assert not locks.renew(before, LONG)
    assert locks.acquire("dev/m", "a", LONG).token > before.token


def test_a_holder_from_before_redis_was_emptied_is_never_taken_for_the_next(redis_url, locks, raw):
    old = locks.acquire("role:watch", "a", LONG)
    raw.flushall()
    new = locks.acquire("role:watch", "b", LONG)
    store = RedisStore.connect(redis_url)
    store.advance("dev/m", Rollout(8), new)
    locks.release(old)

    assert new.token > old.token
    assert not locks.renew(old, LONG)
    with pytest.raises(StaleError, match="another worker has taken over"):
        store.advance("dev/m", Rollout(7), old)
    assert locks.renew(new, LONG)
    assert store.rollout("dev/m") == Rollout(8)


def test_of_two_holders_with_one_token_the_one_whose_lock_it_is_renews(locks, raw):
    old = locks.acquire("role:watch", "a", LONG)
    raw.flushall()
    locks.acquire("role:watch", "b", LONG)
    raw.hset("leadline:fences", "role:watch", old.token)  # a Redis whose clock was set back

    assert not locks.renew(old, LONG)


def test_tokens_grow_also_where_the_clock_of_redis_stands_behind_them(locks, raw):
    raw.set("leadline:token", 9 * 10**15)

    assert locks.acquire("dev/m", "a", LONG).token == 9 * 10**15 + 1
    assert locks.acquire("dev/n", "a", LONG).token == 9 * 10**15 + 2
    assert raw.get("leadline:token") == "9000000000000002"


def leader(redis_url, holder, lease=LONG, renew=0.01):
    return Leader(RedisLocks.connect(redis_url, EDGE), holder, lease, renew, margin=0.0)


def test_of_two_replicas_one_leads_and_the_other_follows_when_it_ends(redis_url):
    stop, followed = threading.Event(), threading.Event()

    def follow():
        with leader(redis_url, "b").hold("watch", stop) as lead:
            assert lead is not None
            followed.set()

    with leader(redis_url, "a").hold("watch", stop) as lead:
        other = threading.Thread(target=follow)
        other.start()
        assert not followed.wait(0.2)
        assert not lead.lost.is_set()

    assert followed.wait(10)
    other.join()


def test_a_leader_that_was_overtaken_hears_of_it(redis_url, locks):
    with leader(redis_url, "a").hold("watch", threading.Event()) as lead:
        locks.release(lead.fence)
        overtake(locks, "role:watch")

        assert lead.lost.wait(10)


def test_a_leader_whose_lock_redis_lost_steps_down_and_leads_again(redis_url, raw):
    led = leader(redis_url, "a")
    with led.hold("watch", threading.Event()) as lead:
        raw.flushall()

        assert lead.lost.wait(10)
    with led.hold("watch", threading.Event()) as again:
        assert again.fence.token > lead.fence.token


def test_a_leader_that_cannot_renew_stops_before_its_lease_ends(redis_server):
    led = leader(redis_server.url, "a", lease=1.0)
    with led.hold("watch", threading.Event()) as lead:
        redis_server.kill()

        assert lead.lost.wait(10)
    redis_server.start()


def test_a_replica_that_is_stopped_while_it_waits_leads_nothing(redis_url, locks):
    locks.acquire("role:watch", "other", LONG)
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()

    with leader(redis_url, "a").hold("watch", stop) as lead:
        assert lead is None


def test_a_leader_that_leaves_lets_the_next_lead_at_once(redis_url):
    for holder in "ab":
        with contextlib.ExitStack() as stack:
            lead = stack.enter_context(leader(redis_url, holder).hold("w", threading.Event()))

            assert lead.fence.holder == holder
