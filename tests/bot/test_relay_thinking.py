"""Reasoning between marks, in bits of any length."""

import pytest

from bot.relay.thinking import Thinking


def parted(bits):
    """Return text and thoughts of an answer as its reader has them at the end."""
    thinking = Thinking()
    text = thought = ""
    for piece in [p for bit in bits for p in thinking.feed(bit)] + [*thinking.rest()]:
        if piece.folds:
            text, thought = "", thought + text
        elif piece.thought:
            thought += piece.text
        else:
            text += piece.text
    return text, thought


@pytest.mark.parametrize(
    ("answer", "text", "thought"),
    [
        ("hello", "hello", ""),
        ("<think>\nhm\n</think>\n\nhello", "hello", "\nhm\n"),
        ("\n<think>hm</think>hello", "hello", "hm"),
        ("<think></think>hello", "hello", ""),
        ("<think>\n\n</think>\n\nhello", "hello", "\n\n"),
        ("<think>cut in tho", "", "cut in tho"),
        ("<think>cut in the mark</thi", "", "cut in the mark</thi"),
        ("<think>a < b, a </b> c</think>x", "x", "a < b, a </b> c"),
        ("hm, so\n</think>\n\nhello", "hello", "hm, so\n"),  # the template opened it
        ("</think>hello", "hello", ""),
        ("</think>", "", ""),
        ("hm</think>the mark is </think> again", "the mark is </think> again", "hm"),
        ("<think>hm</think>say <think>x</think>", "say <think>x</think>", "hm"),
        ("the mark `</think>` ends a thought", "the mark `</think>` ends a thought", ""),
        ('he wrote "</think>" there', 'he wrote "</think>" there', ""),
        ("if a < b and b > c: <b>yes</b>", "if a < b and b > c: <b>yes</b>", ""),
        ("<thin is no mark", "<thin is no mark", ""),
        ("ends with <", "ends with <", ""),
        ("ends with </think", "ends with </think", ""),
        ("  \n ", "  \n ", ""),
        ("<", "<", ""),
        ("", "", ""),
    ],
)
def test_an_answer_is_parted_the_same_however_it_is_cut(answer, text, thought):
    cuts = [
        [answer[:a], answer[a:b], answer[b:]]
        for a in range(len(answer))
        for b in range(a, len(answer))
    ]

    assert parted([answer]) == (text, thought)
    assert parted(list(answer)) == (text, thought)
    assert {parted(bits) for bits in cuts} <= {(text, thought)}


def test_text_is_not_held_back_where_no_mark_can_begin():
    thinking = Thinking()

    assert [piece.text for piece in thinking.feed("hello")] == ["hello"]
    assert [piece.text for piece in thinking.feed(" you")] == [" you"]


def test_an_engine_that_parts_itself_has_its_text_left_alone():
    thinking = Thinking()
    thinking.settle()

    assert [piece.text for piece in thinking.feed("<think>x</think>")] == ["<think>x</think>"]
