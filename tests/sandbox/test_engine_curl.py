"""curl of an engine, as a person types it: through the proxy that stands for the pod network."""

import json
import shutil
import subprocess

import pytest

from sandbox.engine import Pace
from tests.sandbox.test_engine_bench import network

CURL = shutil.which("curl")
pytestmark = pytest.mark.skipif(CURL is None, reason="no curl on this machine")

URL = "http://qwen-leader.default.svc:8000"
QUESTION = '{"model": "qwen3-32b", "messages": [{"role": "user", "content": "hello"}]}'
JSON = ("-H", "Content-Type: application/json")


@pytest.fixture(scope="module")
def net():
    with network(pace=Pace(first=0, token=0)) as found:
        found.bench.wait("lws.available")
        yield found


def curl(net, *words, **environment):
    done = subprocess.run(
        [CURL, "--silent", "--show-error", "--max-time", "20", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_lists_the_models(net):
    [model] = json.loads(curl(net, "-x", net.proxy, f"{URL}/v1/models"))["data"]

    assert model["id"] == "qwen3-32b"


def test_curl_finds_the_proxy_in_the_environment(net):
    assert json.loads(curl(net, f"{URL}/version", http_proxy=net.proxy)) == {"version": "0.10.0"}


def test_curl_asks_a_question(net):
    answer = json.loads(
        curl(net, "-x", net.proxy, *JSON, "-d", QUESTION, f"{URL}/v1/chat/completions")
    )

    assert "You said: hello" in answer["choices"][0]["message"]["content"]


def test_curl_shows_a_stream_as_it_comes(net):
    question = QUESTION.replace("}]}", '}], "stream": true}')
    lines = curl(net, "-N", "-x", net.proxy, *JSON, "-d", question, f"{URL}/v1/chat/completions")

    assert lines.startswith("data: {")
    assert lines.endswith("data: [DONE]\n\n")


def test_curl_shows_health_with_its_status(net):
    assert curl(net, "-x", net.proxy, "-w", "%{http_code}", f"{URL}/health") == "200"
