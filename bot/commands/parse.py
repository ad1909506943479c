"""Pure: typed text to a command, through the same click commands as the terminal's."""

import difflib
import re
import shlex
from dataclasses import dataclass

import click

from bot.errors import CommandError
from bot.relay import Question
from gitops.arguments import deploy
from gitops.names import printable
from gitops.request import DeployRequest

MAX_TEXT = 4000
"""Longest command, in characters; Slack sends no more."""

_PHONE = str.maketrans({"“": '"', "”": '"', "„": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "})
_DASHES = re.compile(r"(?:^|(?<=\s))[–—](?=[A-Za-z])")


GUIDE = Question("")
"""Where the defaults of `ask` come from: the ACK guide's test call."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to a deployment."""

    name: str
    question: Question


@dataclass(frozen=True, slots=True)
class Help:
    """What one can type."""


Command = DeployRequest | Ask | Help


@click.command(short_help="Ask a deployed model.")
@click.argument("name")
@click.argument("prompt")
@click.option("--max-tokens", type=click.IntRange(1, 32_768), default=GUIDE.max_tokens)
@click.option("--temperature", type=click.FloatRange(0, 2), default=GUIDE.temperature)
@click.option("--top-p", type=click.FloatRange(0, 1), default=GUIDE.top_p)
@click.option("--seed", type=int, default=GUIDE.seed)
def ask(
    name: str, prompt: str, max_tokens: int, temperature: float, top_p: float, seed: int
) -> Ask:
    """Ask a model: ask qwen3-32b-sglang 測試一下."""
    return Ask(name, Question(prompt, max_tokens, temperature, top_p, seed))


@click.command(name="help", short_help="What one can type.")
def help_() -> Help:
    """Say what one can type."""
    return Help()


_VERBS: dict[str, click.Command] = {"deploy": deploy, "ask": ask, "help": help_}

_EXAMPLES = {
    "deploy": "deploy qwen3-32b sglang",
    "ask": "ask qwen3-32b-sglang 測試一下",
    "help": "help",
}

USAGE = """`/llm deploy qwen3-32b sglang` proposes a deployment
`/llm ask qwen3-32b-sglang 測試一下` asks a deployed model
`/llm help` says this"""


def parse(text: str) -> Command:
    """Return the command that a person typed after `/llm`.

    Raises:
        CommandError: no such verb, or words that do not fit it; with the nearest verb.
    """
    if len(text) > MAX_TEXT:
        raise CommandError(f"the command is longer than {MAX_TEXT} characters")
    verb, _, rest = text.strip().partition(" ")
    if not verb:
        return Help()
    if verb not in _VERBS:
        near = difflib.get_close_matches(verb, _VERBS, 1)
        hint = f"did you mean `{near[0]}`?" if near else "try `/llm help`"
        raise CommandError(f"no verb “{printable(verb)}”; {hint}")
    return _run(verb, _ask_words(rest) if verb == "ask" else _words(rest))


def _run(verb: str, words: list[str]) -> Command:
    try:
        command: Command = _VERBS[verb].main(
            words, prog_name=f"/llm {verb}", standalone_mode=False, help_option_names=[]
        )
    except click.ClickException as error:
        raise CommandError(
            f"{verb}: {_one_line(error.format_message())} For example: `/llm {_EXAMPLES[verb]}`"
        ) from error
    return command


def _words(text: str) -> list[str]:
    """Split as a shell would, after undoing what phones do to quotes and dashes."""
    try:
        return shlex.split(_DASHES.sub("--", text.translate(_PHONE)))
    except ValueError as error:
        raise CommandError(f"a quotation mark is not closed ({error}); close it") from error


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]


_OPTION = re.compile(r"\s*((?:--|—|–)[a-z][a-z-]*)(?:=|\s+)(\S+)")
_TOKEN = re.compile(r"\s*(\S+)")


def _ask_words(text: str) -> list[str]:
    """Return name, options and the prompt as one word, with nothing in the prompt changed."""
    name = _TOKEN.match(text)
    if not name:
        return []
    words, at = [], name.end()
    while option := _OPTION.match(text, at):
        words += ["--" + option[1].lstrip("-–—"), option[2]]
        at = option.end()
    prompt = text[at:].strip()
    return [*words, "--", name[1], *([prompt] if prompt else [])]
