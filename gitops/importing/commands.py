"""Pure: the command of a container as the engine's flags; shell lines only in the known forms.

Read conservatively: commands in a row, joined by `;`, `&&` or line breaks. Anything else that a
shell could do (pipes, redirections, loops, substitutions) is refused, since its meaning would have
to be guessed. Sources: the engines' launch documentation, the argument definitions of releases.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.names import printable

_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
_KEYWORDS = frozenset("if then else elif fi for while until do done case esac function {".split())  # noqa: SIM905 - reads as words
_SEPARATORS = re.compile(r"(?:;|\n)+\Z|\n*&&\n*\Z")
_PUNCTUATION = re.compile(r"[;&|<>()\n]+\Z")
_QUOTED_PUNCTUATION = re.compile(r"""(["'])[;&|<>()\n]+\1""")
_EXPANDED = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
_MARKED = re.compile(r"\x00([A-Za-z0-9_]+)\x01")
_SHELL_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z", re.DOTALL)
_NUMBER = re.compile(r"-[0-9.]+\Z")

Flags = tuple[tuple[str, tuple[str, ...]], ...]
"""Flags in their order, each with its values; a positional model stands as `--model`."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a container starts: the engine and its flags; no engine for a worker of Ray."""

    engine: Engine | None
    flags: Flags = ()
    variables: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def read_start(
    words: Sequence[str], environment: Mapping[str, str], engine: Engine | None
) -> Start:
    """Return how `words` (command and arguments) start an engine.

    `environment` holds the container's plain variables; `engine` is what the image starts when
    the words are flags only.

    Raises:
        InvalidRequestError: not a form that is understood.
    """
    if words and words[0].startswith("-") and engine:
        return Start(engine, _flags([_resolved(word, environment) for word in words]))
    script = _script(words)
    commands = _commands(script) if script is not None else [list(words)]
    found = _Found()
    for command in commands:
        found.add([_resolved(word, environment) for word in command])
    joined = ";" in (script or "").replace("&&", "")
    return found.start(careless=joined and found.ray and found.engine is not None)


@dataclass(slots=True)
class _Found:
    """What the commands in a row come to."""

    engine: Engine | None = None
    words: tuple[str, ...] = ()
    ray: bool = False
    variables: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def add(self, command: list[str]) -> None:
        words = list(command)
        while words and (words[0] in {"exec", "export", "env"} or _ASSIGNMENT.match(words[0])):
            if found := _ASSIGNMENT.match(words.pop(0)):
                self.variables += ((found[1], found[2]),)
        if not words or words[0] == "set":
            return
        if any("multi-node-serving.sh" in word for word in words[:2]) or words[:2] == [
            "ray",
            "start",
        ]:
            self.ray = True
        elif engine := _engine(words):
            self._serve(*engine)
        else:
            name = printable(words[0])  # what follows may hold a secret
            self.notes += (f"the command {name} was not carried: build it into the image",)

    def _serve(self, engine: Engine, words: list[str]) -> None:
        if self.engine:
            raise InvalidRequestError("its command starts two servers; split it into two sets")
        self.engine, self.words = engine, tuple(words)

    def start(self, *, careless: bool) -> Start:
        if not (self.engine or self.ray):
            raise InvalidRequestError(
                "its command starts neither vLLM nor SGLang in a form that import knows; write"
                " llm.yaml by hand, or with leadline deploy"
            )
        joined = "`;` started the server even where Ray had failed; here it waits for Ray"
        notes = (*self.notes, *((joined,) if careless else ()))
        return Start(self.engine, _flags(self.words), self.variables, notes)


def _engine(words: list[str]) -> tuple[Engine, list[str]] | None:
    """Return the engine that a command starts, and its flags."""
    python = re.fullmatch(r"(?:.*/)?python3?(?:\.[0-9]+)?", words[0])
    if python and words[1:2] == ["-m"]:
        modules = {
            "vllm.entrypoints.openai.api_server": Engine.VLLM,
            "sglang.launch_server": Engine.SGLANG,
        }
        engine = modules.get(words[2] if len(words) > len(("python", "-m")) else "")
        return (engine, words[3:]) if engine else None
    serves = {"vllm serve": Engine.VLLM, "sglang serve": Engine.SGLANG}
    engine = serves.get(" ".join((words[0].rpartition("/")[2], *words[1:2])))
    return (engine, words[2:]) if engine else None


def _script(words: Sequence[str]) -> str | None:
    """Return the script that a shell runs, None where no shell stands between."""
    if not words or words[0].rpartition("/")[2] not in _SHELLS:
        return None
    for position, word in enumerate(words[1:], 1):
        if re.fullmatch(r"-[a-z]*c", word) and position + 1 < len(words):
            return words[position + 1]
        if not re.fullmatch(r"-[a-z]+", word):
            return None  # a file that the shell reads, such as Ray's script
    return None


def _commands(script: str) -> list[list[str]]:
    """Split a script into commands of words.

    Raises:
        InvalidRequestError: more than commands in a row.
    """
    text = re.sub(r"(?m)^\s*#.*$", "", script.replace("\\\n", " "))
    if "`" in text or _QUOTED_PUNCTUATION.search(text):
        raise _not_plain("backticks or quoted operators")
    commands: list[list[str]] = [[]]
    for token in _tokens(_EXPANDED.sub("\x00\\1\x01", text)):
        if _SEPARATORS.match(token):
            commands.append([])
        elif token.startswith("#"):
            raise _not_plain("a comment behind a command")
        elif _PUNCTUATION.match(token):
            raise _not_plain(f"“{printable(token.strip())}”")
        else:
            commands[-1].append(_MARKED.sub(r"$(\1)", token))
    commands = [command for command in commands if command]
    if words := [command[0] for command in commands if command[0] in _KEYWORDS]:
        raise _not_plain(f"“{words[0]}”")
    return commands


def _tokens(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        return list(lexer)
    except ValueError as error:
        raise _not_plain("a quote that does not end") from error


def _not_plain(what: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"its shell command holds {what}: import reads only commands in a row; write llm.yaml by"
        " hand, or with leadline deploy"
    )


def _resolved(word: str, environment: Mapping[str, str]) -> str:
    """Put in the container's own plain variables; others stay, as `$(NAME)`."""
    plain = _SHELL_VARIABLE.sub(lambda found: f"$({found[1] or found[2]})", word)
    return _EXPANDED.sub(lambda found: environment.get(found[1], found[0]), plain)


def _flags(words: Sequence[str]) -> Flags:
    """Return words as flags with their values; `--a=b` and `--a_b` are `--a b` and `--a-b`."""
    flags: list[tuple[str, tuple[str, ...]]] = []
    for word in words:
        if word.startswith("-") and not _NUMBER.match(word):
            name, equals, value = word.partition("=")
            name = name.replace("_", "-") if name.startswith("--") else name
            flags.append((name, (value,) if equals else ()))
        elif flags:
            name, values = flags.pop()
            flags.append((name, (*values, word)))
        else:
            flags.append(("--model", (word,)))
    return tuple(flags)
