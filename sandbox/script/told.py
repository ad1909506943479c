"""Pure: what a story prints: the lines of its steps, and what the worlds said meanwhile."""

import html
import re
import string
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.journal import Entry
from sandbox.people import TEAM
from sandbox.script.patterns import found

Print = Callable[[str], None]

_LONGEST = 160
_READS = ("GET", "WATCH", "LIST")


def line(who: str, text: str) -> str:
    """Return one line of a story."""
    return f"{who:>9} │ {_one_line(text)}"


def sentence(template: str, detail: object) -> str:
    """Return a template with the fields of what was found in it, such as `{sent.title:.40}`.

    `{key:count}` is a length, `{key:lines}` the number of lines and `{key:line3}` the third of
    them; `{.}` is the whole find. What is not there is a `?`.
    """
    return _Sentence().vformat(template, (), {"found": detail})


class _Sentence(string.Formatter):
    """Reads fields as paths; a text is made one line before it is cut."""

    def get_field(
        self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, str]:
        """Return what stands at a path of the find."""
        del args
        path = [] if field_name in ("", ".") else field_name.split(".")
        return next(found(kwargs["found"], path), "?"), "found"

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 - Formatter's
        """Format a value; `count` is its length, `lines` how many lines it has."""
        if format_spec == "count":
            return str(len(value))
        lines = str(value).splitlines()
        if format_spec == "lines":
            return str(len(lines))
        if found_line := re.fullmatch(r"line(\d+)", format_spec):
            return _one_line(next(iter(lines[int(found_line[1]) - 1 :][:1]), "?"))
        return format(_one_line(str(value)), format_spec)


def line_of(entry: Entry) -> str | None:
    """Return what a world said in one line; None for calls that only read."""
    if entry.call.split(" ")[0] in _READS or entry.call in _SILENT:
        return None
    text = _SAYINGS.get(entry.world, _called)(entry)
    return line(_SPEAKERS.get(entry.world, entry.world), f"{text:.{_LONGEST}}")


_SILENT = frozenset({"auth.test", "conversations.replies", "conversations.history", "APPLY events"})
_SPEAKERS = {"slack": "Slack", "github": "GitHub", "leadline": "Leadline"}


def _called(entry: Entry) -> str:
    keys = ("name", "number", "role", "said", "message", "reason", "exit_code", "ref", "revision")
    told = [f"{key} {entry.detail[key]}" for key in keys if entry.detail.get(key) not in (None, "")]
    return ", ".join((entry.call, *told))


def _slack(entry: Entry) -> str:
    detail = entry.detail
    text = detail.get("text") or detail.get("markdown_text") or ""
    refused = "" if detail.get("ok", True) else f" is refused: {detail.get('error', '')}"
    name = TEAM.people.get(str(detail.get("user")), "")
    who = f" by {name}" if name else ""
    return f"{entry.call}{who}{refused}: {_one_line(str(text))}"


def _github(entry: Entry) -> str:
    detail = entry.detail
    error = f": {detail['error']}" if detail.get("error") else ""
    number = f" #{detail['number']}" if detail.get("number") else ""
    return f"{entry.call} by {detail.get('by')}{number}{error}"


def _engine(entry: Entry) -> str:
    asked = f": {entry.detail['prompt']!r}" if entry.detail.get("prompt") else ""
    return f"{entry.call} at {entry.detail.get('host')}{asked}"


_SAYINGS: Mapping[str, Callable[[Entry], str]] = {
    "slack": _slack,
    "github": _github,
    "engine": _engine,
}


def _one_line(text: str) -> str:
    """Return a text of any world as one line without characters that steer a terminal."""
    words = " ".join(html.unescape(text).split())
    return "".join("�" if unicodedata.category(c).startswith("C") else c for c in words)
