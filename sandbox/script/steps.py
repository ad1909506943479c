"""Pure: the steps of a story as frozen values. A story has no step that merely waits for time.

Conditions are of three kinds: an entry of the journal, the state of a world, what a thread says.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gitops.errors import InvalidRequestError

WORLDS = ("agent", "cluster", "engine", "github", "slack")
"""Whose state can be looked at; the sandbox's own `states` are these."""

Since = Literal["last", "act", "start"]
"""Where the journal is read from: the last entry that a step met, the last act, the beginning."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of the journal: `WORLD CALL`, both as patterns, whose detail is as `where` says."""

    journal: str
    where: dict[str, Any] = {}
    count: int = 1
    since: Since = "last"

    def __post_init__(self) -> None:
        _check([self.journal, self.where])


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"wanted": "is"}):
    """What a world holds at `WORLD.KEY.KEY`, a list if keys have dots.

    `wanted` (in a story `is`) and `contains` say what of it counts; `count` is how many then must
    be there, at least one if it is not given.
    """

    state: str | list[str]
    wanted: Any = msgspec.UNSET
    contains: str | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if not self.path or self.path[0] not in WORLDS:
            raise InvalidRequestError(f"no world in {self.state!r}; there are {', '.join(WORLDS)}")
        _check(self.wanted)

    @property
    def path(self) -> list[str]:
        """Return the world and the keys in it."""
        return self.state.split(".") if isinstance(self.state, str) else self.state


class Thread(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"wanted": "is"}):
    """What a thread says whose first message begins with a text; the first message included."""

    thread: str
    wanted: str | None = None
    contains: str | None = None
    count: int | None = None
    channel: str = "ml-serving"

    def __post_init__(self) -> None:
        _check(self.wanted)


def _check(pattern: object) -> None:
    """Refuse texts that are no regular expressions."""
    if isinstance(pattern, dict | list):
        for inner in pattern.values() if isinstance(pattern, dict) else pattern:
            _check(inner)
    elif isinstance(pattern, str):
        try:
            re.compile(pattern)
        except re.error as error:
            text = f"{pattern!r} is no regular expression: {error}"
            raise InvalidRequestError(text) from error


Condition = Entry | State | Thread
CONDITIONS: Mapping[str, type[Condition]] = {"journal": Entry, "state": State, "thread": Thread}


class Say(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prints a line."""

    say: str
    by: str = ""


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Waits until a condition holds, at most `within` seconds of the sandbox.

    `tell` is printed for every find, `{key}` standing for a field of it; `by` is who tells it;
    `keep` gives names to fields of the last find.
    """

    wait: dict[str, Any]
    within: float | None = None
    step: str = ""
    tell: str = ""
    by: str = ""
    keep: dict[str, str] = {}


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asserts that a condition holds now."""

    expect: dict[str, Any]
    step: str = ""
    tell: str = ""
    by: str = ""
    keep: dict[str, str] = {}


class Do(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An act of the table with its body; `refused` is the text with which it must be refused."""

    act: str
    body: dict[str, Any]
    step: str = ""
    refused: str | None = None
    keep: dict[str, str] = {}


Step = Say | Wait | Expect | Do
PLAIN: Mapping[str, type[Say | Wait | Expect]] = {"say": Say, "wait": Wait, "expect": Expect}
BESIDE_AN_ACT = ("step", "refused", "keep")
