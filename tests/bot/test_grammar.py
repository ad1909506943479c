"""Typed text to a command: what phones do to it, and what is said when it makes no sense."""

import pytest

from bot.access import FREE, NEEDED
from bot.commands import command as c
from bot.commands.grammar import parse
from bot.commands.verbs import EXAMPLES, VERBS
from bot.errors import CommandError
from bot.relay import Question
from gitops.engine import Engine
from gitops.request import Changes, DeployRequest, UndeployRequest, UpdateRequest

DEPLOY = DeployRequest("qwen3-32b", Engine.SGLANG)
M1 = "staging/m1"


def scaled(name="m1", replicas=2, **words):
    return UpdateRequest("scale", name, changes=Changes(replicas=replicas, **words))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("deploy qwen3-32b sglang", c.Change(DEPLOY)),
        ("plan qwen3-32b sglang", c.Plan(DEPLOY)),
        ("plan deploy qwen3-32b sglang", c.Plan(DEPLOY)),
        ("plan scale m1 2", c.Plan(scaled())),
        ("plan undeploy m1", c.Plan(UndeployRequest("m1"))),
        ("scale m1 2", c.Change(scaled())),
        ("scale m1 2 reason=night", c.Change(scaled(reason="night"))),
        ("restart m1", c.Change(UpdateRequest("restart", "m1"))),
        ("update m1 --tp 4", c.Change(UpdateRequest("update", "m1", changes=Changes(tensor=4)))),
        ("undeploy staging/m1", c.Change(UndeployRequest("staging/m1"))),
        ("undeploy m1 --confirm m1 --reason done",
         c.Change(UndeployRequest("m1", reason="done"), "m1")),
        ("rollback m1", c.Rollback("m1")),
        ("rollback m1 --to #41 --reason bad", c.Rollback("m1", None, "#41", "bad")),
        ("break-glass m1 --reason outage", c.BreakGlass("m1", "outage")),
        ("list", c.List()),
        ("list --environment staging --page 2", c.List("staging", 2)),
        ("status m1", c.Status("m1")),
        ("history m1 page=2", c.History("m1", page=2)),
        ("models", c.Models()),
        ("models qwen", c.Models("qwen")),
        ("fit qwen3-32b vllm gpu=L20 --tp 2 nodes=2",
         c.FitQuestion("qwen3-32b", Engine.VLLM, "L20", 2, nodes=2)),
        ("endpoint m1", c.Endpoint("m1")),
        ("help", c.Help()),
        ("help deploy", c.Help("deploy")),
        ("", c.Help()),
        ("   ", c.Help()),
        ("whoami", c.WhoAmI()),
    ],
)  # fmt: skip
def test_what_is_typed_is_what_is_meant(text, command):
    assert parse(text) == command


@pytest.mark.parametrize(
    "text",
    [
        'deploy qwen3-32b sglang m1 --reason "two words" --replicas 2',
        "deploy qwen3-32b sglang m1 –reason “two words” –replicas 2",
        "deploy qwen3-32b sglang m1 —reason=\u2018two words\u2019 replicas=2",
        "deploy\u00a0qwen3-32b sglang m1 reason='two words' --replicas=2",
        "  deploy   qwen3-32b sglang m1 'reason=two words'  replicas=2 ",
    ],
)
def test_quotes_and_dashes_of_phones_are_accepted(text):
    wanted = Changes(replicas=2, reason="two words")
    request = DeployRequest("qwen3-32b", Engine.SGLANG, "m1", changes=wanted)

    assert parse(text) == c.Change(request)


def test_only_names_of_options_become_options():
    changes = Changes(engine_args=("--x=1",), environment_variables={"A": "replicas=2"})

    said = parse("update m1 --arg --x=1 --env A=replicas=2")

    assert said == c.Change(UpdateRequest("update", "m1", changes=changes))


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("ask m1 測試一下", "測試一下"),
        ("ask m1   what's  “this”?  ", "what's  “this”?"),
        ("ask m1 line\nline", "line\nline"),
        ("ask m1 say --seed 3 to me", "say --seed 3 to me"),
        ("ask m1 what is --seed?", "what is --seed?"),
        ("ask m1 what is --verbose", "what is --verbose"),
        ("ask m1 solve for seed=3", "solve for seed=3"),
        ("ask m1 -- say --seed 3", "say --seed 3"),
        ("ask -- m1 say --seed 3", "say --seed 3"),
        ("ask m1 --verbose", "--verbose"),
        ("ask m1 x=1; what is x?", "x=1; what is x?"),
        ("ask m1 – and then?", "– and then?"),
        ("ask m1 seed is what?", "seed is what?"),
    ],
)
def test_the_prompt_reaches_the_model_as_it_was_typed(text, prompt):
    assert parse(text) == c.Ask("m1", Question(prompt))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("ask m1 --max-tokens 500 --temperature=0 —top-p 0.5 –seed 7 hello",
         c.Ask("m1", Question("hello", 500, 0.0, 0.5, 7))),
        ("ask m1 max-tokens=500 seed=7 hello seed=8",
         c.Ask("m1", Question("hello seed=8", 500, seed=7))),
        ("ask m1 --thinking off --raw hello",
         c.Ask("m1", Question("hello", thinking=False), raw=True)),
        ("ask m1 –raw thinking=on hello", c.Ask("m1", Question("hello", thinking=True), raw=True)),
        ("ask m1 --system “Be brief.” hello", c.Ask("m1", Question("hello", system="Be brief."))),
        ('ask m1 system="Be brief." hello', c.Ask("m1", Question("hello", system="Be brief."))),
        ("ask m1 --seed 3 -- --raw seed=4", c.Ask("m1", Question("--raw seed=4", seed=3))),
        ("ask m1 -- seed=4", c.Ask("m1", Question("seed=4"))),
        ("ask --max-tokens 50 m1 --seed 3 hello", c.Ask("m1", Question("hello", 50, seed=3))),
        ("ask --raw seed=3 m1 hello", c.Ask("m1", Question("hello", seed=3), raw=True)),
        ("ask m1 --environment staging hello",
         c.Ask("m1", Question("hello"), environment="staging")),
    ],
)  # fmt: skip
def test_parameters_of_a_question_stand_before_it(text, command):
    assert parse(text) == command


def test_the_guides_parameters_are_the_defaults():
    assert Question("x") == Question("x", 30, 0.7, 0.9, 10)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("status", c.Status(M1)),
        ("status m2", c.Status("m2")),
        ("scale 2", c.Change(scaled(M1))),
        ("scale m2 2", c.Change(scaled("m2"))),
        ("plan scale 2", c.Plan(scaled(M1))),
        ("restart", c.Change(UpdateRequest("restart", M1))),
        ("rollback --to 2", c.Rollback(M1, to="2")),
        ("history", c.History(M1)),
        ("endpoint", c.Endpoint(M1)),
        ("undeploy", c.Change(UndeployRequest(M1))),
        ("ask how are you?", c.Ask(M1, Question("how are you?"))),
        ("ask m1 how are you?", c.Ask("m1", Question("how are you?"))),
        ("ask --seed 3 how are you?", c.Ask(M1, Question("how are you?", seed=3))),
        ("ask --seed 3 m1 --raw m1?", c.Ask("m1", Question("m1?", seed=3), raw=True)),
        ("ask -- m1 --seed 3", c.Ask(M1, Question("m1 --seed 3"))),
        ("list", c.List()),
        ("models", c.Models()),
    ],
)
def test_in_a_cards_thread_its_deployment_is_meant_when_none_is_named(text, command):
    assert parse(text, M1) == command


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("depoly x", "no verb “depoly”; did you mean `/llm deploy qwen3-32b sglang`?"),
        ("zzz", "no verb “zzz”; try `/llm help`"),
        ("deploy x tgi", "'tgi' is not one of 'vllm', 'sglang'. For example: `/llm deploy"),
        (
            "deploy x",
            "Missing argument 'ENGINE'. Choose from: vllm, sglang. For example: `/llm deploy qwen",
        ),
        ("plan rollback m1", "plan: `rollback` cannot be planned; what can: deploy, update, sc"),
        (
            "plan x",
            "plan: Missing argument 'ENGINE'. Choose from: vllm, sglang. For example: `/llm plan",
        ),
        (
            "deploy x vllm --replcas 2",
            "no option --replcas. Did you mean --replicas? For example:",
        ),
        ("deploy x vllm --tp two", "'two' is not a valid integer"),
        ("deploy x vllm --help", "no option --help"),
        ("deploy x vllm n extra", "Got unexpected extra argument (extra)"),
        ('deploy "x', "a quotation mark is not closed"),
        ("scale m1", "Missing argument 'REPLICAS'"),
        ("update m1", "nothing to change; name at least one option"),
        ("status", "Missing argument 'NAME'. For example: `/llm status qwen3-32b-sglang`"),
        ("rollback", "Missing argument 'NAME'"),
        ("break-glass m1", "Missing option '--reason'"),
        ("list --page 0", "0 is not in the range"),
        ("ask m1", "Missing argument 'QUESTION'"),
        ("ask m1 hi --max-tokens 400", "go before the question: `/llm ask NAME --max-tokens … QUE"),
        ("ask m1 hi —raw --seed=3 ", "write `--` before a question that holds such words"),
        ("ask m1 hi –system “be brief”", "options go before the question"),
        ("ask m1 --max-tokens 0 hi", "0 is not in the range"),
        ("ask m1 --temperature 3 hi", "3.0 is not in the range"),
        ("ask m1 --temprature 1 hi", "no option --temprature. Did you mean --temperature?"),
        ("ask m1 --thinking maybe hi", "'maybe' is not one of 'on', 'off'"),
        ("ask m1 --seed 99999999999999999999 hi", "is not in the range"),
        ("x" * 4001, "longer than 4000 characters"),
        ("\u202edeploy x vllm", "no verb “�deploy”"),
    ],
)
def test_words_that_make_no_sense_are_answered_in_one_line(text, line):
    with pytest.raises(CommandError) as refusal:
        parse(text)

    assert line in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_thread_does_not_make_up_more_than_the_name():
    with pytest.raises(CommandError, match="Missing argument 'REPLICAS'"):
        parse("scale", M1)


@pytest.mark.parametrize("verb", EXAMPLES)
def test_every_example_is_a_command(verb):
    assert verb in {*VERBS, "plan"}
    parse(EXAMPLES[verb])


def test_every_verb_has_an_example_and_a_role_or_none():
    assert set(EXAMPLES) == {*VERBS, "plan"}
    for verb in EXAMPLES:
        assert c.verb_of(parse(EXAMPLES[verb])) == verb
        assert verb in NEEDED or verb in FREE
