"""The promises of Queue, Claims and Runs, over fakeredis and a real redis-server."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import redis

from bot.errors import (
    LostError,
    QueueFullError,
    StaleError,
    StoreUnavailableError,
    StoreUncertainError,
)
from bot.store import Depth, Job, Lane, Origin
from bot.store.claims import PARKED_FOR, RedisClaims
from bot.store.connection import EDGE, WORKER, Own, connect
from bot.store.holding import Begun
from bot.store.queue import RedisQueue

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOON.replace(hour=13)
JOB = Job("abc", Lane.CHANGE, "deploy qwen3-32b sglang", "U1", "T1", "C1", NOON)
ASK = replace(JOB, id="ask", lane=Lane.ASK, text="ask q hi")
AT_ONCE = 0.0


def job(number):
    return replace(JOB, id=f"job-{number}")


@pytest.fixture
def worker(redis_url):
    """Give processes of workers by name; a second one of a name is that worker started again."""

    def start(name="w1", idle=60.0):
        claims = RedisClaims.connect(redis_url, name, idle)
        return claims, [taken for lane in Lane for taken in claims.inherit(lane)]

    return start


def take(claims, lane=Lane.CHANGE, most=100, wait=AT_ONCE):
    return claims.take(lane, most, wait)


def test_a_job_comes_out_as_it_went_in(queue, worker):
    rich = replace(JOB, thread="1.5", origin=Origin.MODAL, response_url="https://x")
    assert queue.put(rich)
    claims, _ = worker()

    assert [taken.job for taken in take(claims)] == [rich]


def test_a_response_url_is_in_no_text_of_a_job():
    assert "secret" not in repr(replace(JOB, response_url="https://secret"))


def test_a_delivery_seen_before_is_one_job(queue, worker):
    assert queue.put(JOB)
    assert not queue.put(JOB)
    claims, _ = worker()
    [taken] = take(claims)
    claims.end(taken)

    assert not queue.put(JOB)
    assert list(take(claims)) == []


def test_a_job_that_nobody_takes_is_refused_when_too_many_wait(redis_url):
    queue = RedisQueue.connect(redis_url, WORKER, most=2)
    queue.put(job(1))
    queue.put(job(2))

    with pytest.raises(QueueFullError, match="2 wait already; nothing was done"):
        queue.put(job(3))
    assert queue.depth(Lane.CHANGE).jobs == 2
    assert queue.put(ASK)


def test_a_refused_job_may_be_put_again_when_there_is_room(redis_url, worker):
    queue = RedisQueue.connect(redis_url, WORKER, most=1)
    queue.put(job(1))
    with pytest.raises(QueueFullError):
        queue.put(job(2))
    claims, _ = worker()
    claims.end(take(claims)[0])

    assert queue.put(job(2))


def test_the_depth_is_what_waits_or_runs_and_since_when(queue, worker):
    later = replace(job(2), at=LATER)
    queue.put(JOB)
    queue.put(later)
    claims, _ = worker()
    [first] = take(claims, most=1)
    with_both = queue.depth(Lane.CHANGE)
    claims.end(first)

    assert with_both == Depth(2, NOON)
    assert queue.depth(Lane.CHANGE) == Depth(1, later.at)
    assert queue.depth(Lane.ASK) == Depth(0, None)


def test_jobs_of_one_lane_do_not_come_out_of_the_other(queue, worker):
    queue.put(ASK)
    claims, _ = worker()

    assert list(take(claims)) == []
    assert [taken.job for taken in take(claims, Lane.ASK)] == [ASK]


def test_no_more_jobs_are_taken_than_asked_for(queue, worker):
    for number in range(5):
        queue.put(job(number))
    one, _ = worker("w1")
    two, _ = worker("w2")

    assert [t.job.id for t in take(one, most=2)] == ["job-0", "job-1"]
    assert [t.job.id for t in take(two, most=9)] == ["job-2", "job-3", "job-4"]


def test_a_waiting_worker_is_woken_by_a_new_job(queue, worker):
    claims, _ = worker()
    assert list(take(claims)) == []
    threading.Timer(0.1, queue.put, [JOB]).start()
    start = time.monotonic()

    assert [taken.job for taken in take(claims, wait=4.0)] == [JOB]
    assert time.monotonic() - start < 3.5  # else it has only waited


def test_a_worker_that_starts_again_takes_up_what_it_had_at_once(queue, worker):
    queue.put(JOB)
    before, _ = worker("w1")
    [taken] = take(before)

    _, inherited = worker("w1")

    assert inherited == [taken]


def test_the_work_of_one_worker_does_not_come_to_another(queue, worker):
    queue.put(JOB)
    take(worker("w1")[0])
    other, inherited = worker("w2")

    assert inherited == []
    assert [*take(other), *other.adopt(Lane.CHANGE, 10, ())] == []


def test_a_process_whose_namesake_started_has_lost_its_jobs(queue, worker):
    queue.put(JOB)
    older, _ = worker("w1")
    [taken] = take(older)
    newer, _ = worker("w1")

    assert not older.renew(taken)
    acts = (older.end, older.give_back, older.excuse)
    for act in (*acts, lambda t: older.begin(t, "a", NOON), lambda t: older.park(t, "x")):
        with pytest.raises(StaleError, match="in the hands of another worker"):
            act(taken)
    assert newer.renew(taken)


def test_a_worker_that_is_silent_for_too_long_loses_its_jobs(queue, worker):
    queue.put(JOB)
    silent, _ = worker("w1")
    [taken] = take(silent)
    other, _ = worker("w2", idle=0.0)

    assert list(other.adopt(Lane.CHANGE, 10, ())) == [taken]
    assert not silent.renew(taken)


def test_a_renewed_job_is_not_taken_over(queue, worker):
    queue.put(JOB)
    claims, _ = worker("w1")
    [taken] = take(claims)
    claims.give_back(taken)  # the job is idle for a minute now
    assert claims.renew(taken)
    other, _ = worker("w2")

    assert list(other.adopt(Lane.CHANGE, 10, ())) == []


def test_a_job_given_back_is_anybodys_at_once(queue, worker):
    queue.put(JOB)
    claims, _ = worker("w1")
    [taken] = take(claims)
    claims.give_back(taken)
    other, _ = worker("w2")

    assert list(other.adopt(Lane.CHANGE, 10, ())) == [taken]


def test_a_job_whose_delivery_was_lost_on_the_way_is_found_again(queue, worker):
    queue.put(JOB)
    queue.put(job(2))
    claims, _ = worker()
    known, lost = take(claims)

    assert list(claims.adopt(Lane.CHANGE, 10, {known.receipt})) == [lost]


def test_tries_are_counted_over_workers_and_forgotten_at_the_end(queue, worker, raw):
    queue.put(JOB)
    one, _ = worker("w1")
    [taken] = take(one)
    begun = [one.begin(taken, "a", NOON), worker("w1")[0].begin(taken, "b", LATER)]
    claims, _ = worker("w1")
    begun.append(claims.begin(taken, "c", LATER))
    claims.end(taken)

    assert begun == [Begun(1, NOON), Begun(2, NOON, again=True), Begun(3, NOON, again=True)]
    assert raw.hgetall("leadline:tries:change") == {}


@pytest.mark.parametrize("each", [JOB, ASK], ids=["change", "ask"])
def test_a_try_that_is_begun_twice_since_its_answer_was_lost_counts_once(each, queue, worker):
    queue.put(each)
    claims, _ = worker()
    [taken] = take(claims, each.lane)

    assert claims.begin(taken, "a", NOON) == Begun(1, NOON)
    assert claims.begin(taken, "a", LATER) == Begun(1, NOON)
    assert claims.begin(taken, "b", LATER) == Begun(2, NOON, again=True)
    assert claims.begin(taken, "b", LATER) == Begun(2, NOON, again=True)


@pytest.mark.parametrize("each", [JOB, ASK], ids=["change", "ask"])
@pytest.mark.parametrize("act", ["give_back", "excuse"])
def test_what_is_given_back_or_put_off_was_not_tried_but_has_begun(act, each, queue, worker):
    queue.put(each)
    claims, _ = worker("w1")
    [taken] = take(claims, each.lane)
    claims.begin(taken, "a", NOON)
    claims.begin(taken, "b", NOON)
    for _ in range(2):  # the answer may be lost
        getattr(claims, act)(taken)

    begun = claims.begin(taken, "c", LATER)
    assert begun == Begun(2, NOON, again=True, put_off=act == "excuse")


def test_what_is_given_back_before_it_was_tried_has_not_begun(queue, worker):
    queue.put(JOB)
    claims, _ = worker("w1")
    [taken] = take(claims)
    claims.give_back(taken)

    assert claims.begin(taken, "a", LATER) == Begun(1, LATER)


def test_the_line_is_what_is_in_all_hands_in_order(queue, worker):
    for number in range(4):
        queue.put(job(number))
    one, _ = worker("w1")
    two, _ = worker("w2")
    first = take(one, most=1)
    second = take(two, most=1)
    third = take(one, most=1)
    whole = [*two.line(Lane.CHANGE)]
    two.end(second[0])

    assert whole == [*first, *second, *third]
    assert [*one.line(Lane.CHANGE)] == [*first, *third]


def test_a_parked_job_is_kept_with_its_reason_and_never_comes_again(queue, worker, raw):
    queue.put(JOB)
    claims, _ = worker()
    [taken] = take(claims)
    claims.park(taken, "raised three times")
    [(_, fields)] = raw.xrange("leadline:parked")

    assert fields["reason"] == "raised three times"
    assert '"id":"abc"' in fields["job"]
    assert worker()[1] == []
    assert queue.depth(Lane.CHANGE).jobs == 0


def test_parked_jobs_are_kept_for_a_time(queue, worker, raw):
    seconds, _ = raw.time()
    for age in (PARKED_FOR + 60, PARKED_FOR - 60):
        raw.xadd("leadline:parked", {"reason": str(age)}, id=f"{(seconds - age) * 1000}-1")
    queue.put(JOB)
    claims, _ = worker()
    claims.park(take(claims)[0], "raised")

    reasons = [fields["reason"] for _, fields in raw.xrange("leadline:parked")]
    assert reasons == [str(PARKED_FOR - 60), "raised"]
    assert PARKED_FOR - 60 < raw.ttl("leadline:parked") <= PARKED_FOR


def test_a_question_that_another_version_wrote_is_parked_without_its_words(queue, worker, raw):
    raw.xadd("leadline:jobs:ask", {"job": '{"id": "x", "text": "ask q secret"}'})
    claims, _ = worker()

    assert list(take(claims, Lane.ASK)) == []
    [(_, fields)] = raw.xrange("leadline:parked")
    assert (fields["reason"], fields["job"]) == ("written by another version", "")


def test_an_entry_of_another_version_is_parked_and_the_next_job_comes(queue, worker, raw):
    raw.xadd("leadline:jobs:change", {"job": '{"id": "x", "lane": "wish"}'})
    queue.put(JOB)
    claims, _ = worker()

    assert [taken.job for taken in take(claims)] == [JOB]
    assert [fields["reason"] for _, fields in raw.xrange("leadline:parked")] == [
        "written by another version"
    ]
    assert queue.depth(Lane.CHANGE).jobs == 1


def test_a_worker_goes_on_after_redis_was_emptied(queue, worker, raw):
    queue.put(JOB)
    claims, _ = worker()
    [taken] = take(claims)
    raw.flushall()
    queue.put(job(2))

    with pytest.raises(LostError, match="beginning a command abc: Redis was emptied"):
        claims.begin(taken, "a", NOON)
    assert [t.job.id for t in take(claims)] == ["job-2"]


def test_a_worker_that_left_nothing_is_forgotten_when_it_starts_again(worker, raw, queue):
    for _ in range(3):
        worker("w1")[0].take(Lane.CHANGE, 1, AT_ONCE)

    assert len(raw.xinfo_consumers("leadline:jobs:change", "workers")) <= 1


def test_a_redis_that_is_away_is_said_with_the_setting_to_check():
    queue = RedisQueue.connect("redis://127.0.0.1:1/0")

    with pytest.raises(StoreUnavailableError, match="check REDIS_URL"):
        queue.put(JOB)


def test_a_redis_that_does_not_answer_leaves_a_command_uncertain_within_a_second():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        queue = RedisQueue.connect(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        start = time.monotonic()

        with pytest.raises(StoreUncertainError, match="no answer in time"):
            queue.put(JOB)
        assert time.monotonic() - start < WORKER.answer  # the machine may be busy
        assert EDGE.connect + EDGE.answer < 1.0
        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # and it is not tried again
            silent.accept()


def test_connections_that_redis_has_closed_lose_no_command(redis_server):
    queue = RedisQueue.connect(redis_server.url, WORKER)
    with redis.Redis.from_url(redis_server.url, socket_timeout=5) as raw:
        assert queue.put(JOB)
        raw.client_kill_filter(_type="normal", skipme=True)

        assert queue.put(replace(JOB, id="after"))
        assert not queue.put(JOB)
        assert queue.depth(Lane.CHANGE).jobs == 2


def test_threads_that_queue_at_once_share_no_connection(redis_server):
    queue = RedisQueue.connect(redis_server.url, WORKER)
    jobs = [replace(JOB, id=f"job-{number % 100}") for number in range(200)]
    with ThreadPoolExecutor(8) as threads:
        fresh = list(threads.map(queue.put, jobs))

    assert sum(fresh) == 100
    assert queue.depth(Lane.CHANGE).jobs == 100


def test_a_redis_that_refuses_a_write_is_said_so_and_nothing_is_kept(redis_server):
    queue = RedisQueue.connect(redis_server.url, WORKER)
    with redis.Redis.from_url(redis_server.url, socket_timeout=5) as raw:
        raw.config_set("maxmemory", "1")
        with pytest.raises(StoreUnavailableError, match="refused"):
            queue.put(JOB)
        raw.config_set("maxmemory", "0")

    assert queue.put(JOB)


OLD_REFUSAL = "ERR Error running script (call to f_1): @user_script:4: -READONLY You can't write"


@pytest.mark.parametrize("refusal", ["READONLY You can't write", OLD_REFUSAL])
@pytest.mark.parametrize("way", ["own", "pool"])
def test_after_the_refusal_of_a_replica_another_connection_is_made(way, refusal, redis_server):
    url = redis_server.url
    client = Own(url, EDGE).client() if way == "own" else connect(url, EDGE)
    before = client.client_id()

    with pytest.raises(redis.ReadOnlyError):
        client.eval("return redis.error_reply(ARGV[1])", 0, refusal)

    assert client.client_id() != before


def test_a_redis_that_has_become_a_replica_is_away_until_it_leads_again(redis_server):
    queue = RedisQueue.connect(redis_server.url)
    with redis.Redis.from_url(redis_server.url, socket_timeout=5) as raw:
        queue.put(job(1))
        raw.replicaof("127.0.0.1", "1")
        with pytest.raises(StoreUnavailableError, match="refused by a replica; point REDIS_URL"):
            queue.put(job(2))
        raw.replicaof("NO", "ONE")

    assert queue.put(job(2))
