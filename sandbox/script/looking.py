"""Looks whether a condition holds: in the journal, in the state of a world, in a thread."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sandbox.journal import Journal
from sandbox.people import channel
from sandbox.script.patterns import found, matches
from sandbox.script.steps import Condition, Entry, Since, State, Thread

States = Mapping[str, Callable[[], object]]

_SHOWN = 300  # characters of what was there instead
_LATEST = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: whether it is enough, the finds, and what to say was there.

    `number` is the journal entry up to which the story has come.
    """

    holds: bool
    finds: tuple[Any, ...]
    wanted: str
    there: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Watcher:
    """Reads journal and states; `since` are the places in the journal that steps can name."""

    journal: Journal
    states: States
    since: Mapping[Since, int]

    def look(self, condition: Condition) -> Look:
        """Look once."""
        match condition:
            case Entry():
                return self._entry(condition)
            case State():
                return self._state(condition)
            case Thread():
                return self._thread(condition)

    def _entry(self, wanted: Entry) -> Look:
        entries = self.journal.entries(self.since[wanted.since])
        called = [e for e in entries if matches(f"{e.world} {e.call}", wanted.journal)]
        found_ = [e for e in called if matches(dict(e.detail), wanted.where)][: wanted.count]
        there = [f"{e.world} {e.call} {_brief(dict(e.detail))}" for e in called[-_LATEST:]]
        others = sorted({f"{e.world} {e.call}" for e in entries})
        detail = f" {_brief(wanted.where)}" if wanted.where else ""
        return Look(
            len(found_) >= wanted.count,
            tuple(dict(e.detail) for e in found_),
            f"{wanted.count} × {wanted.journal}{detail}",
            "; ".join(there) or f"no entry of that name but {_cut(', '.join(others) or 'none')}",
            found_[-1].number if found_ else 0,
        )

    def _state(self, wanted: State) -> Look:
        path = wanted.path
        values = list(found(_plain(self.states[path[0]]()), path[1:]))
        return _counted(values, wanted, ".".join(path))

    def _thread(self, wanted: Thread) -> Look:
        place = channel(wanted.channel)
        path = ["channels", place, "messages", "*"]
        messages = list(found(self.states["slack"](), path))
        roots = [m["ts"] for m in messages if m["text"].startswith(wanted.thread)]
        root = roots[-1] if roots else None
        said = [m["text"] for m in messages if root and root in (m["ts"], m["thread_ts"])]
        return _counted(said, wanted, f"thread of {wanted.thread!r}")


def _counted(values: list[Any], wanted: State | Thread, what: str) -> Look:
    finds = tuple(value for value in values if _is(value, wanted))
    enough = bool(finds) if wanted.count is None else len(finds) == wanted.count
    words = [f"{wanted.count} × {what}" if wanted.count is not None else what]
    if wanted.wanted not in (msgspec.UNSET, None):
        words.append(f"is {_brief(wanted.wanted)}")
    if wanted.contains is not None:
        words.append(f"contains {wanted.contains!r}")
    there = "; ".join(_brief(value) for value in values[-_LATEST:]) or "nothing"
    return Look(enough, finds, " ".join(words), f"{len(values)} × {there}")


def _is(value: object, wanted: State | Thread) -> bool:
    if isinstance(wanted, State) and wanted.wanted is None:
        return value is None
    if wanted.wanted not in (msgspec.UNSET, None) and not matches(value, wanted.wanted):
        return False
    return wanted.contains is None or _contains(value, wanted.contains)


def _contains(value: object, part: str) -> bool:
    if isinstance(value, str):
        return part in value
    return isinstance(value, list | dict) and part in value


def _plain(state: object) -> object:
    """Return a state as the control API would send it: builtins, and a moment that holds."""
    return json.loads(json.dumps(state))


def _brief(value: object) -> str:
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
