"""Whether what Leadline depends on answers, as each adapter tells the metric; a refusal answers."""

import contextlib
import json

import pytest
from prometheus_client import REGISTRY

from bot.chat import Person, Place
from bot.cluster.kube import KubernetesServer, Timeouts
from bot.desired import FromForge, Mirror
from bot.errors import ChatUnavailableError, EngineUnavailableError, StoreUnavailableError
from bot.notice import Closed, Usage
from bot.relay import Call, Question
from bot.relay.guard import Patience
from bot.relay.openai import OpenAIEndpoint
from bot.slack.client import SlackChat
from bot.store.connection import EDGE, connect
from bot.store.shared import RedisShared
from gitops.clock import SystemClock
from gitops.errors import ForgeUnavailableError
from gitops.github import GithubForge
from gitops.settings import ForgeSettings
from sandbox.faults import Fault
from sandbox.worlds import sandbox
from tests.adapters.api_server import ApiServer, page, status
from tests.adapters.edge_bench import ALICE, OPS, TEAM, bench
from tests.adapters.test_cluster_watching import kubeconfig
from tests.adapters.test_relay_engines import HOST
from tests.sandbox.test_engine_bench import network, vllm

HURRIED = Patience(connect=1, first=2, idle=1, total=5)


def config(server, folder):
    file = folder / "kubeconfig"
    file.write_text(json.dumps(kubeconfig(server.url)))
    return str(file)


def up(name):
    return REGISTRY.get_sample_value("leadline_dependency_up", {"name": name})


@pytest.mark.usefixtures("unclosed_by_slack_sdk")
def test_slack_answers_also_when_it_refuses_one_channel_but_not_when_it_refuses_us():
    with bench("http") as made:
        chat = SlackChat.connect(made.settings, made.time)
        seen = []
        for reason in ("channel_not_found", "not_in_channel", "ratelimited", "internal_error",
                       "invalid_auth", "missing_scope"):  # fmt: skip
            made.slack.trouble("chat.postMessage", reason)
            with pytest.raises(ChatUnavailableError, match=reason):
                chat.post(Place(OPS), "k", Closed(1))
            seen.append(up("slack"))
        made.faults.arm(Fault("slack", "chat.postMessage", "before", "cut"))
        with pytest.raises(ChatUnavailableError, match="no answer"):
            chat.post(Place(OPS), "k", Closed(1))
        seen.append(up("slack"))
        chat.whisper(Place(OPS), Person(ALICE, TEAM.id), Usage("x"))

        assert (seen, up("slack")) == ([1, 1, 1, 0, 0, 1, 0], 1)


@pytest.mark.parametrize(
    ("code", "shown"), [(200, 1), (403, 1), (404, 1), (410, 1), (401, 0), (500, 0), (503, 0)]
)
def test_an_api_server_answers_also_when_it_refuses(code, shown, tmp_path):
    first = page() if code == 200 else status(code)
    with ApiServer(pods=[first]) as server, contextlib.suppress(Exception):
        made = KubernetesServer(config(server, tmp_path), "", Timeouts(1, 1))
        made.get("/api/v1/namespaces/ml/pods", {}).close()

    assert up("kubernetes") == shown


def test_an_api_server_that_nobody_reaches_is_away(tmp_path):
    with ApiServer() as server:
        made = KubernetesServer(config(server, tmp_path), "", Timeouts(1, 1))
    with contextlib.suppress(Exception):
        made.get("/api/v1/namespaces/ml/pods", {})
    assert up("kubernetes") == 0

    with contextlib.suppress(Exception):
        KubernetesServer(str(tmp_path / "none"), "", Timeouts()).get("/api", {})
    assert up("kubernetes") == 0


def test_an_engine_answers_also_when_it_refuses_a_question():
    with network(vllm()) as net:
        net.bench.wait("lws.available")
        endpoint = OpenAIEndpoint.connect(net.proxy, HURRIED)
        seen = []
        for question in (Question("hello"), Question("hello", max_tokens=10_000_000)):
            with contextlib.suppress(EngineUnavailableError):
                list(endpoint.stream(HOST, "qwen3-32b", question, Call()))
            seen.append(up("engines"))
        with pytest.raises(EngineUnavailableError):
            endpoint.model("nobody.default.svc")
        seen.append(up("engines"))

        assert seen == [1, 1, 0]


def test_a_redis_that_is_away_says_nothing_of_github(tmp_path):
    with sandbox(tmp_path) as worlds:
        where = worlds.environment
        settings = ForgeSettings(
            where["LEADLINE_GITOPS_REPOSITORY"], where["GITHUB_TOKEN"], where["GITHUB_API_URL"]
        )
        nobody = RedisShared(connect("redis://127.0.0.1:9/0", EDGE))
        forge = GithubForge.connect(settings, SystemClock())
        with pytest.raises(StoreUnavailableError):
            Mirror(FromForge(forge, nobody, SystemClock())).desired()
        first = up("github")
        worlds.faults.arm(Fault("github", "GET branches/main", "before", "refuse", times=9))
        with pytest.raises(ForgeUnavailableError):
            Mirror(FromForge(forge, nobody, SystemClock())).desired()

        assert (first, up("github")) == (1, 0)
