"""What an engine refuses and in which words, on both sides of the contract."""

import openai
import pytest

from tests.engine.raw import HELLO

INT = "Input should be a valid integer, unable to parse string as an integer"
FRACTION = "Input should be a valid integer, got a number with a fractional part"
FLOAT = "Input should be a valid number, unable to parse string as a number"
PENALTY = "must be in [-2, 2], got"


def bad(message, param=None, kind="BadRequestError"):
    return {"error": {"message": message, "type": kind, "param": param, "code": 400}}


def named(message, name, value):
    """Return the complaint about a value, whose parameter vLLM names a second time."""
    return bad(f"{message} (parameter={name}, value={value})", name)


def mistyped(name, kind, message, given):
    inner = f"{{'type': '{kind}', 'loc': 'body.{name}', 'msg': '{message}', 'input': '{given}'}}"
    return bad(f"1 validation error:\n  {inner}", f"body.{name}", "Bad Request")


REFUSED = [
    ({"max_tokens": 0}, named("max_tokens must be at least 1, got 0.", "max_tokens", 0)),
    ({"max_tokens": -1}, named("max_tokens must be at least 1, got -1.", "max_tokens", -1)),
    ({"max_tokens": 5000}, named(
        "max_tokens=5000 cannot be greater than max_model_len=2048. "
        "Please request fewer output tokens.", "max_tokens", 5000)),
    ({"max_tokens": "x"}, mistyped("max_tokens", "int_parsing", INT, "x")),
    ({"max_tokens": 1.5}, mistyped("max_tokens", "int_from_float", FRACTION, 1.5)),
    ({"seed": "x"}, mistyped("seed", "int_parsing", INT, "x")),
    ({"seed": 1.5}, mistyped("seed", "int_from_float", FRACTION, 1.5)),
    ({"temperature": -1}, named(
        "temperature must be non-negative, got -1.0.", "temperature", -1.0)),
    ({"temperature": 2.5}, named("temperature must be in [0, 2], got 2.5.", "temperature", 2.5)),
    ({"temperature": "hot"}, mistyped("temperature", "float_parsing", FLOAT, "hot")),
    ({"top_p": 0}, named("top_p must be in (0, 1], got 0.0.", "top_p", 0.0)),
    ({"top_p": 1.1}, named("top_p must be in (0, 1], got 1.1.", "top_p", 1.1)),
    ({"top_p": "x"}, mistyped("top_p", "float_parsing", FLOAT, "x")),
    ({"presence_penalty": 3}, bad(f"presence_penalty {PENALTY} 3.0.")),
    ({"frequency_penalty": -3}, bad(f"frequency_penalty {PENALTY} -3.0.")),
    ({"min_p": 2}, bad("min_p must be in [0, 1], got 2.0.")),
    ({"top_k": -2}, bad("top_k must be 0 (disable), or at least 1, got -2.")),
    ({"repetition_penalty": 0}, bad("repetition_penalty must be greater than zero, got 0.0.")),
    ({"n": 0}, bad("n must be at least 1, got 0.")),
    ({"stop": ""}, bad("stop cannot contain an empty string.")),
    ({"stream": "maybe"}, mistyped(
        "stream", "bool_parsing", "Input should be a valid boolean, unable to interpret input",
        "maybe")),
    ({"stream_options": {"include_usage": True}}, bad(
        "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
        "stream_options")),
    ({"messages": []}, bad(
        "Cannot apply chat template to an empty conversation. Provide at least one message.")),
]  # fmt: skip


@pytest.mark.parametrize(("options", "body"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_a_bad_parameter_is_refused_in_the_engines_words(engine, options, body):
    answer = engine.chat(**options)

    assert (answer.status, answer.json()) == (400, body)


@pytest.mark.parametrize("options", [{"max_tokens": 0}, {"temperature": -1}, {"top_p": "x"}])
def test_a_stream_is_refused_before_it_begins(engine, options):
    answer = engine.chat(**options, stream=True)

    assert (answer.status, answer.type) == (400, "application/json")
    assert answer.json() == engine.chat(**options).json()


@pytest.mark.parametrize("options", [{"stop": 7}, {"messages": "hello"}, {"messages": [7]}])
def test_other_types_are_refused_too(engine, options):
    answer = engine.chat(**options)

    assert (answer.status, answer.json()["error"]["type"]) == (400, "Bad Request")


@pytest.mark.parametrize("streams", [False, True])
def test_another_model_is_not_found(engine, streams):
    answer = engine.chat(model="other", stream=streams)

    assert answer.status == 404
    assert answer.json() == {
        "error": {
            "message": "The model `other` does not exist. Valid aliases: qwen3-32b.",
            "type": "NotFoundError",
            "param": "model",
            "code": 404,
        }
    }


@pytest.mark.parametrize("streams", [False, True])
def test_a_prompt_longer_than_the_context_is_refused(engine, streams):
    long = [{"role": "user", "content": "a " * 3000}]
    answer = engine.chat(messages=long, stream=streams)

    assert (answer.status, answer.json()) == (
        400,
        named(
            "This model's maximum context length is 2048 tokens. However, your prompt contains at "
            "least 2049 input tokens, which exceeds this limit even without any output tokens. "
            "Please reduce the length of the input prompt.",
            "input_tokens",
            2049,
        ),
    )


@pytest.mark.parametrize("body", [b"", b'{"model":', b"[]", b'"hello"', b"{}", b"\xff\xfe"])
def test_a_body_that_is_no_request_is_refused(engine, body):
    answer = engine.call("POST", "/v1/chat/completions", body)

    assert answer.status == 400
    assert answer.json()["error"]["code"] == 400


def test_a_missing_field_is_named(engine):
    error = engine.call("POST", "/v1/chat/completions", {"model": "qwen3-32b"}).json()["error"]

    assert (error["type"], error["param"]) == ("Bad Request", "body.messages")
    assert "'msg': 'Field required'" in error["message"]


def test_only_json_is_taken(engine):
    answer = engine.call("POST", "/v1/chat/completions", b"hello", **{"Content-Type": "text/plain"})

    assert answer.status == 400
    assert answer.json() == bad(
        "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
        kind="Bad Request",
    )


def test_the_openai_client_raises_what_it_should(engine):
    with engine.client() as client:
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            client.chat.completions.create(**HELLO | {"model": "other"})
        with pytest.raises(openai.BadRequestError, match="max_tokens must be at least 1"):
            client.chat.completions.create(**HELLO, max_tokens=0, stream=True)
