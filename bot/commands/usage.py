"""Pure: what one can type: all verbs, or one with its words, options and an example."""

import difflib

import click

from bot.access import NEEDED
from bot.commands.grammar import PLANNED
from bot.commands.verbs import EXAMPLES, PLAN, VERBS
from bot.errors import CommandError
from bot.notice import Usage
from gitops.names import printable

WORDS = {
    "MODEL": "an id that `/llm models` lists",
    "ENGINE": "vllm or sglang",
    "NAME": "the deployment, as NAME or ENVIRONMENT/NAME; in its card's thread it goes without",
    "[NAME]": "what the deployment is to be called; MODEL-ENGINE when absent",
    "REPLICAS": "how many groups; 0 stops all",
    "QUESTION": "goes to the model as it is; options stand before it, and `--` ends them",
    "[SEARCH]": "a word of the id or of the repository",
    "[VERB]": "the verb to explain",
}
"""What stands for each word that is no option."""

_TELLING = 1_000_000
"""Limits of a number beyond this are those of a computer, and tell a person nothing."""


def usage(verb: str) -> Usage:
    """Return what one can type.

    Raises:
        CommandError: no such verb, with the nearest one.
    """
    if not verb:
        lines = [
            f"`/llm {typed}` {_sentence(name)}{_role(name)}" for name, typed in EXAMPLES.items()
        ]
        return Usage("\n".join([*lines, "`/llm help VERB` lists the words and options of a verb."]))
    if verb not in EXAMPLES:
        near = difflib.get_close_matches(verb, EXAMPLES, 1)
        hint = (
            f"did you mean `/llm help {near[0]}`?" if near else f"there are: {', '.join(EXAMPLES)}"
        )
        raise CommandError(f"no verb “{printable(verb)}”; {hint}")
    example = f"For example: `/llm {EXAMPLES[verb]}`"
    if verb == "plan":
        other = f"VERB and what follows: as in `/llm help VERB`, of {', '.join(PLANNED)}"
        lines = ["`/llm plan VERB …`", f"{_sentence(verb)}{_role(verb)}", other, example]
        return Usage("\n".join(lines))
    params = VERBS[verb].params
    words = [_word(param) for param in params if isinstance(param, click.Argument)]
    options = [_option(param) for param in params if isinstance(param, click.Option)]
    meant = [f"{word}: {WORDS[word]}" for word in words]
    first = f"`/llm {' '.join(_ordered(verb, words, bool(options)))}`"
    return Usage("\n".join([first, f"{_sentence(verb)}{_role(verb)}", *meant, *options, example]))


def _ordered(verb: str, words: list[str], has_options: bool) -> list[str]:  # noqa: FBT001
    if not has_options:
        return [verb, *words]
    if verb == "ask":
        return [verb, *words[:-1], "[options]", *words[-1:]]
    return [verb, *words, "[options]"]


def _sentence(verb: str) -> str:
    return PLAN if verb == "plan" else VERBS[verb].help or ""


def _role(verb: str) -> str:
    return f" · {NEEDED[verb].value}" if verb in NEEDED else ""


def _word(param: click.Argument) -> str:
    word = param.metavar or (param.name or "").upper()
    return word if param.required else f"[{word}]"


def _option(param: click.Option) -> str:
    """Return an option with what it takes, what it means, its range and its default."""
    typed = " ".join(filter(None, (param.opts[0], _value(param))))
    says = [(param.help or "").removesuffix(".")]
    says += [_range(param.type)] if _range(param.type) else []
    says += ["can stand several times"] if param.multiple else []
    says += ["needed"] if param.required else []
    given = isinstance(param.default, int | float | str) and not param.is_flag
    says += [f"{param.default} when absent"] if given and param.default != "" else []
    return f"`{typed}` {'; '.join(says)}."


def _value(param: click.Option) -> str:
    if param.is_flag:
        return ""
    if isinstance(param.type, click.Choice):
        return "|".join(param.type.choices)
    numbers = isinstance(param.type, click.types.IntParamType | click.types.FloatParamType)
    return param.metavar or ("N" if numbers else "TEXT")


def _range(kind: object) -> str:
    if not isinstance(kind, click.IntRange | click.FloatRange) or kind.max is None:
        return ""
    return f"{kind.min:g} to {kind.max:g}" if abs(kind.max) < _TELLING else ""
