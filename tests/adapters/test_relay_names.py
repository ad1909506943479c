"""Names of the cluster as addresses: aliases, unknown names, and a DNS that does not answer."""

import socket
import threading

import pytest

from bot.cluster import Observation, Pod
from bot.errors import (
    EngineAbsentError,
    EngineShutError,
    EngineUnavailableError,
    EngineUnknownError,
)
from bot.relay import Question
from bot.relay.guard import Patience
from bot.relay.names import AT_ONCE, Names
from bot.relay.openai import OpenAIEndpoint
from bot.relay.routes import InCluster
from bot.rollout.proving import host_of
from tests.adapters.test_relay_bytes import PLAIN, STOP, sending

HOST = "qwen-leader.default.svc"


def answering(canonical, address="127.0.0.1", family=socket.AF_INET):
    place = (address, 8000) if family == socket.AF_INET else (address, 8000, 0, 0)
    return lambda *_, **__: [(family, socket.SOCK_STREAM, 6, canonical, place)]


def failing(number, words):
    def lookup(*_, **__):
        raise socket.gaierror(number, words)

    return lookup


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        (HOST, "qwen-leader.default.svc.cluster.local"),
        (HOST, HOST),
        (HOST, ""),
        ("qwen-0.qwen.default.svc", "qwen-0.qwen.default.svc.cluster.local"),
    ],
)
def test_a_name_of_the_cluster_is_an_address(host, canonical):
    assert Names(5, answering(canonical)).find(host) == "127.0.0.1"


def test_an_address_of_ipv6_stands_in_brackets():
    assert Names(5, answering(HOST, "fd00::1", socket.AF_INET6)).find(HOST) == "[fd00::1]"


@pytest.mark.parametrize(
    "canonical", ["evil.example", "qwen-leader.default.svc-evil.example", "metadata.internal"]
)
def test_an_alias_of_a_host_elsewhere_is_not_asked(canonical):
    with pytest.raises(EngineShutError, match=f"its Service is an alias of {canonical}"):
        Names(5, answering(canonical)).find(HOST)


def test_an_unknown_name_says_where_leadline_should_be():
    with pytest.raises(EngineUnknownError, match="LEADLINE_ASK_THROUGH=api-server") as caught:
        Names(5, failing(socket.EAI_NONAME, "Name or service not known")).find(HOST)

    assert isinstance(caught.value, EngineAbsentError)  # `ask` adds what the pods wait for


def test_a_dns_that_fails_or_hangs_is_said_in_time():
    with pytest.raises(EngineUnavailableError, match="cannot be looked up: try again"):
        Names(5, failing(socket.EAI_AGAIN, "try again")).find(HOST)
    released = threading.Event()
    with pytest.raises(EngineUnavailableError, match=r"no address within 0\.2 s"):
        Names(0.2, lambda *_, **__: released.wait(10)).find(HOST)
    released.set()


def test_while_dns_hangs_no_more_wait_than_are_looked_up_and_after_it_names_are_found():
    released, begun = threading.Event(), threading.Semaphore(0)

    def hanging(*asked, **how):
        begun.release()
        released.wait(10)
        return answering(HOST)(*asked, **how)

    names = Names(0.05, hanging)
    for _ in range(3 * AT_ONCE):
        with pytest.raises(EngineUnavailableError, match=r"no address within 0\.05 s"):
            names.find(HOST)
    assert names._threads._work_queue.qsize() == 0
    released.set()
    assert all(begun.acquire(timeout=5) for _ in range(AT_ONCE))
    names._seconds = 5.0

    assert names.find(HOST) == "127.0.0.1"
    assert begun.acquire(timeout=5)
    assert not begun.acquire(blocking=False)  # what was given up is not looked up after all


def test_a_pod_that_is_not_there_is_asked_for_by_no_public_name():
    pod = Pod("qwen-0", "u", 0, 0, "r", "ready", ready=True, deleting=False, failure="")
    host = host_of(Observation("dev", "qwen", "u", "s", 1, 1, current=True, pods=(pod,)), pod)
    public = {"qwen-0.qwen.dev": "203.0.113.7"}  # `dev` is a top-level domain

    def resolver(host, *_, **__):
        if host not in public:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answering(host, public[host])()

    route = InCluster(Names(5, resolver))
    with pytest.raises(EngineUnknownError):
        route.address(host, "sesame")
    with pytest.raises(EngineUnavailableError, match="not a host of a cluster"):
        route.address("qwen-0.qwen.dev", "sesame")


def test_an_engine_is_asked_at_its_address_under_its_name(monkeypatch):
    with sending(PLAIN, STOP) as url:
        monkeypatch.setattr("bot.relay.routes.PORT", int(url.rpartition(":")[2]))
        route = InCluster(Names(5, answering(HOST)))
        endpoint = OpenAIEndpoint(route, patience=Patience(connect=1, first=2, idle=2))
        [last] = endpoint.stream(HOST, "m", Question("hi"))

        assert last.finish == "stop"
        assert route.address(HOST, "").headers["Host"].startswith(f"{HOST}:")
