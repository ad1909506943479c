"""How vLLM and SGLang differ, by version; what real vLLM 0.32.0 does is in tests/engine."""

import contextlib
from contextlib import contextmanager

import openai
import pytest

from sandbox.clock import Time
from sandbox.cluster import Speeds
from sandbox.engine import Pace
from tests.sandbox.test_engine_bench import OFF, SERVICE, network, sglang, vllm

AT_ONCE = Pace(first=0, token=0)
STILL = Speeds(pull=0, start=0, load=0, worker_ready=0, stop=0)  # for a clock that stands
WORKER = "qwen-0-1.qwen.default:8000"
LONG = [{"role": "user", "content": "word " * 30}]


@contextmanager
def up(body):
    with network(body, AT_ONCE) as net:
        net.bench.wait("lws.available")
        yield net


@pytest.fixture(scope="module")
def guide():
    """SGLang as the guide starts it, with a parser and a small context."""
    words = ("--reasoning-parser", "qwen3", "--enable-metrics", "--context-length", "20")
    with up(sglang(*words)) as net:
        yield net


def test_sglang_ignores_the_models_name(guide):
    answer = guide.chat(model="other", extra_body=OFF, max_tokens=3)

    assert answer.model == "other"


def test_sglang_wants_a_model_all_the_same(guide):
    answer = guide.raw().call("POST", "/v1/chat/completions", {"messages": LONG})

    assert (answer.status, answer.json()["type"]) == (400, "Bad Request")


def test_sglang_keeps_thoughts_in_the_older_field_and_strips_them(guide):
    [choice] = guide.raw().chat(max_tokens=18).json()["choices"]
    found = choice["message"]

    assert found["reasoning_content"]
    assert found["reasoning_content"] == found["reasoning_content"].strip()
    assert "reasoning" not in found


def test_sglang_leaves_thoughts_in_the_text_on_request(guide):
    [choice] = guide.raw().chat(max_tokens=18, separate_reasoning=False).json()["choices"]

    assert choice["message"]["content"].startswith("<think>\n")


def test_sglang_streams_every_field_and_ends_with_an_empty_piece(guide):
    events = guide.raw().chat(**OFF, max_tokens=2, stream=True).events()
    first, *_, last = [event["choices"][0] for event in events]

    assert set(first["delta"]) == {"role", "content", "reasoning_content", "tool_calls"}
    assert set(last["delta"].values()) == {None}
    assert (last["finish_reason"], last["matched_stop"]) == ("length", None)
    assert events[-1]["usage"] is None


def test_sglang_says_which_string_stopped_it(guide):
    [choice] = guide.raw().chat(**OFF, stop="said", max_tokens=9).json()["choices"]

    assert (choice["finish_reason"], choice["matched_stop"]) == ("stop", "said")
    assert choice["message"]["content"] == "You"


def test_sglang_refuses_a_long_prompt_with_a_flat_error(guide):
    answer = guide.raw().chat(messages=LONG)

    assert (answer.status, answer.json()) == (
        400,
        {
            "object": "error",
            "message": "The input (30 tokens) is longer than the model's context length "
            "(20 tokens).",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    )


@pytest.mark.parametrize("options", [{"messages": LONG}, {"temperature": -1}, {"max_tokens": 99}])
def test_sglang_refuses_a_stream_inside_of_it(guide, options):
    answer = guide.raw().chat(**options, stream=True)
    [event] = answer.events()

    assert (answer.status, event["error"]["code"]) == (200, 400)


def test_the_openai_client_finds_sglangs_error_in_the_stream(guide):
    with pytest.raises(openai.APIError, match="longer than the model's context"):
        list(guide.stream(messages=LONG))


def test_sglang_takes_no_tokens_for_an_answer(guide):
    with pytest.raises(openai.BadRequestError, match="max_new_tokens must be at least 0, got -1"):
        guide.chat(max_tokens=-1)

    assert guide.chat(max_tokens=0).usage.completion_tokens == 0


def test_sglang_tells_its_model_and_its_server(guide):
    [model] = guide.get("/v1/models").json()["data"]
    info = guide.get("/get_server_info").json()

    assert (model["owned_by"], model["root"], model["max_model_len"]) == ("sglang", "qwen3-32b", 20)
    assert (info["version"], info["context_length"]) == ("0.4.10", 20)
    assert guide.get("/get_model_info").json()["model_path"] == "/models/Qwen3-32B"
    assert guide.get("/version").status_code == 404


def test_sglang_counts_under_its_own_names(guide):
    found = guide.raw()
    before = found.metric("sglang:generation_tokens_total")
    found.chat(**OFF, max_tokens=3)

    assert found.metric("sglang:generation_tokens_total") == before + 3
    assert found.metric("sglang:num_running_reqs") == 0
    assert found.metric("sglang:num_queue_reqs") == 0
    assert found.metric("sglang:token_usage") == 0


def test_a_worker_of_sglang_looks_healthy_and_has_no_model(guide):
    worker = guide.raw(WORKER)

    assert [worker.call("GET", path).status for path in ("/health", "/health_generate")] == [
        200,
        200,
    ]
    assert worker.call("GET", "/v1/models").status == 404
    assert worker.chat().status == 404


def test_sglang_without_metrics_has_none():
    with up(sglang()) as net:
        assert net.get("/metrics").status_code == 404


def test_sglang_on_loopback_is_reached_by_nobody():
    body = sglang()
    leader = body["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]["containers"][0]
    leader["args"] = [word for word in leader["args"] if word not in ("--host", "0.0.0.0")]  # noqa: S104 - as above
    with up(body) as net:
        assert net.raw().health() == "refused"


@pytest.mark.parametrize(
    ("image", "variable", "light"),
    [
        ("sglang:v0.4.10.post2", "false", False),
        ("sglang:v0.5.9", "true", False),
        ("sglang:v0.5.9", "false", True),
    ],
)
def test_sglangs_health_makes_a_token_unless_it_is_told_not_to(image, variable, light):
    body = sglang(image=image)
    leader = body["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]["containers"][0]
    leader["env"] = [{"name": "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION", "value": variable}]
    with network(body, AT_ONCE, time=Time(rate=0), speeds=STILL) as net:
        net.bench.wait("lws.available")
        side = net.raw()
        with contextlib.closing(side.connect()) as connection:
            side.send(connection, "GET", "/health")
            connection.sock.settimeout(5 if light else 0.2)
            with contextlib.nullcontext() if light else pytest.raises(TimeoutError):
                assert connection.getresponse().status == 200


def test_sglang_shortens_the_names_of_its_paths_in_time():
    with up(sglang(image="sglang:v0.5.9")) as net:
        assert net.get("/server_info").json()["version"] == "0.5.9"
        assert net.get("/model_info").status_code == 200


@pytest.mark.parametrize(
    ("body", "open_paths", "closed"),
    [
        (vllm("--api-key", "sesame"), ["/health", "/metrics", "/version"], "/v1/models"),
        (sglang("--api-key", "sesame"), ["/health", "/health_generate"], "/get_model_info"),
    ],
    ids=["vllm", "sglang"],
)
def test_an_api_key_guards_what_the_engine_guards(body, open_paths, closed):
    with up(body) as net:
        answer = net.raw().call("GET", closed)

        assert [net.raw().call("GET", path).status for path in open_paths] == [200] * len(
            open_paths
        )
        assert (answer.status, answer.json()) == (401, {"error": "Unauthorized"})
        assert net.raw(key="sesame").call("GET", closed).status == 200


def test_vllm_takes_its_key_from_the_environment_too():
    body = vllm()
    leader = body["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]["containers"][0]
    leader["env"] = [{"name": "VLLM_API_KEY", "value": "sesame"}]
    with up(body) as net:
        assert net.raw().chat().status == 401
        assert net.raw(key="sesame").chat(max_tokens=1).status == 200


def test_an_older_vllm_refuses_a_limit_beyond_the_room():
    with up(vllm("--max-model-len", "20")) as net:
        error = net.raw().chat(max_tokens=20).json()

        assert error["object"] == "error"
        assert (
            "you requested 21 tokens (1 in the messages, 20 in the completion)" in error["message"]
        )


def test_an_older_vllm_words_a_wrong_type_in_its_own_way():
    with up(vllm()) as net:
        error = net.raw().chat(max_tokens="x").json()

        assert (error["code"], error["type"], error["param"]) == (400, "Bad Request", None)
        assert "'loc': ('body', 'max_tokens')" in error["message"]


@pytest.mark.parametrize(("image", "text"), [("vllm:v0.10.0", "<think>\n"), ("vllm:v0.20.1", None)])
def test_an_older_parser_leaves_thoughts_that_were_cut_in_the_text(image, text):
    with up(vllm("--reasoning-parser", "qwen3", image=image)) as net:
        found = net.raw().chat(max_tokens=2).json()["choices"][0]["message"]

        assert found["content"] == text


def test_the_guides_vllm_has_a_second_name_for_its_cache():
    with up(vllm()) as net:
        assert net.raw().metric("vllm:gpu_cache_usage_perc") == 0


def test_requests_beyond_the_seats_wait():
    with network(vllm("--max-num-seqs", "1"), Pace(first=0, token=10)) as net:
        net.bench.wait("lws.available")
        streams = [net.stream() for _ in range(2)]
        next(streams[0])
        found = net.raw(SERVICE)
        with pytest.raises(openai.APITimeoutError), net.client() as client:
            client.with_options(timeout=0.3).chat.completions.create(
                model="qwen3-32b", messages=LONG
            )

        assert found.metric("vllm:num_requests_running") == 1
        net.engine.pace(0, 0)
        list(streams[0])
        assert list(streams[1])
