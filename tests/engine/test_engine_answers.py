"""Answers, whole and streamed, on both sides of the contract; raw HTTP and the openai client."""

import pytest

from tests.engine.raw import HELLO, MODEL
from tests.engine.sides import OFF


def message(answer):
    [choice] = answer.json()["choices"]
    return choice["message"]


def said(events, field="content"):
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    return "".join(delta.get(field) or "" for delta in deltas)


def reasons(events):
    found = [choice["finish_reason"] for event in events for choice in event["choices"]]
    return [reason for reason in found if reason]


def test_a_whole_answer_has_the_shape_of_a_chat_completion(engine):
    answer = engine.chat()
    body = answer.json()
    [choice] = body["choices"]

    assert (answer.status, answer.type) == (200, "application/json")
    assert (body["object"], body["model"]) == ("chat.completion", MODEL)
    assert body["id"].startswith("chatcmpl-")
    assert isinstance(body["created"], int)
    assert (choice["index"], choice["finish_reason"], choice["stop_reason"]) == (0, "stop", None)
    assert choice["message"]["role"] == "assistant"
    assert choice["logprobs"] is None


def test_usage_adds_up(engine):
    usage = engine.chat().json()["usage"]

    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_thoughts_stand_apart_in_the_field_of_this_version(engine):
    found = message(engine.chat())

    assert found["reasoning"].strip()
    assert found["content"].strip()
    assert "reasoning_content" not in found
    assert "think>" not in found["content"] + found["reasoning"]


def test_thoughts_are_counted(engine):
    usage = engine.chat().json()["usage"]

    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]


def test_thinking_is_switched_off_by_a_template_argument(engine):
    answer = engine.chat(**OFF)
    found = message(answer)

    assert found["reasoning"] is None
    assert found["content"].strip()
    assert answer.json()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


@pytest.mark.parametrize("options", [{"seed": 7}, {"temperature": 0}], ids=["seed", "temperature"])
def test_the_same_question_gets_the_same_answer(engine, options):
    first, second = (message(engine.chat(**options)) for _ in range(2))

    assert first == second


def test_seeds_make_a_difference(engine):
    assert len({message(engine.chat(seed=seed))["content"] for seed in range(8)}) > 1


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_ends_at_its_limit(engine, name):
    body = engine.chat(**OFF, **{name: 3}).json()

    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 3
    assert body["choices"][0]["message"]["content"]


def test_the_newer_name_of_the_limit_wins(engine):
    usage = engine.chat(max_tokens=2, max_completion_tokens=4).json()["usage"]

    assert usage["completion_tokens"] == 4


def test_an_answer_cut_while_thinking_has_thoughts_only(engine):
    body = engine.chat(max_tokens=4).json()
    found = body["choices"][0]["message"]

    assert found["content"] is None
    assert found["reasoning"]
    assert body["choices"][0]["finish_reason"] == "length"


def test_a_limit_beyond_the_room_is_fitted_to_it(engine):
    long = [{"role": "user", "content": "a " * 300}]
    answer = engine.chat(messages=long, max_tokens=2000)

    assert answer.status == 200


def test_an_ignored_end_makes_a_longer_answer(engine):
    body = engine.chat(max_tokens=200, ignore_eos=True).json()

    assert body["usage"]["completion_tokens"] == 200
    assert body["choices"][0]["finish_reason"] == "length"


def test_a_stop_string_cuts_before_itself(engine):
    options = OFF | {"temperature": 0, "seed": 1}
    text = message(engine.chat(**options))["content"]
    stop = text.split()[3]
    body = engine.chat(**options, stop=stop).json()
    [choice] = body["choices"]

    assert choice["message"]["content"] == text[: text.index(stop)]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", stop)


def test_the_first_of_several_stop_strings_cuts(engine):
    options = OFF | {"temperature": 0, "seed": 1}
    text = message(engine.chat(**options))["content"]
    late, early = text.split()[4], text.split()[2]
    [choice] = engine.chat(**options, stop=["never said", late, early]).json()["choices"]

    assert choice["message"]["content"] == text[: text.index(early)]
    assert choice["stop_reason"] == early


def test_a_stop_string_cuts_a_stream_too(engine):
    options = OFF | {"temperature": 0, "seed": 1}
    text = message(engine.chat(**options))["content"]
    stop = text[len(text) // 2 :][:6]
    events = engine.chat(**options, stop=stop, stream=True).events()

    assert said(events) == text[: text.index(stop)]
    assert reasons(events) == ["stop"]


def test_a_stream_is_the_whole_answer_in_pieces(engine):
    whole = message(engine.chat(seed=3))
    answer = engine.chat(seed=3, stream=True)
    events = answer.events()

    assert answer.type.startswith("text/event-stream")
    assert said(events) == whole["content"]
    assert said(events, "reasoning") == whole["reasoning"]
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert {event["model"] for event in events} == {MODEL}
    assert len({event["id"] for event in events}) == 1


def test_a_stream_begins_with_the_role_and_ends_with_the_reason(engine):
    events = engine.chat(stream=True).events()

    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert reasons(events) == ["stop"]
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


def test_no_piece_of_a_stream_has_an_empty_field(engine):
    deltas = [event["choices"][0]["delta"] for event in engine.chat(stream=True).events()]

    assert [delta for delta in deltas if None in delta.values()] == []


def test_a_stream_is_cut_at_its_limit(engine):
    events = engine.chat(**OFF, stream=True, max_tokens=3).events()

    assert reasons(events) == ["length"]
    assert said(events)


def test_thoughts_come_before_the_text(engine):
    deltas = [event["choices"][0]["delta"] for event in engine.chat(stream=True).events()]
    order = ["reasoning" if "reasoning" in delta else "content" for delta in deltas[1:]]

    assert order == sorted(order, reverse=True)


def test_usage_is_streamed_only_when_asked(engine):
    silent = engine.chat(stream=True, seed=3).events()
    asked = engine.chat(stream=True, seed=3, stream_options={"include_usage": True}).events()
    whole = engine.chat(seed=3).json()["usage"]

    assert [event for event in silent if event.get("usage")] == []
    assert [event for event in asked[:-1] if event.get("usage")] == []
    assert asked[-1]["choices"] == []
    for name in ("prompt_tokens", "completion_tokens", "total_tokens", "completion_tokens_details"):
        assert asked[-1]["usage"][name] == whole[name]


def test_a_message_may_come_in_parts(engine):
    parts = [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]
    answer = engine.chat(messages=[{"role": "user", "content": parts}])

    assert message(answer)["content"]


def test_a_system_message_and_a_history_are_taken(engine):
    messages = [
        {"role": "system", "content": "be short"},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hello, you"},
        {"role": "user", "content": "again"},
    ]

    assert message(engine.chat(messages=messages))["content"]


def test_without_a_model_the_engine_takes_its_own(engine):
    body = {"messages": HELLO["messages"]}

    assert engine.call("POST", "/v1/chat/completions", body).json()["model"] == MODEL


def test_unknown_parameters_are_ignored(engine):
    assert engine.chat(surprise=1, user="alice", max_tokens=1).status == 200


def test_the_openai_client_reads_whole_answers(engine):
    with engine.client() as client:
        answer = client.chat.completions.create(**HELLO, seed=3)

    assert answer.choices[0].message.content == message(engine.chat(seed=3))["content"]
    assert answer.choices[0].message.reasoning
    assert answer.choices[0].finish_reason == "stop"


def test_the_openai_client_reads_streams(engine):
    options = {"seed": 3, "stream_options": {"include_usage": True}}
    with engine.client() as client:
        chunks = list(client.chat.completions.create(**HELLO, **options, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert text == message(engine.chat(seed=3))["content"]
    assert chunks[-1].usage.total_tokens == engine.chat(seed=3).json()["usage"]["total_tokens"]
