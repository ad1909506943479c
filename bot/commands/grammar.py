"""Pure: typed text to a command, through the same click commands as the terminal's."""

import difflib
import re
import shlex

import click

from bot.commands.command import Change, Command, Help, Plan
from bot.commands.verbs import EXAMPLES, NAMELESS, VERBS
from bot.errors import CommandError
from gitops.names import printable

MAX_TEXT = 4000
"""Longest command, in characters; Slack sends no more."""

PLANNED = ("deploy", "update", "scale", "restart", "undeploy")
"""Verbs that `plan` can stand before."""

_PHONE = str.maketrans({"“": '"', "”": '"', "„": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "})
_DASHES = re.compile(r"(?:^|(?<=\s))[–—](?=[A-Za-z])")
_EQUALS = re.compile(r"([a-z][a-z-]*)=(.*)\Z", re.DOTALL)
_OPTION = re.compile(
    r"\s*(?:(?:--|[–—])(?P<dashed>[a-z][a-z-]*)(?P<parted>=|\s+|\Z)|(?P<bare>[a-z][a-z-]*)=)"
)
_BEHIND = re.compile(r"\s(?:--|[–—])(?P<dashed>[a-z][a-z-]*)")
_END = re.compile(r"\s*--(?=\s)")
_VALUE = re.compile(r"“([^”]*)”|\"([^\"]*)\"|(\S+)")
_TOKEN = re.compile(r"\s*(\S+)")


def parse(text: str, implied: str | None = None) -> Command:
    """Return the command that a person typed after `/llm` or the mention.

    `implied` is the deployment whose thread it was typed in, as ENVIRONMENT/NAME: a verb about one
    deployment that names none means it.

    Raises:
        CommandError: no such verb, or words that do not fit it; with the nearest verb.
    """
    if len(text) > MAX_TEXT:
        raise CommandError(f"the command is longer than {MAX_TEXT} characters")
    verb, rest = first(text)
    if not verb:
        return Help()
    if verb == "plan":
        return _plan(rest, implied)
    if verb not in VERBS:
        raise CommandError(f"no verb “{printable(verb)}”; {_hint(verb)}")
    return _run(verb, _ask_words(rest, implied) if verb == "ask" else _words(verb, rest), implied)


def first(text: str) -> tuple[str, str]:
    """Return the first word of a command, which is its verb if it has one, and the rest."""
    verb, _, rest = text.translate({0xA0: " "}).strip().partition(" ")
    return verb, rest


def _plan(text: str, implied: str | None) -> Command:
    verb, rest = first(text)
    if verb not in PLANNED and verb in EXAMPLES:
        raise CommandError(
            f"plan: `{verb}` cannot be planned; what can: {', '.join(PLANNED)}."
            f" For example: `/llm {EXAMPLES['plan']}`"
        )
    if verb not in PLANNED:  # as in a terminal: the words of deploy
        verb, rest = "deploy", text
    planned = _run(verb, _words(verb, rest), implied, said="plan")
    return Plan(planned.request) if isinstance(planned, Change) else planned


def _run(verb: str, words: list[str], implied: str | None, said: str = "") -> Command:
    try:
        return _call(verb, words)
    except click.MissingParameter as error:
        if not (implied and verb not in NAMELESS):
            raise _refusal(said or verb, error) from error
    except click.UsageError as error:
        raise _refusal(said or verb, error) from error
    try:
        return _call(verb, [implied, *words])
    except click.UsageError as error:
        raise _refusal(said or verb, error) from error


def _call(verb: str, words: list[str]) -> Command:
    command: Command = VERBS[verb].main(
        words, prog_name=f"/llm {verb}", standalone_mode=False, help_option_names=[]
    )
    return command


def _refusal(verb: str, error: click.ClickException) -> CommandError:
    said = _one_line(_nearest(error))
    ended = said if said.endswith((".", "?", "!")) else f"{said}."
    return CommandError(f"{verb}: {ended} For example: `/llm {EXAMPLES[verb]}`")


def _nearest(error: click.ClickException) -> str:
    """Return what click says, with the one option that comes nearest instead of several."""
    if not isinstance(error, click.NoSuchOption):
        return error.format_message()
    near = difflib.get_close_matches(error.option_name, error.possibilities or (), 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"no option {printable(error.option_name)}.{hint}"


def _hint(verb: str) -> str:
    near = difflib.get_close_matches(verb, EXAMPLES, 1)
    return f"did you mean `/llm {EXAMPLES[near[0]]}`?" if near else "try `/llm help`"


def _words(verb: str, text: str) -> list[str]:
    """Split as a shell would, after undoing what phones do to quotes and dashes."""
    try:
        words = shlex.split(_DASHES.sub("--", text.translate(_PHONE)))
    except ValueError as error:
        raise CommandError(f"a quotation mark is not closed ({error}); close it") from error
    return [_as_option(verb, word) for word in words]


def _as_option(verb: str, word: str) -> str:
    """Return `--replicas=2` for `replicas=2`, where the verb has that option."""
    found = _EQUALS.match(word)
    return f"--{word}" if found and f"--{found[1]}" in _options(verb) else word


def _options(verb: str) -> set[str]:
    return {name for param in VERBS[verb].params for name in param.opts if name[:2] == "--"}


def _flags(verb: str) -> set[str]:
    params = VERBS[verb].params
    return {name for p in params if isinstance(p, click.Option) and p.is_flag for name in p.opts}


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]


def _ask_words(text: str, implied: str | None) -> list[str]:
    """Return name, options and the prompt as one word, with nothing in the prompt changed.

    Options may stand before the name, too. In a card's thread the name may be left out: a first
    word that does not name the card's deployment belongs to the question.

    Raises:
        CommandError: the question ends in options.
    """
    words, at, ended = _options_of_ask(text, 0)
    first = _TOKEN.match(text, at)
    name = implied or ""
    if first and not (ended and implied) and _names(first[1], implied):
        name, at = first[1], first.end()
    if not ended:
        more, at, ended = _options_of_ask(text, at)
        words += more
    prompt = text[at:].strip()
    if not ended:
        _refuse_options_behind(prompt)
    return [*words, "--", *([name] if name else []), *([prompt] if prompt else [])]


def _names(word: str, implied: str | None) -> bool:
    return implied is None or word in {implied, implied.rpartition("/")[2]}


def _options_of_ask(text: str, at: int) -> tuple[list[str], int, bool]:
    """Return the options that stand from a place of the text on, and where they end.

    As in a shell, `--` ends the options: what follows is the prompt, whatever it looks like. Third
    comes whether that stood there.
    """
    words: list[str] = []
    while found := _OPTION.match(text, at):
        name = f"--{found['dashed'] or found['bare']}"
        if found["dashed"] and name in _flags("ask"):
            words, at = [*words, name], found.end("dashed")
            continue
        value = _VALUE.match(text, found.end())
        if value is None or (found["bare"] and name not in _options("ask")):
            break
        words, at = [*words, name, next(v for v in value.groups() if v is not None)], value.end()
    ended = _END.match(text, at)
    return words, ended.end() if ended else at, bool(ended)


def _refuse_options_behind(prompt: str) -> None:
    """Refuse a question whose end reads as options: the model would be asked that, too.

    The question itself is not repeated: the audit log keeps refusals.
    """
    for found in _BEHIND.finditer(prompt):
        name = f"--{found['dashed']}"
        if name in _options("ask") and _options_of_ask(prompt, found.start())[1] == len(prompt):
            raise CommandError(
                f"ask: options go before the question: `/llm ask NAME {name} … QUESTION`;"
                " write `--` before a question that holds such words"
            )
