"""What the sandbox's engines answer, through the real OpenAI client and its HTTP proxy."""

import uuid

import openai
import pytest

from tests.sandbox.test_engine_bench import OFF, SERVICE, network, vllm


@pytest.fixture(scope="module")
def net():
    with network() as found:
        found.bench.wait("lws.available")
        yield found


def test_an_answer_holds_the_prompt(net):
    said = f"nonce {uuid.uuid4()}"
    answer = net.chat(said=said, extra_body=OFF)

    assert said in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == 2
    assert answer.usage.total_tokens == 2 + answer.usage.completion_tokens


def test_the_same_seed_gives_the_same_answer(net):
    texts = [net.chat(seed=seed).choices[0].message.content for seed in (1, 1, 2, 3, 4)]

    assert texts[0] == texts[1]
    assert len(set(texts)) > 2


def test_the_guides_server_thinks_aloud(net):
    aloud = net.chat().choices[0].message
    silent = net.chat(extra_body=OFF).choices[0].message

    assert aloud.content.startswith("<think>\n")
    assert "\n</think>\n\nYou said: hello\n\n" in aloud.content
    assert silent.content.startswith("You said: hello\n\n")
    assert getattr(aloud, "reasoning_content", None) is None


@pytest.mark.parametrize(
    ("image", "fields"),
    [
        ("vllm:v0.10.0", ["reasoning_content"]),
        ("vllm:v0.12.0", ["reasoning", "reasoning_content"]),
        ("vllm:v0.20.1", ["reasoning"]),
    ],
)
def test_a_reasoning_parser_keeps_the_thoughts_apart(image, fields):
    with network(vllm("--reasoning-parser", "qwen3", image=image)) as net:
        net.bench.wait("lws.available")
        message = net.chat().choices[0].message
        found = [name for name in ("reasoning", "reasoning_content") if hasattr(message, name)]

        assert found == fields
        assert message.content.startswith("\n\nYou said: hello")
        assert "." in getattr(message, fields[0])


def test_a_stream_is_the_same_answer_in_pieces(net):
    chunks = list(net.stream(stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    whole = net.chat()

    assert text == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage
    assert chunks[-1].choices == []


def test_an_answer_is_cut_at_max_tokens(net):
    answer = net.chat(max_tokens=5, extra_body=OFF)
    chunks = list(net.stream(max_tokens=3, extra_body=OFF))

    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5
    assert answer.choices[0].message.content.startswith("You said: hello")
    assert [c.choices[0].delta.content for c in chunks] == ["", "You", " said:", " hello"]
    assert chunks[-1].choices[0].finish_reason == "length"


def test_a_chinese_character_is_a_token(net):
    answer = net.chat(said="你好 world", max_tokens=4, extra_body=OFF)

    assert answer.usage.prompt_tokens == 3
    assert answer.choices[0].message.content == "You said: 你好"


def test_vllm_knows_only_its_own_model(net):
    with pytest.raises(openai.NotFoundError) as caught:
        net.chat(model="other")

    assert caught.value.body["message"] == "The model `other` does not exist."
    assert caught.value.body["type"] == "NotFoundError"


def test_a_newer_vllm_wraps_its_errors():
    with network(vllm(image="vllm:v0.20.0")) as net:
        net.bench.wait("lws.available")
        with pytest.raises(openai.NotFoundError) as caught:
            net.chat(model="other")

        assert caught.value.response.json()["error"]["message"] == (
            "The model `other` does not exist."
        )
        assert net.get("/version").json() == {"version": "0.20.0"}


def test_no_tokens_are_a_bad_request(net):
    with pytest.raises(openai.BadRequestError, match="max_tokens must be at least 1, got 0"):
        net.chat(max_tokens=0)


def test_a_prompt_longer_than_the_context_is_a_bad_request():
    with network(vllm("--max-model-len", "10")) as net:
        net.bench.wait("lws.available")
        with pytest.raises(openai.BadRequestError, match="maximum context length is 10 tokens"):
            net.chat(said="word " * 11)

        assert net.get("/v1/models").json()["data"][0]["max_model_len"] == 10


def test_vllm_tells_its_health_its_model_and_its_version(net):
    with net.client() as client:
        (model,) = client.models.list().data

    assert (model.id, model.owned_by, model.max_model_len) == ("qwen3-32b", "vllm", 40960)
    assert (net.get("/health").status_code, net.get("/health").content) == (200, b"")
    assert net.get("/version").json() == {"version": "0.10.0"}
    assert net.get("/nowhere").status_code == 404


def test_the_journal_keeps_what_was_asked(net):
    net.chat(said="one two", max_tokens=7, temperature=0.2, top_p=0.9, seed=3, extra_body=OFF)

    assert net.chats()[-1:] == [
        {
            "host": SERVICE,
            "pod": "qwen-0",
            "model": "qwen3-32b",
            "prompt": "one two",
            "messages": [{"role": "user", "content": "one two"}],
            "stream": False,
            "max_tokens": 7,
            "temperature": 0.2,
            "top_p": 0.9,
            "seed": 3,
            "chat_template_kwargs": {"enable_thinking": False},
        }
    ]
