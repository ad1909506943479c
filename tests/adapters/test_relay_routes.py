"""The way to the engines from outside of a cluster: the API server's service proxy."""

import contextlib
import dataclasses

import pytest

from bot.cluster.proxying import ServiceProxy
from bot.errors import (
    ClusterUnavailableError,
    EngineAbsentError,
    EngineShutError,
    EngineUnavailableError,
)
from bot.relay import Call, Question
from bot.relay.guard import Patience
from bot.relay.openai import OpenAIEndpoint
from bot.relay.routes import ThroughApiServer
from sandbox.cluster import Speeds
from sandbox.worlds import sandbox
from tests.engine.raw import until
from tests.sandbox.test_cluster_bench import lws
from tests.sandbox.test_engine_bench import service

HOST = "qwen-leader.default.svc"
QUIET = Question("hello", max_tokens=100, thinking=False)
AT_ONCE = Speeds(pull=0, start=0, load=0, worker_ready=0, stop=0)
HURRIED = Patience(connect=1, first=3, idle=3, total=20)


def placed(item):
    return {**item, "metadata": {**item["metadata"], "namespace": "default"}}


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """Give a sandbox with a deployment that was applied by hand."""
    with sandbox(tmp_path_factory.mktemp("worlds"), 20.0, AT_ONCE) as made:
        made.engine.pace(0, 0)
        made.cluster.apply(placed(service()))
        made.cluster.apply(placed(lws()))
        endpoint = endpoint_of(made)
        assert until(lambda: serves(endpoint), 20) is not None
        yield made


def serves(endpoint):
    with contextlib.suppress(EngineUnavailableError):
        return endpoint.model(HOST)
    return None


def endpoint_of(made, file="kubeconfig-admin"):
    return OpenAIEndpoint.through(ServiceProxy(str(made.folder / file)), HURRIED)


def test_a_deployment_is_asked_through_the_api_server(outside):
    *pieces, last = endpoint_of(outside).stream(HOST, "qwen3-32b", QUIET)

    assert len("".join(piece.text for piece in pieces)) > 20
    assert last.finish == "stop"


def test_a_deployment_with_an_api_key_is_refused_before_anything_is_sent(outside):
    before = len(outside.journal.entries())
    for host_and_call in (HOST, Call("sesame")), (HOST, Call("other")):
        host, call = host_and_call
        with pytest.raises(EngineUnavailableError, match="takes the API key out of a request"):
            list(endpoint_of(outside).stream(host, "qwen3-32b", QUIET, call))

    engine = [e for e in outside.journal.entries()[before:] if e.world == "engine"]
    assert engine == []


def test_a_service_that_is_not_there_is_said(outside):
    with pytest.raises(EngineUnavailableError, match="404"):
        endpoint_of(outside).model("gone-leader.default.svc")


def test_a_service_without_endpoints_may_be_loading(outside):
    gone = service()
    gone["metadata"] = {"name": "idle-leader"}
    gone["spec"] = {**gone["spec"], "selector": {"x": "nothing"}}
    outside.cluster.apply(placed(gone))
    with pytest.raises(EngineAbsentError, match="may still be loading"):
        endpoint_of(outside).model("idle-leader.default.svc")


def test_a_single_pod_is_asked_through_the_api_server(outside):
    *pieces, last = endpoint_of(outside).stream("qwen-0.qwen.default.svc", "qwen3-32b", QUIET)

    assert pieces
    assert last.finish == "stop"
    with pytest.raises(EngineUnavailableError, match="404"):
        endpoint_of(outside).model("qwen-7.qwen.default.svc")


def test_a_refusal_of_the_api_server_itself_is_not_the_engines(outside, tmp_path):
    file = tmp_path / "kubeconfig"
    file.write_text(outside.cluster.kubeconfig(outside.addresses["cluster"], "stranger"))
    endpoint = OpenAIEndpoint.through(ServiceProxy(str(file)), HURRIED)
    with pytest.raises(EngineShutError, match="check the kubeconfig's user and its rights"):
        endpoint.model(HOST)


@pytest.mark.parametrize(
    "host", ["a", "../x", "a.b/../c", "169.254.169.254", "a.b.c.d", "a.svc", "a.b", "a.b.c"]
)
def test_only_services_and_pods_are_asked(outside, host):
    with pytest.raises(EngineUnavailableError, match="neither a Service nor a pod"):
        endpoint_of(outside).model(host)


class Told:
    """An API server that says what is asked of it."""

    def url(self, namespace, kind, name, port):
        return f"{kind}: {name} in {namespace}"

    def headers(self):
        return {}


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("qwen-leader.ml.svc", "services: qwen-leader in ml"),
        ("qwen-0.qwen.ml.svc", "pods: qwen-0 in ml"),
        ("qwen-leader.svc.svc", "services: qwen-leader in svc"),
        ("qwen-0.qwen.svc.svc", "pods: qwen-0 in svc"),
        ("svc-0.svc.svc.svc", "pods: svc-0 in svc"),
    ],
)
def test_a_pod_and_a_service_are_told_apart_also_in_a_namespace_called_svc(host, asked):
    assert ThroughApiServer(Told()).address(host, "").url == f"{asked}/v1"


def test_credentials_that_are_not_there_are_said(tmp_path):
    with pytest.raises(ClusterUnavailableError, match="reading cluster credentials"):
        OpenAIEndpoint.through(ServiceProxy(str(tmp_path / "none")))


def test_credentials_are_shown_nowhere(outside):
    proxy = ServiceProxy(str(outside.folder / "kubeconfig-admin"))
    address = endpoint_of(outside)._route.address(HOST, "")

    assert proxy.headers()["Authorization"].startswith("Bearer ")
    assert "Bearer" not in repr(address)
    assert dataclasses.asdict(address)["headers"] == proxy.headers()
