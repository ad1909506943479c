"""Typed text to a command: what phones do to it, and what is said when it makes no sense."""

import pytest

from bot.commands.parse import Ask, Help, parse
from bot.errors import CommandError
from bot.relay import Question
from gitops.engine import Engine
from gitops.request import DeployRequest


def test_a_deploy_is_the_terminals_request():
    request = parse("deploy qwen3-32b sglang")

    assert isinstance(request, DeployRequest)
    assert (request.model, request.engine, request.name) == ("qwen3-32b", Engine.SGLANG, None)


@pytest.mark.parametrize(
    "text",
    [
        'deploy qwen3-32b sglang m1 --reason "two words"',
        "deploy qwen3-32b sglang m1 –reason “two words”",
        "deploy qwen3-32b sglang m1 —reason=\u2018two words\u2019",
        "deploy\u00a0qwen3-32b sglang m1 --reason 'two words'".replace("\u00a0", " "),
    ],
)
def test_quotes_and_dashes_of_phones_are_accepted(text):
    assert parse(text) == parse('deploy qwen3-32b sglang m1 --reason "two words"')


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("ask m1 測試一下", "測試一下"),
        ("ask m1   what's  “this”?  ", "what's  “this”?"),
        ("ask m1 line\nline", "line\nline"),
        ("ask m1 say --seed 3", "say --seed 3"),
        ("ask m1 --verbose", "--verbose"),
    ],
)
def test_the_prompt_reaches_the_model_as_it_was_typed(text, prompt):
    assert parse(text) == Ask("m1", Question(prompt))


def test_the_guides_parameters_are_the_defaults_and_can_be_named():
    assert Question("x") == Question("x", 30, 0.7, 0.9, 10)
    assert parse("ask m1 --max-tokens 500 --temperature=0 —top-p 0.5 –seed 7 hello") == Ask(
        "m1", Question("hello", 500, 0.0, 0.5, 7)
    )


@pytest.mark.parametrize("text", ["", "   ", "help"])
def test_nothing_and_help_are_help(text):
    assert parse(text) == Help()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("depoly x", "no verb “depoly”; did you mean `deploy`?"),
        ("zzz", "no verb “zzz”; try `/llm help`"),
        ("deploy x tgi", "'tgi' is not one of 'vllm', 'sglang'"),
        ("deploy x", "Missing argument 'ENGINE'"),
        ("deploy x vllm --tpp 2", "No such option '--tpp'"),
        ("deploy x vllm --tp two", "'two' is not a valid integer"),
        ("deploy x vllm --help", "No such option '--help'"),
        ('deploy "x', "a quotation mark is not closed"),
        ("ask m1", "Missing argument 'PROMPT'"),
        ("ask m1 --max-tokens 0 hi", "0 is not in the range"),
        ("ask m1 --temperature 3 hi", "3.0 is not in the range"),
        ("x" * 4001, "longer than 4000 characters"),
        ("\u202edeploy x vllm", "no verb “�deploy”"),
    ],
)
def test_words_that_make_no_sense_are_answered_in_one_line(text, line):
    with pytest.raises(CommandError) as refusal:
        parse(text)

    assert line in str(refusal.value)
    assert "\n" not in str(refusal.value)
