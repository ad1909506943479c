"""What help says: every verb with a sentence, every word and option with its meaning."""

import click
import pytest

from bot.commands.grammar import parse
from bot.commands.usage import usage
from bot.commands.verbs import EXAMPLES, VERBS
from bot.errors import CommandError


def test_help_lists_every_verb_with_an_example_a_sentence_and_its_role():
    said = usage("").text

    assert "`/llm scale qwen3-32b-sglang 2` Propose more or fewer groups. · requester\n" in said
    assert "`/llm whoami` Your roles here, and your GitHub login.\n" in said
    assert [line.split()[1].strip("`") for line in said.splitlines()] == [*EXAMPLES, "help"]
    assert len(said) <= 3_000


def test_help_of_a_verb_is_a_usage_line_a_sentence_its_words_options_and_an_example():
    assert usage("ask").text.splitlines() == [
        "`/llm ask NAME [options] QUESTION`",
        "Ask a deployed model; the answer streams into a thread. · viewer",
        "NAME: the deployment, as NAME or ENVIRONMENT/NAME; in its card's thread it goes without",
        "QUESTION: goes to the model as it is; options stand before it, and `--` ends them",
        "`--environment TEXT` Environment; the channel's when absent.",
        "`--max-tokens N` Most tokens of the answer, thought included; 1 to 32768; 30 when absent.",
        (
            "`--temperature N` How freely the model chooses; 0 takes the likeliest; 0 to 2;"
            " 0.7 when absent."
        ),
        "`--top-p N` Share of the likeliest tokens that it chooses from; 0 to 1; 0.9 when absent.",
        (
            "`--seed N` Start of its dice: the same gives the same answer where the engine can;"
            " 10 when absent."
        ),
        "`--system TEXT` Instructions that go before the question.",
        "`--thinking on|off` Switch a reasoning model's thinking.",
        "`--raw` Show request and answer as JSON, too.",
        "For example: `/llm ask qwen3-32b-sglang 測試一下`",
    ]


@pytest.mark.parametrize("verb", EXAMPLES)
def test_every_verb_is_explained_and_its_example_can_be_typed(verb):
    first, sentence, *_, last = usage(verb).text.splitlines()

    assert first.startswith(f"`/llm {verb}")
    assert sentence.partition(" · ")[0].endswith(".")
    parse(last.removeprefix("For example: `/llm ").removesuffix("`"))


def test_every_option_says_what_it_means():
    options = [p for verb in VERBS.values() for p in verb.params if isinstance(p, click.Option)]

    assert [p.opts for p in options if not p.help] == []


def test_plan_leads_to_the_help_of_the_verbs_that_it_can_stand_before():
    assert "of deploy, update, scale, restart, undeploy" in usage("plan").text


@pytest.mark.parametrize(
    ("verb", "line"),
    [
        ("deply", "no verb “deply”; did you mean `/llm help deploy`?"),
        ("zzz\u202e", "no verb “zzz�”; there are: deploy, plan, list"),
    ],
)
def test_help_of_no_verb_says_the_nearest_or_which_there_are(verb, line):
    with pytest.raises(CommandError) as refusal:
        usage(verb)

    assert line in str(refusal.value)
