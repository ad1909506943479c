"""Pure but for reading its files: which extra arguments an engine's version takes.

An unknown flag ends an engine at once, and its group in a restart loop; others load code, open
files, reach other hosts or hold secrets. `kustomize/catalog/flags/*.yaml` lists the flags that may
be given, release by release, and the others with a reason. Sources: the argument definitions of
the releases named there.
"""

import difflib
import functools
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from gitops import assets
from gitops.documents import load_mapping
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.names import printable
from gitops.recipes import TITLES
from gitops.versions import release

MODELS = "/models/"
"""The one folder of the pod that values may name."""

_LINE = re.compile(r"(value|list|switch|toggle|any) (\S+)(?: to (\S+))?\Z")
_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?\Z")
_VALUE = re.compile(r"[A-Za-z0-9._:,/+=@%-]+\Z")
_PATH = re.compile(r"(?:\A|[=,:])(/[^=,]*)")


class Kind(StrEnum):
    """What follows a flag: one value, one or more, nothing, nothing with a --no- form, either."""

    VALUE = "value"
    LIST = "list"
    SWITCH = "switch"
    TOGGLE = "toggle"
    ANY = "any"


class Reason(StrEnum):
    """Why a flag is off the list."""

    CODE = "code"
    FILES = "files"
    NETWORK = "network"
    SECRET = "secret"  # noqa: S105 - a class of flags
    LEADLINE = "leadline"


WHY = {
    Reason.CODE: "it loads code",
    Reason.FILES: "it reads or writes files outside the model",
    Reason.NETWORK: "it reaches other hosts or opens ports",
    Reason.SECRET: "it carries a secret, and command lines are read by many",
    Reason.LEADLINE: "Leadline sets it",
}
"""The reasons in words."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: the first and last release read that have it; no last one: the newest has it."""

    name: str
    kind: Kind
    first: str
    last: str | None = None
    reason: Reason | None = None
    choices: tuple[str, ...] = ()

    def is_in(self, version: str) -> bool:
        """Say whether a version has it, as far as the releases read tell."""
        wanted = release(version)
        return release(self.first) <= wanted and (not self.last or wanted <= release(self.last))

    @property
    def versions(self) -> str:
        """The releases that have it, in words."""
        return f"{self.first} to {self.last}" if self.last else f"{self.first} and newer"


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of an engine, by name."""

    engine: Engine
    flags: Mapping[str, Flag]

    def near(self, name: str, version: str) -> str:
        """Return a hint at the nearest flag of a version, or at the list."""
        known = [f.name for f in self.flags.values() if f.is_in(version) and not f.reason]
        near = difflib.get_close_matches(name, known, 1)
        return f"did you mean {near[0]}?" if near else "see kustomize/catalog/flags"


@functools.lru_cache(8)
def load_flags(engine: Engine, text: str | None = None) -> Flags:
    """Read the flags of an engine from a file's text, Leadline's own without one.

    Raises:
        InvalidRequestError: not a file of flags; the text names file and line.
    """
    name = f"{engine.value}.yaml"
    if text is None:
        path = assets.root() / "kustomize" / "catalog" / "flags" / name
        text = path.read_text(encoding="utf-8")
    return _read(text, f"flags/{name}")


def check_args(
    engine: Engine,
    version: str,
    args: Sequence[str],
    allowed_by_policy: Collection[str] = frozenset(),
    flags_text: str | None = None,
) -> None:
    """Refuse extra arguments that a version of an engine does not take or nobody should give.

    `allowed_by_policy` are flags that the policy names, as `--trust-remote-code`; what Leadline
    sets itself stays refused. `flags_text` is a list in place of Leadline's own.

    Raises:
        InvalidRequestError: the first argument at fault, the rule, and the next step.
    """
    table = load_flags(engine, flags_text) if args else Flags(engine, {})
    words = list(args)
    while words:
        word = words.pop(0)
        flag = _flag(table, version, word)
        _check_reason(flag, allowed_by_policy)
        for value in _values(flag, word, words):
            _check_value(flag, value, free=flag.name in allowed_by_policy)


def _flag(table: Flags, version: str, word: str) -> Flag:
    if not word.startswith("--") or not word.strip("-"):
        advice = "write --flag value or --flag=value"
        if word.startswith("-") and not _NUMBER.match(word):
            advice = "use a flag's long name"
        raise InvalidRequestError(f"extra argument {printable(word)}: belongs to no flag; {advice}")
    name, dotted = _name(table, word)
    where = f"extra argument {printable(name)}"
    title = f"{TITLES[table.engine]} {version}"
    flag = table.flags.get(name)
    if flag is None:
        hint = table.near(name, version)
        raise InvalidRequestError(f"{where}: not on the list of flags of {title}; {hint}")
    if not flag.is_in(version):
        hint = table.near(name, version)
        raise InvalidRequestError(
            f"{where}: {title} does not have it, {flag.versions} have; {hint}"
        )
    return Flag(name, Kind.ANY, flag.first, flag.last, flag.reason) if dotted else flag


def _name(table: Flags, word: str) -> tuple[str, bool]:
    """Return a word's flag, and whether the word sets one key of the flag's JSON value.

    vLLM takes `--no-flag` for a toggle and `--flag.key value` for a flag with a JSON value.
    """
    name = word.partition("=")[0]
    positive = "--" + name.removeprefix("--no-")
    toggle = table.flags.get(positive) if name.startswith("--no-") else None
    if toggle and toggle.kind is Kind.TOGGLE:
        return positive, False
    base, dot, _ = name.partition(".")
    dotted = bool(dot) and table.engine is Engine.VLLM and base in table.flags
    return (base, True) if dotted else (name, False)


def _check_reason(flag: Flag, allowed: Collection[str]) -> None:
    if flag.reason is None or (flag.name in allowed and flag.reason is not Reason.LEADLINE):
        return
    advice = (
        "change its field in llm.yaml"
        if flag.reason is Reason.LEADLINE
        else f"a policy may allow it under engine-flags: {flag.name}"
    )
    raise InvalidRequestError(
        f"extra argument {flag.name}: refused ({flag.reason}), {WHY[flag.reason]}; {advice}"
    )


def _values(flag: Flag, word: str, words: list[str]) -> list[str]:
    """Take the values of a flag off the words that follow it."""
    _, equals, value = word.partition("=")
    bare = flag.kind in {Kind.SWITCH, Kind.TOGGLE}
    if equals and bare:
        raise InvalidRequestError(
            f"extra argument {flag.name}: takes no value; write it without {printable(value)}"
        )
    values = [value] if equals else []
    most = {Kind.VALUE: 1, Kind.ANY: 1, Kind.LIST: len(words)}.get(flag.kind, 0)
    while not equals and words and len(values) < most and not _is_flag(words[0]):
        values.append(words.pop(0))
    if not any(values) and flag.kind in {Kind.VALUE, Kind.LIST}:
        raise InvalidRequestError(f"extra argument {flag.name}: its value is missing; add one")
    return values


def _is_flag(word: str) -> bool:
    return word.startswith("-") and not _NUMBER.match(word)


def _check_value(flag: Flag, value: str, *, free: bool) -> None:
    where = f"extra argument {flag.name} {printable(value)}"
    if flag.choices and value not in flag.choices:
        raise InvalidRequestError(f"{where}: choose one of {', '.join(flag.choices)}")
    texts = list(_texts(value, where))
    if free:
        return
    for text in texts:
        paths = _PATH.findall(text)
        if "://" in text:
            raise InvalidRequestError(f"{where}: an address; values must not reach other hosts")
        if ".." in text.split("/") or any(not path.startswith(MODELS) for path in paths):
            raise InvalidRequestError(f"{where}: a path; only those below {MODELS} are allowed")


def _texts(value: str, where: str) -> Iterator[str]:
    """Yield the texts in a value: itself, or the strings of its JSON."""
    if value[:1] in {"{", "["}:
        try:
            yield from _strings(json.loads(value))
        except (ValueError, RecursionError) as error:
            raise InvalidRequestError(f"{where}: not JSON; correct it") from error
    elif _VALUE.match(value):
        yield value
    else:
        raise InvalidRequestError(
            f"{where}: expected letters, digits and . _ : , / + = @ % -, or JSON"
        )


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    engine: Engine
    read: tuple[str, ...]
    allowed: Mapping[str, str]
    choices: Mapping[str, str]
    refused: Mapping[Reason, Mapping[str, str]]


def _read(text: str, source: str) -> Flags:
    try:
        file = msgspec.convert(load_mapping(text, source), _File)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"{source}: {printable(str(error))}") from error
    lines = [(name, line, None) for name, line in file.allowed.items()] + [
        (name, line, reason) for reason, refused in file.refused.items()
        for name, line in refused.items()
    ]  # fmt: skip
    flags = {}
    for name, line, reason in lines:
        found = _LINE.match(line)
        if not found:
            raise InvalidRequestError(f"{source}: {name}: expected KIND FIRST [to LAST]")
        choices = tuple(file.choices.get(name, "").split())
        flags[name] = Flag(name, Kind(found[1]), found[2], found[3], reason, choices)
    return Flags(file.engine, flags)
