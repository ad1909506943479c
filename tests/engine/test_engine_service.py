"""What an engine's server says of itself, on both sides of the contract; over raw HTTP."""

import openai
import pytest

from tests.engine.raw import MODEL
from tests.engine.sides import KEY, OFF

READ = [
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
]


@pytest.mark.parametrize("path", ["/health", "/ping"])
def test_a_healthy_engine_answers_probes_with_nothing(engine, path):
    answer = engine.call("GET", path)

    assert (answer.status, answer.body) == (200, b"")


def test_the_version_is_told(engine):
    assert engine.call("GET", "/version").json() == {"version": "0.32.0"}


def test_the_model_and_its_context_are_told(engine):
    listing = engine.call("GET", "/v1/models").json()
    [model] = listing["data"]

    assert listing["object"] == "list"
    assert {key: model[key] for key in ("id", "object", "owned_by", "parent", "max_model_len")} == {
        "id": MODEL,
        "object": "model",
        "owned_by": "vllm",
        "parent": None,
        "max_model_len": 2048,
    }
    assert model["root"].endswith("/tiny")


def test_the_openai_client_lists_the_model(engine):
    with engine.client() as client:
        assert [model.id for model in client.models.list().data] == [MODEL]


@pytest.mark.parametrize("path", ["/nowhere", "/v1/nowhere", "/health_generate", "/models"])
def test_an_unknown_path_is_not_found(engine, path):
    answer = engine.call("GET", path)

    assert (answer.status, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/health"), ("GET", "/v1/chat/completions"), ("PUT", "/version")]
)
def test_a_wrong_method_is_not_allowed(engine, method, path):
    answer = engine.call(method, path)

    assert (answer.status, answer.json()) == (405, {"detail": "Method Not Allowed"})


@pytest.mark.parametrize("header", ["", f"Bearer {KEY}x", KEY, f"Basic {KEY}", "Bearer"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/nowhere"])
def test_whatever_is_under_v1_wants_the_key(engine, path, header):
    answer = engine.call("GET", path, Authorization=header)

    assert (answer.status, answer.json()) == (401, {"error": "Unauthorized"})


def test_the_word_bearer_may_be_written_small(engine):
    assert engine.call("GET", "/v1/models", Authorization=f"bearer {KEY}").status == 200


@pytest.mark.parametrize("path", ["/health", "/ping", "/version", "/metrics"])
def test_the_rest_is_open(engine, path):
    assert engine.call("GET", path, Authorization="").status == 200


def test_the_openai_client_reports_a_wrong_key(engine):
    with engine.client("wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


@pytest.mark.parametrize("name", READ)
def test_the_series_that_leadline_reads_are_there(engine, name):
    lines = engine.call("GET", "/metrics").body.decode().splitlines()
    [series] = [line for line in lines if line.startswith(name + "{")]

    assert f'model_name="{MODEL}"' in series
    assert 'engine="0"' in series
    assert any(line.startswith(f"# TYPE {name} ") for line in lines)


def test_metrics_are_plain_text(engine):
    assert engine.call("GET", "/metrics").type.startswith("text/plain; version=")


def test_an_answer_is_counted(engine):
    names = [*READ[3:], "vllm:time_to_first_token_seconds_count"]
    before = [engine.metric(name) for name in names]
    usage = engine.chat(**OFF, max_tokens=5).json()["usage"]
    grown = [engine.metric(name) - old for name, old in zip(names, before, strict=True)]

    assert grown == [usage["prompt_tokens"], 5, 1]


def test_first_tokens_are_counted_in_a_histogram(engine):
    engine.chat(max_tokens=1)
    lines = engine.call("GET", "/metrics").body.decode().splitlines()
    name = "vllm:time_to_first_token_seconds"
    buckets = [line for line in lines if line.startswith(f"{name}_bucket")]
    counts = [float(line.split()[-1]) for line in buckets]

    assert f"# TYPE {name} histogram" in lines
    assert counts == sorted(counts)
    assert 'le="+Inf"' in buckets[-1]
    assert counts[-1] == engine.metric(f"{name}_count") > 0
    assert engine.metric(f"{name}_sum") > 0
