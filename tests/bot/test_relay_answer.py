"""What is said of an answer at its end, how long ones are divided, and whose keys are read."""

import json
import re

import pytest

from bot.commands.answer import Answer
from bot.commands.ask import waiting
from bot.errors import EngineUnavailableError
from bot.notice import Card, GroupLine, Rank
from bot.relay import Piece, Question
from bot.relay.keys import MountedKeys, NoKeys
from bot.relay.refusals import message_of, refusal
from bot.relay.routes import KEY_IS_LOST
from bot.slack.portions import MESSAGE, portion
from gitops.errors import InvalidRequestError

HM = Piece("hm", thought=True)


def ended(*pieces, **more):
    answer = Answer("m", begun=10.0)
    answer.first, answer.ended = 10.5, 12.5
    for piece in pieces:
        answer.take(piece)
    for name, value in more.items():
        setattr(answer, name, value)
    return answer


def test_a_footer_has_the_times_of_one_clock_and_the_counts_of_the_engine():
    footer = ended(Piece("a"), Piece(finish="stop", tokens=30, prompt_tokens=5)).footer("m")

    assert (footer.first_token, footer.tokens_per_second) == (0.5, 15.0)
    assert (footer.tokens, footer.prompt_tokens, footer.finish) == (30, 5, "stop")


def test_an_answer_that_never_began_has_no_times():
    footer = Answer("m", begun=10.0, ended=12.0, broken="gone").footer("m")

    assert (footer.first_token, footer.tokens, footer.tokens_per_second) == (None, None, None)
    assert footer.broken == "gone"


@pytest.mark.parametrize("last", [(), (Piece(finish="cancelled", tokens=7),)])
def test_pieces_are_no_tokens_where_the_engine_has_not_counted(last):
    answer = ended(Piece("a"), *last)

    footer = answer.footer("m")
    assert (footer.first_token, footer.tokens, footer.tokens_per_second) == (0.5, None, None)
    assert json.loads(answer.raw(Question("hi")).copy[-1])["usage"] is None


@pytest.mark.parametrize(
    ("pieces", "only", "thought"),
    [
        ([HM, Piece(finish="length")], True, 2),
        ([HM, Piece("\n\n"), Piece(finish="length")], True, 2),
        ([HM, Piece(finish="stop")], False, 2),
        ([HM], False, 2),  # broken off, which is said otherwise
        ([HM, Piece("a"), Piece(finish="length")], False, 2),
        ([Piece("a"), Piece(finish="length")], False, 0),
        ([Piece("so "), Piece(folds=True), Piece(finish="length")], True, 3),
        ([Piece("so "), Piece(folds=True), Piece("a"), Piece(finish="stop")], False, 3),
    ],
)
def test_only_thought_is_what_was_cut_before_any_text(pieces, only, thought):
    footer = ended(*pieces).footer("m")

    assert (footer.only_thought, footer.thought) == (only, thought)


@pytest.mark.parametrize(
    ("answered", "served", "shown"),
    [
        ("m", "m", "m"),
        ("", "m", "m"),
        ("x", "m", "m (the answer says x)"),
        ("m", "g", "m (Git says g)"),
        ("x", "g", "m (the answer says x; Git says g)"),
        ("m", "", "m"),
    ],
)
def test_every_other_name_of_the_model_is_told(answered, served, shown):
    assert ended(Piece(finish="stop", model=answered)).footer(served).model == shown


def test_the_json_is_cut_where_it_would_fill_the_channel():
    copies = ended(Piece("x" * 50_000), Piece(finish="stop")).raw(Question("hi")).copy

    assert len(copies) == 5
    assert copies[-1].endswith("…")
    assert json.loads(copies[0])["messages"] == [{"role": "user", "content": "hi"}]


def card(*ranks, note=""):
    groups = (GroupLine(0, tuple(ranks), None),) if ranks else ()
    return Card("n", "e", "m", "vllm", "1×1", "TP 1", 1, 1, "u", "U1", "pulling", groups, note=note)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (card(), "pulling"),
        (card(Rank(0, "Running", ready=True)), ""),
        (card(Rank(0, "ErrImagePull", ready=False)), "pulling, leader of group 0 ErrImagePull"),
        (
            card(Rank(0, "Running", ready=True), Rank(1, "Pending", ready=False), note="no GPU"),
            "pulling, worker 1 of group 0 Pending; no GPU",
        ),
    ],
)
def test_a_card_says_what_pods_wait_for(shown, words):
    assert waiting(shown) == words


def whole(text, limit):
    """Divide a text to its end; return the messages."""
    messages, rest = [], text
    while rest:
        head, rest = portion("", rest, limit)
        assert head
        messages.append(head)
    return messages


@pytest.mark.parametrize("limit", [60, 100, 1_000])
@pytest.mark.parametrize(
    "text",
    ["x" * 5_000, "word " * 900, "line\n" * 900, "&amp;" * 900, "測試" * 900, "a &lt; b\n" * 500],
)
def test_a_divided_text_is_whole_and_no_escape_is_torn(text, limit):
    messages = whole(text, limit)

    assert "".join(messages) == text
    assert max(map(len, messages)) <= limit
    assert not any(re.search(r"&[a-z]*$", message) for message in messages)


def test_a_text_that_fits_is_not_divided():
    assert portion("", "x" * MESSAGE) == ("x" * MESSAGE, "")
    assert portion("x" * MESSAGE, "y") == ("", "y")


def test_code_that_is_divided_is_code_in_both_messages():
    code = "```python\n" + "a = 1\n" * 50 + "```\nend\n"
    messages = whole(code, 120)

    assert all(message.count("```") == 2 for message in messages[:-1])
    assert all(message.startswith("```python\n") for message in messages[:-1])
    assert max(map(len, messages)) <= 120
    assert "".join(messages).count("a = 1") == 50


@pytest.mark.parametrize("place", ["staging/qwen", "staging/secret", "staging/secret/api-key"])
def test_a_key_is_read_from_its_file_at_each_question(tmp_path, place):
    keys = MountedKeys(tmp_path)
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    for key in ("one", "two"):
        file.write_text(f"{key}\n")
        assert keys.key("staging", "qwen", "secret") == key


@pytest.mark.parametrize("place", ["secret", "secret/api-key", "prod/secret", "prod/qwen"])
def test_a_key_of_no_environment_or_of_another_is_sent_to_none(tmp_path, place):
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_text("prod's")
    (tmp_path / "staging").mkdir()

    with pytest.raises(EngineUnavailableError, match="expected the file staging/qwen, staging/se"):
        MountedKeys(tmp_path).key("staging", "qwen", "secret")


@pytest.mark.parametrize("text", ["", "\n", "a b", "a\nb", "schlüssel", "x" * 5_000])
def test_a_file_that_holds_no_key_is_said_without_its_text(tmp_path, text):
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging/secret").write_text(text)
    with pytest.raises(EngineUnavailableError, match="holds no API key") as caught:
        MountedKeys(tmp_path).key("staging", "qwen", "secret")

    assert not text.strip() or text not in str(caught.value)


def test_a_key_without_a_folder_says_which_setting():
    with pytest.raises(EngineUnavailableError, match="set LEADLINE_API_KEYS"):
        MountedKeys(None).key("staging", "qwen", "secret")
    with pytest.raises(EngineUnavailableError, match="asking staging/qwen through the API server"):
        NoKeys(KEY_IS_LOST).key("staging", "qwen", "secret")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "", "."])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(InvalidRequestError):
        MountedKeys(tmp_path).key("staging", "qwen", name)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":{"message":"a","type":"x"}}', "a"),
        (b'{"error":"Unauthorized"}', "Unauthorized"),
        (b'{"object":"error","message":"b"}', "b"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (
            b'{"kind":"Status","message":"no endpoints available","code":503}',
            "no endpoints available",
        ),
        (b'{"error":{"message":"' + b"x" * 5_000 + b'"}}', "x" * 300),
        (b'{"error":{"message":"a\\n\\u0000 b"}}', "a \x00 b"),
        (b"[" * 50_000, ""),
        (b'{"a":' * 50_000, ""),
        (b"<html>", ""),
        (b'{"detail":[{"msg":"x"}]}', ""),
        (b"\xff", ""),
    ],
)
def test_the_words_of_a_refusal_are_found_in_every_form(body, words):
    assert message_of(body) == words


def test_a_refusal_says_what_to_do():
    assert refusal("h", 401, b"", keyed=True) == "asking h: 401; check the API key file"
    assert "name its Secret" in refusal("h", 401, b"", keyed=False)
    assert "which is not followed" in refusal("h", 302, b"", keyed=False)
    assert refusal("h", 400, b'{"message":"long"}', keyed=False) == "asking h: 400 long"
