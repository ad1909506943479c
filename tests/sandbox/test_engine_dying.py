"""How a leader ends whose worker has died, by engine; the clock moves only when a test says so."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from sandbox.clock import Time
from sandbox.cluster import Speeds
from sandbox.engine import Pace
from tests.sandbox.test_engine_bench import network, sglang

AT_ONCE = Pace(first=0, token=0)
STILL = Speeds(pull=0, start=0, load=0, worker_ready=0, stop=0)


def passing(net, over):
    """Let time pass in small steps until it is over."""
    for _ in range(200):
        if over():
            return True
        net.bench.time.advance(0.5)
    return False


def recreated(net, since):
    """Return whether the group was made anew, after a moment for it to be."""
    return lambda: net.bench.journal.wait(lambda e: e.call == "group.recreated", since, 0.05)


def test_a_dead_worker_needs_a_leader():
    with (
        network(pace=AT_ONCE) as net,
        pytest.raises(ValueError, match="no leader serves at a host that begins with 'nobody'"),
    ):
        net.engine.fault("nobody", "dead_worker")


def test_an_idle_vllm_leader_does_not_notice_a_dead_worker():
    with (
        network(pace=AT_ONCE, time=Time(rate=0), speeds=STILL) as net,
        ThreadPoolExecutor() as pool,
    ):
        net.bench.wait("lws.available")
        since, begun = len(net.bench.journal.entries()), net.bench.time.monotonic()
        net.engine.fault("qwen", "dead_worker")
        net.bench.time.advance(60)
        idle = net.raw().health()
        answer = pool.submit(net.raw().chat)

        assert passing(net, lambda: wait([answer], 0.05).done)
        assert (idle, answer.result().status) == (200, 500)
        assert net.bench.time.monotonic() - begun >= 62.7
        assert net.raw().health() == 500
        assert passing(net, recreated(net, since))


def test_a_dead_worker_that_lives_again_was_never_noticed():
    with network(pace=AT_ONCE) as net:
        net.bench.wait("lws.available")
        net.engine.fault("qwen", "dead_worker")
        net.engine.heal()

        assert net.raw().chat(max_tokens=1).status == 200


def test_an_idle_sglang_leader_ends_three_seconds_after_its_worker():
    with network(sglang(), AT_ONCE, time=Time(rate=0), speeds=STILL) as net:
        net.bench.wait("lws.available")
        since, begun = len(net.bench.journal.entries()), net.bench.time.monotonic()
        net.engine.fault("qwen", "dead_worker")

        assert net.raw().call("GET", "/v1/models").status == 200
        assert passing(net, recreated(net, since))
        assert net.bench.time.monotonic() - begun >= 3
