"""An engine over two pods or processes, open and without a reasoning parser."""

import pytest

from tests.engine.raw import MODEL
from tests.engine.sides import OFF


@pytest.fixture(scope="module")
def group(start_group):
    with start_group() as found:
        yield found


def test_nobody_listens_before_the_weights_are_loaded(group):
    assert group.before == {"refused"}


def test_a_group_answers_like_one(group):
    body = group.chat(**OFF).json()

    assert (body["model"], body["choices"][0]["finish_reason"]) == (MODEL, "stop")


def test_without_a_parser_the_thoughts_stand_in_the_text(group):
    found = group.chat().json()["choices"][0]["message"]

    assert found["content"].startswith("<think>")
    assert "</think>\n\n" in found["content"]
    assert found["reasoning"] is None


def test_without_a_parser_a_stream_has_them_in_the_text_too(group):
    events = group.chat(stream=True, seed=3).events()
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    text = "".join(delta.get("content", "") for delta in deltas)

    assert text == group.chat(seed=3).json()["choices"][0]["message"]["content"]
    assert [delta for delta in deltas if "reasoning" in delta] == []


def test_without_a_key_any_key_is_taken(group):
    assert group.call("GET", "/v1/models", Authorization="Bearer whatever").status == 200
