"""Who listens in the sandbox's pod network, through the real OpenAI client and its HTTP proxy."""

import openai
import pytest

from sandbox.clock import Time
from sandbox.engine import Pace
from sandbox.faults import Fault
from tests.sandbox.test_cluster_bench import lws
from tests.sandbox.test_engine_bench import POD, SERVICE, network

STILL = Pace(first=0, token=0)  # for a clock that only the test moves


@pytest.fixture
def net():
    with network() as found:
        found.bench.wait("lws.available")
        yield found


def hangs_up(act):
    with pytest.raises(openai.APIConnectionError):
        act()
    return True


def test_nobody_listens_before_the_weights_are_loaded():
    time = Time(rate=0)
    with network(pace=STILL, time=time) as net:
        net.bench.wait("pod.scheduled", name="qwen-0-1")
        time.advance(0.2)
        net.bench.wait("pod.running", name="qwen-0-1")

        assert hangs_up(lambda: net.chat(SERVICE))
        assert hangs_up(lambda: net.chat(POD))
        time.advance(1)
        net.bench.wait("lws.available")
        assert net.chat(SERVICE)
        assert net.chat(POD)


@pytest.mark.parametrize(
    "host",
    [
        "nobody.default.svc:8000",
        "qwen-leader.elsewhere.svc:8000",
        "qwen-leader.default.svc:80",
        "qwen-0.qwen.default:8001",
        "qwen-0-1.qwen.default:8000",
        "qwen-0.other.default:8000",
        "example.com:8000",
    ],
)
def test_nobody_listens_elsewhere(net, host):
    assert hangs_up(lambda: net.chat(host))
    assert net.chats()[0]["pod"] is None


def test_long_names_mean_the_same(net):
    assert net.chat("qwen-leader.default.svc.cluster.local:8000")
    assert net.chat("qwen-0.qwen.default.svc.cluster.local:8000")
    assert net.chat("qwen-leader.default:8000")


def test_a_service_takes_its_groups_in_turn():
    with network(lws(replicas=2)) as net:
        net.bench.wait("lws.available")
        for _ in range(4):
            net.chat()
        net.chat("qwen-1.qwen.default:8000")

        assert [each["pod"] for each in net.chats()] == [
            "qwen-0",
            "qwen-1",
            "qwen-0",
            "qwen-1",
            "qwen-1",
        ]


def test_a_dead_worker_silences_its_group():
    time = Time(rate=0)
    with network(pace=STILL, time=time) as net:
        bring_up(net, time, since=0)
        since = len(net.bench.journal.entries())
        net.bench.cluster.kill("default", "qwen-0-1")

        assert hangs_up(lambda: net.chat(POD))
        net.bench.wait("pod.stopping", since, name="qwen-0-1")
        time.advance(0.3)
        bring_up(net, time, since)
        assert net.chat(POD)


def bring_up(net, time, since):
    scheduled = net.bench.wait("pod.scheduled", since, name="qwen-0-1")
    time.advance(0.2)
    net.bench.wait("pod.running", scheduled, name="qwen-0-1")
    time.advance(1)
    net.bench.wait("lws.available", scheduled)


def test_a_stream_breaks_off_when_its_group_dies():
    with network(pace=Pace(first=0, token=5)) as net:
        net.bench.wait("lws.available")
        stream = net.stream()
        next(stream)
        net.bench.cluster.kill("default", "qwen-0")

        with pytest.raises(openai.APIConnectionError):
            list(stream)


def test_a_deployment_can_be_cut_off_and_joined_again(net):
    net.engine.down("qwen")
    cut = (hangs_up(net.chat), hangs_up(lambda: net.chat(POD)), net.engine.state()["down"])
    net.engine.up()

    assert cut == (True, True, ["qwen"])
    assert net.chat()


def test_a_fault_holds_a_chosen_call_back(net):
    net.bench.faults.arm(Fault("engine", "POST chat/completions", act="drop"))

    assert hangs_up(net.chat)
    assert net.chat()
