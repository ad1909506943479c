"""The bytes of event streams, however they are cut."""

import json

import pytest

from bot.relay.completions import DONE, Reading
from bot.relay.events import events

SEPARATORS = "line\u2028paragraph\u2029next\u0085tab\x0bfeed\x0cfile\x1c"


def chunk(text, **more):
    body = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} | more
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
ANSWER = chunk("測試") + b": keep-alive\n\n" + chunk(SEPARATORS) + chunk("😀 ok\r\n") + END


def text_of(chunks):
    reading = Reading()
    found = []
    for data in events(chunks):
        if data == DONE:
            break
        found += [piece.text for piece in reading.pieces(data)]
    assert reading.end().finish == "stop"
    return "".join(found)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_stream_cut_at_any_two_bytes_gives_the_same_text(ending):
    raw = ANSWER.replace(b"\n", ending)
    whole = text_of([raw])
    cuts = [text_of([raw[:at], raw[at : at + 1], raw[at + 1 :]]) for at in range(len(raw))]

    assert whole == f"測試{SEPARATORS}😀 ok\r\n"
    assert set(cuts) == {whole}
    assert text_of([raw[at : at + 1] for at in range(len(raw))]) == whole


@pytest.mark.parametrize("mark", ["\u2028", "\u0085"], ids=["U+2028", "U+0085"])
def test_only_a_line_feed_ends_a_line(mark):
    raw = chunk(f"one{mark}two")

    assert text_of([raw, END]) == f"one{mark}two"
    assert len(raw.decode().splitlines()) > 2  # where a reader of text lines breaks the JSON


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"event: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b": comment\n\n\n\ndata: a\n\n", [b"a"]),
        (b"data\n\n", []),
        (b"data:\n\n", [b""]),
        (b"data: a\n", [b"a"]),  # without the blank line
        (b"data: a", [b"a"]),
        (b"data: a\r\n\r\ndata: b\r\n\r", [b"a", b"b"]),
        (b"data: a\rb\n\n", [b"a\rb"]),  # a lone CR ends nothing
        (b"\n\n\n", []),
        (b"", []),
        (b"nonsense\n\n{}\n\n", []),
    ],
)
def test_events_are_read_as_the_standard_says(raw, found):
    assert list(events([raw])) == found


def test_a_line_without_end_is_given_up_at_its_limit():
    read = []

    def endless():
        while True:
            read.append(1)
            yield b"x" * 100

    with pytest.raises(ValueError, match="an event is longer than 1 KiB"):
        list(events(endless(), line=1024))
    assert len(read) == 11


def test_an_event_of_many_lines_is_given_up_at_the_same_limit():
    with pytest.raises(ValueError, match="an event is longer"):
        list(events([b"data: " + b"x" * 100 + b"\n"] * 11, line=1024))


def test_a_stream_without_end_is_given_up_at_its_limit():
    with pytest.raises(ValueError, match="the stream is longer than 2 KiB"):
        list(events(iter([b": comment\n"] * 1000), total=2048))


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (b'{"choices":[{"delta":{"content":"a\xff\xfeb"}}]}', "a\ufffd\ufffdb"),
        (b'{"choices":[{"delta":{"content":"a\\ud83db"}}]}', "a\ufffdb"),
        (b'{"choices":[{"delta":{"content":"\\ud83d\\ude00"}}]}', "😀"),
        (b'{"choices":[{"delta":{"content":null}}]}', ""),
        (b'{"choices":[{"delta":{}}],"more":{"x":[1]}}', ""),
        (b'{"choices":[],"usage":null}', ""),
        (b"{}", ""),
    ],
)
def test_every_text_of_an_event_becomes_text_that_can_be_shown(event, text):
    found = "".join(piece.text for piece in Reading().pieces(event))

    assert found == text
    assert found.encode().decode() == text


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (b'{"error":{"message":"too  long\\nprompt","code":400}}', "says: too long prompt"),
        (b'{"error":{"object":"error","message":"late"}}', "says: late"),
        (b'{"object":"error","message":"flat","code":400}', "says: flat"),
        (b'{"error":"Unauthorized"}', "says: Unauthorized"),
        (b'{"error":{}}', "an error without words"),
        (b'{"choices":[{"delta":{"content":7}}]}', "no chat completion"),
        (b'{"choices":"x"}', "no chat completion"),
        (b'{"choices":[{"delta":{"conte', "no chat completion"),
        (b"<html>", "no chat completion"),
        (b"[" * 100_000, "no chat completion"),
        (b"", "no chat completion"),
    ],
)
def test_what_is_no_part_of_an_answer_is_said(event, words):
    with pytest.raises(ValueError, match=words):
        list(Reading().pieces(event))


def test_the_end_has_the_counts_that_the_engine_gives():
    reading = Reading()
    for event in (
        b'{"id":"c1","model":"m","choices":[{"delta":{"content":"a"}}]}',
        b'{"id":"c1","model":"m","choices":[{"delta":{"content":"b"},"finish_reason":"length"}]}',
        b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":30}}',
    ):
        list(reading.pieces(event))
    end = reading.end()

    assert (end.finish, end.tokens, end.prompt_tokens, end.model, end.id) == (
        "length", 30, 7, "m", "c1",
    )  # fmt: skip


def test_an_engine_that_counts_nothing_has_its_events_counted():
    reading = Reading()
    for _ in range(3):
        list(reading.pieces(b'{"choices":[{"delta":{"content":"a"}}]}'))

    assert reading.end("stop").tokens == 3


@pytest.mark.parametrize(
    "names", [["reasoning"], ["reasoning_content"], ["reasoning_content", "reasoning"]]
)
def test_reasoning_of_each_version_is_thought_once(names):
    delta = json.dumps(dict.fromkeys(names, "hm")).encode()
    reading = Reading()
    found = [*reading.pieces(b'{"choices":[{"delta":' + delta + b"}]}")]

    assert [(piece.text, piece.thought) for piece in found] == [("hm", True)]
