"""The gate before a Redis, through redis-py: what passes, how calls are named, what faults do."""

import contextlib
import threading
import time

import pytest
import redis

from sandbox.faults import Fault, Faults
from sandbox.journal import Journal
from sandbox.redis import serving_redis
from sandbox.redis_gate import gated
from tests.adapters.conftest import real_redis

DOUBLE = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


@pytest.fixture(params=["fakeredis", "redis-server"])
def url(request, tmp_path):
    with contextlib.ExitStack() as stack:
        if request.param == "fakeredis":
            yield stack.enter_context(serving_redis())
        else:
            yield stack.enter_context(real_redis(tmp_path, "--save", "")).url


@pytest.fixture
def shared():
    return Journal(), Faults()


@pytest.fixture
def gate(url, shared):
    with gated(url, *shared, {"DOUBLE": DOUBLE}) as address:
        yield address


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def client(request, gate):
    with redis.Redis.from_url(gate, protocol=request.param, socket_timeout=10) as made:
        yield made


@pytest.fixture
def direct(url):
    with redis.Redis.from_url(url, socket_timeout=10) as made:
        yield made


def calls(shared):
    greeting = ("HELLO", "CLIENT")
    return [e.call for e in shared[0].entries() if not e.call.startswith(greeting)]


def test_calls_of_every_form_pass_as_they_are_and_have_names(client, shared):
    assert client.set("text", b"a\r\nb\x00") is True
    assert client.get("text") == b"a\r\nb\x00"
    assert client.get("nothing") is None
    client.hset("map", mapping={"one": 1, "two": ""})
    assert client.hgetall("map") == {b"one": b"1", b"two": b""}
    assert client.eval(DOUBLE, 1, "number", 2) == 2
    assert client.evalsha(client.script_load(DOUBLE), 1, "number", 3) == 5
    assert client.eval("return {1, {'a', false}}", 0) == [1, [b"a", None]]
    receipt = client.xadd("stream", {"job": "x" * 100_000})
    client.xgroup_create("stream", "workers", id="0")
    client.xreadgroup("workers", "me", {"stream": ">"}, count=1)
    assert client.xrange("stream") == [(receipt, {b"job": b"x" * 100_000})]

    assert [call for call in calls(shared) if not call.startswith("EVAL")] == [
        "SET text", "GET text", "GET nothing", "HSET map", "HGETALL map", "DOUBLE number",
        f"SCRIPT LOAD {DOUBLE}", "DOUBLE number", "XADD stream", "XGROUP CREATE stream",
        "XREADGROUP stream >", "XRANGE stream",
    ]  # fmt: skip


def test_a_transaction_is_the_calls_it_is_made_of(client, shared):
    with client.pipeline() as both:
        both.incr("number")
        both.rpush("list", "a")

        assert both.execute() == [1, 1]

    assert calls(shared) == ["MULTI", "INCRBY number", "RPUSH list", "EXEC"]


@pytest.mark.parametrize(("moment", "kept"), [("before", None), ("after", b"1")])
def test_a_held_call_is_carried_out_only_after(gate, direct, shared, moment, kept):
    fault = Fault("redis", "INCRBY number", moment)
    shared[1].arm(fault)
    broken = []

    def ask():
        with redis.Redis.from_url(gate, retry=None, socket_timeout=10) as caller:
            try:
                caller.incr("number")
            except redis.ConnectionError as error:
                broken.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert fault.reached.wait(10)
    there = direct.get("number")
    fault.released.set()
    asking.join()

    assert there == kept
    assert len(broken) == 1


def test_what_a_client_that_died_waited_for_is_kept_for_others(tmp_path, shared):
    """On a redis-server, which drops who has gone; fakeredis answers into the void."""
    with real_redis(tmp_path, "--save", "") as server, gated(server.url, *shared, {}) as gate:
        waiting = redis.Redis.from_url(gate, socket_timeout=10)
        direct = redis.Redis.from_url(server.url, socket_timeout=10)
        asking = threading.Thread(target=abandoned, args=(waiting,))
        asking.start()
        blocked(direct, 1)
        waiting.connection_pool.disconnect()
        asking.join()
        blocked(direct, 0)

        direct.rpush("list", "a")

        assert direct.lpop("list") == b"a"
        direct.close()


def blocked(client, count):
    end = time.monotonic() + 10
    while client.info("clients")["blocked_clients"] != count:
        assert time.monotonic() < end


def abandoned(client):
    with contextlib.suppress(redis.RedisError, OSError, ValueError):
        client.blpop(["list"], 8)
