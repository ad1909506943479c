"""Pure: a story file as lines of steps; what is wrong in it is said with its line.

A story is a mapping: `steps`, a list with a `- ` in front of each step, and perhaps `title`,
`show` and `with` (names with values). A step's first key is its verb: `wait`, `expect`, `say` or
an act.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from werkzeug.exceptions import BadRequest

from gitops.documents import load_mapping
from gitops.errors import InvalidRequestError
from gitops.typed import typed
from sandbox.acting import Act
from sandbox.script.patterns import Values, filled, names
from sandbox.script.steps import BESIDE_AN_ACT, CONDITIONS, PLAIN, Condition, Do, Expect, Step, Wait

Acts = Mapping[str, Act]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"values": "with"}):
    steps: list[dict[str, Any]]
    title: str = ""
    show: Literal["everything", "told"] = "everything"
    values: dict[str, str | int | float | bool] = {}


@dataclass(frozen=True, slots=True)
class Line:
    """One step as it was written, the line of the file where it begins, and its verb."""

    number: int
    verb: str
    fields: Mapping[str, Any]

    def step(self, values: Values, acts: Acts) -> Step:
        """Return the step with values in place of names.

        Raises:
            InvalidRequestError: unknown, missing or wrong fields.
        """
        fields: dict[str, Any] = filled(dict(self.fields), values)
        if self.verb in acts:
            return self._act(fields, acts[self.verb])
        kind = PLAIN[self.verb]
        step: Step = typed(fields, kind, self.place, kind.__struct_fields__)
        if isinstance(step, Wait | Expect):
            self.condition(step)
        return step

    def condition(self, step: Wait | Expect) -> Condition:
        """Return what a step waits for or expects."""
        fields = step.wait if isinstance(step, Wait) else step.expect
        found = [name for name in CONDITIONS if name in fields]
        if len(found) != 1:
            raise InvalidRequestError(f"{self.place}: {self.verb} one of {', '.join(CONDITIONS)}")
        kind = CONDITIONS[found[0]]
        condition: Condition = typed(fields, kind, self.place, kind.__struct_fields__)
        return condition

    @property
    def place(self) -> str:
        """Say where the step stands."""
        return f"line {self.number}"

    def _act(self, fields: Mapping[str, Any], act: Act) -> Do:
        beside = {key: fields[key] for key in BESIDE_AN_ACT if key in fields}
        body = {key: value for key, value in fields.items() if key not in beside}
        given = body.pop(self.verb)
        if isinstance(given, dict):
            body |= given
        elif given is not None:
            body[act.main_word or self.verb] = given
        self._check_body(body, act)
        do: Do = typed({"act": self.verb, "body": body, **beside}, Do, self.place, BESIDE_AN_ACT)
        return do

    def _check_body(self, body: Mapping[str, Any], act: Act) -> None:
        """Refuse unknown words; types are checked once nothing is left to be filled in."""
        unknown = [key for key in body if key not in act.words]
        if unknown:
            takes = ", ".join((*act.words, *BESIDE_AN_ACT))
            text = f"{self.place}: {self.verb} knows no {', '.join(unknown)}; it takes {takes}"
            raise InvalidRequestError(text)
        if not any(names(dict(body))):
            try:
                act.check(body)
            except BadRequest as error:
                raise InvalidRequestError(f"{self.place}: {error.description}") from error


@dataclass(frozen=True, slots=True)
class Story:
    """A story that can be played: its lines, the values of its names, and what is printed."""

    source: str
    title: str
    lines: tuple[Line, ...]
    values: Values
    show: Literal["everything", "told"]


def read(text: str, source: str, acts: Acts, given: Values | None = None) -> Story:
    """Read a story; `given` are values that go before its own.

    Raises:
        InvalidRequestError: the text is no story; its line and step are named.
    """
    try:
        return _read(text, source, acts, given or {})
    except InvalidRequestError as error:
        told = str(error)
        raise InvalidRequestError(told if source in told else f"{source}: {told}") from error


def _read(text: str, source: str, acts: Acts, given: Values) -> Story:
    file: _File = typed(load_mapping(text, source), _File, source, _File.__struct_encode_fields__)
    if unknown := set(given) - set(file.values):
        raise InvalidRequestError(f"the story has no value {', '.join(sorted(unknown))}")
    values: dict[str, object] = {**file.values, **given}
    numbers = _numbers(text, len(file.steps))
    lines = tuple(
        Line(number, _verb(number, fields, acts), fields)
        for number, fields in zip(numbers, file.steps, strict=True)
    )
    _check(lines, values, acts)
    return Story(source, str(filled(file.title, values)), lines, values, file.show)


def _verb(number: int, fields: Mapping[str, Any], acts: Acts) -> str:
    """Return the verb of a step: its first key, since an act may have a word like another act."""
    known = {*PLAIN, *acts}
    first = next(iter(fields), "")
    if first in known:
        return first
    near = difflib.get_close_matches(first, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
    raise InvalidRequestError(f"line {number}: no verb {first!r}; {hint}")


def _check(lines: tuple[Line, ...], values: Values, acts: Acts) -> None:
    """Refuse what is wrong before anything is played."""
    kept: set[str] = set()
    for line in lines:
        if missing := set(names(dict(line.fields))) - set(values) - kept:
            raise InvalidRequestError(f"{line.place}: nothing before it names {min(missing)}")
        step = line.step(values, acts)
        kept |= set(getattr(step, "keep", ()))


def _numbers(text: str, count: int) -> list[int]:
    """Return the lines at which the steps begin: a `- ` in the column of the first one."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if re.match(r"steps\s*:", line)), len(lines))
    found: list[int] = []
    column = None
    for at, line in enumerate(lines[start + 1 :], start + 2):
        dash = re.match(r"( *)- ", f"{line} ")
        if dash and column is None:
            column = len(dash[1])
        if dash and len(dash[1]) == column:
            found.append(at)
        elif re.match(r"[A-Za-z]", line):
            break
    if len(found) != count:
        raise InvalidRequestError("steps must be a list with a `- ` in front of each, in a column")
    return found
