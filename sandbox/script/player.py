"""Plays a story on a running sandbox: acts, waits for what worlds show, and prints it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.exceptions import HTTPException

from sandbox.acting import Act
from sandbox.script.errors import StoryError
from sandbox.script.looking import Look, Watcher
from sandbox.script.patterns import found, matches
from sandbox.script.reading import Line, Story
from sandbox.script.steps import Do, Expect, Say, Since, Wait
from sandbox.script.told import Print, line, line_of, sentence
from sandbox.worlds import Sandbox

WITHIN = 600.0
"""Seconds of the sandbox that a wait lasts at most, unless its step says otherwise."""

_SLICE = 0.05  # real seconds between two looks at what changes without a journal entry


def verbs(sandbox: Sandbox) -> Mapping[str, Act]:
    """Return what a story may do: the table of acts, time and faults."""
    return {
        **sandbox.acts,
        "advance": Act.of(sandbox.time.advance),
        "fault": Act.of(sandbox.faults.add),
        "release": Act.of(sandbox.faults.release, IndexError),
    }


@dataclass(slots=True)
class Player:
    """Plays one story; `within` bounds its waits, in seconds of the sandbox.

    `since` are the places in the journal that a step can name, `printed` how far it was told.
    """

    sandbox: Sandbox
    print: Print
    within: float = WITHIN
    values: dict[str, object] = field(default_factory=dict)
    since: dict[Since, int] = field(default_factory=dict)
    printed: int | None = None

    def play(self, story: Story) -> None:
        """Play all steps.

        Raises:
            StoryError: a step did not hold.
        """
        now = len(self.sandbox.journal.entries())
        self.values = dict(story.values)
        self.since = {"last": now, "act": now, "start": now}
        self.printed = now if story.show == "everything" else None
        acts = verbs(self.sandbox)
        if story.title:
            self.print(f"── {story.title} ──")
        for each in story.lines:
            self._play(each, acts)
        self._show()

    def _play(self, each: Line, acts: Mapping[str, Act]) -> None:
        step = each.step(self.values, acts)
        match step:
            case Say():
                self._show()
                self.print(line(step.by, step.say) if step.by else step.say)
            case Do():
                self._do(each, step, acts[step.act])
            case Wait():
                self._wait(each, step)
            case Expect():
                self._met(each, step, self._watcher().look(each.condition(step)))

    def _do(self, each: Line, step: Do, act: Act) -> None:
        now = len(self.sandbox.journal.entries())
        self.since |= {"last": now, "act": now}
        try:
            answer = act.perform(step.body)
        except HTTPException as error:
            self._refused(each, step, str(error.description))
            return
        if step.refused is not None:
            told = f"{step.act} to be refused with {step.refused!r}"
            raise _failed(each, step.step, told, "it was done")
        self._keep(each, step, answer)

    def _refused(self, each: Line, step: Do, text: str) -> None:
        if step.refused is None or not matches(text, step.refused):
            end = "done" if step.refused is None else f"refused with {step.refused!r}"
            raise _failed(each, step.step, f"{step.act} to be {end}", text)
        self.print(line("refused", text))

    def _wait(self, each: Line, step: Wait) -> None:
        clock, began = self.sandbox.time, time.monotonic()
        within = self.within if step.within is None else step.within
        until = clock.monotonic() + within
        condition = each.condition(step)
        look = self._watcher().look(condition)
        while not look.holds and clock.monotonic() < until:
            if not clock.rate and time.monotonic() - began > within:
                break  # a clock that stands bounds nothing: then these are real seconds
            self._await_news()
            look = self._watcher().look(condition)
        self._met(each, step, look, f" within {within:.0f} s of the sandbox")

    def _await_news(self) -> None:
        self._show()
        seen = len(self.sandbox.journal.entries())
        self.sandbox.journal.wait(lambda _: True, seen, _SLICE)

    def _met(self, each: Line, step: Wait | Expect, look: Look, bound: str = "") -> None:
        self._show()
        if not look.holds:
            raise _failed(each, step.step, f"{look.wanted}{bound}", look.there)
        self.since["last"] = look.number or self.since["last"]
        for find in look.finds if step.tell else ():
            self.print(line(step.by, sentence(step.tell, find)))
        self._keep(each, step, look.finds[-1] if look.finds else None)

    def _keep(self, each: Line, step: Do | Wait | Expect, value: object) -> None:
        for name, path in step.keep.items():
            here = next(found(value, [] if path == "." else path.split(".")), None)
            if here is None:
                raise _failed(each, step.step, f"{path} to keep as {name}", repr(value))
            self.values[name] = here

    def _watcher(self) -> Watcher:
        return Watcher(self.sandbox.journal, self.sandbox.states, self.since)

    def _show(self) -> None:
        """Print what the worlds said since the last time, unless the story tells it itself."""
        if self.printed is None:
            return
        for entry in self.sandbox.journal.entries(self.printed):
            self.printed = entry.number
            if text := line_of(entry):
                self.print(text)


def _failed(each: Line, step: str, wanted: str, there: str) -> StoryError:
    name = f"{step}: " if step else ""
    return StoryError(
        f"{name}{each.place}: {each.verb}: wanted {wanted.strip()}; there was {there}"
    )
