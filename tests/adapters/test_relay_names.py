"""Names of the cluster as addresses: aliases, unknown names, and a DNS that does not answer."""

import socket
import threading

import pytest

from bot.errors import (
    EngineAbsentError,
    EngineShutError,
    EngineUnavailableError,
    EngineUnknownError,
)
from bot.relay import Question
from bot.relay.guard import Patience
from bot.relay.names import Names
from bot.relay.openai import OpenAIEndpoint
from bot.relay.routes import InCluster
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
        ("qwen-0.qwen.default", "qwen-0.qwen.default.svc.cluster.local"),
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


def test_an_engine_is_asked_at_its_address_under_its_name(monkeypatch):
    with sending(PLAIN, STOP) as url:
        monkeypatch.setattr("bot.relay.routes.PORT", int(url.rpartition(":")[2]))
        route = InCluster(Names(5, answering(HOST)))
        endpoint = OpenAIEndpoint(route, patience=Patience(connect=1, first=2, idle=2))
        [last] = endpoint.stream(HOST, "m", Question("hi"))

        assert last.finish == "stop"
        assert route.address(HOST, "").headers["Host"].startswith(f"{HOST}:")
