"""Faults on demand: one chosen call is held, dropped, refused or answered in pieces.

A held call lets a test kill the caller at an exact moment:
`before` means the server has not acted yet, `after` means it acted but has not answered.
"""

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

from werkzeug.wrappers import Request, Response

Moment = Literal["before", "after"]
Act = Literal["hold", "drop", "refuse", "cut", "page"]
Struck = Literal["slack", "github", "cluster", "engine", "control"]
"""The servers that faults strike by their words; Redis only behind `sandbox.redis_gate`."""


@dataclass(slots=True)
class Fault:
    """One rule: the nth call of `world` whose name matches `call` (a regular expression).

    `times` calls in a row are struck, the nth and those that follow it.
    `act`: hold (wait for `release`, then close without an answer), drop (close at once without
    an answer), refuse (answer with `status`), cut (close in the middle of the body of a 200) or
    page (answer 200 with a page, as a proxy that knows nothing of the API).
    """

    world: str
    call: str
    moment: Moment = "before"
    act: Act = "hold"
    nth: int = 1
    times: int = 1
    status: int = 500
    seen: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def matches(self, world: str, call: str) -> bool:
        """Say whether this is the call the fault is for, counting it if so."""
        if world != self.world or not re.fullmatch(self.call, call):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class Faults:
    """The rules in force, over all worlds."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def arm(self, fault: Fault) -> int:
        """Put a rule in force and return its number."""
        with self._lock:
            self._rules.append(fault)
            return len(self._rules) - 1

    def add(  # noqa: PLR0913, PLR0917 - the words of a fault, each with its default
        self,
        world: Struck,
        call: str,
        moment: Moment = "before",
        act: Act = "hold",
        nth: int = 1,
        times: int = 1,
        status: int = 500,
    ) -> int:
        """Put a rule in force as people write it down, and return its number.

        Raises:
            ValueError: `call` is no regular expression.
        """
        try:
            re.compile(call)
        except re.error as error:
            raise ValueError(f"call {call!r} is no regular expression: {error}") from error
        return self.arm(Fault(world, call, moment, act, nth, times, status))

    def release(self, number: int) -> None:
        """Let the held call of a rule go; IndexError if there is no such rule."""
        self[number].released.set()

    def __getitem__(self, number: int) -> Fault:
        return self._rules[number]

    def take(self, world: str, call: str) -> Fault | None:
        """Return the rule that this call trips, if any; every rule counts its own calls."""
        with self._lock:
            tripped = [rule for rule in self._rules if rule.matches(world, call)]
        return tripped[0] if tripped else None

    def release_all(self) -> None:
        """Let every held call go, so that a server can stop."""
        for rule in self._rules:
            rule.released.set()


class HungUp(ConnectionAbortedError):  # noqa: N818 - an event of the wire, not an error of ours
    """The server closes the connection without an answer; werkzeug then drops the caller."""


def strike(fault: Fault, request: Request) -> Response:
    """Carry a tripped fault out: return what is answered in place of the answer, or hang up."""
    fault.reached.set()
    if fault.act == "refuse":
        return Response('{"message": "Server Error"}', fault.status, mimetype="application/json")
    if fault.act == "page":
        return Response("<html></html>", mimetype="text/html")
    if fault.act == "cut":
        cut = Response('{"ok": true, ', mimetype="application/json")
        cut.headers["Content-Length"] = "500"
        return cut
    if fault.act == "hold":
        fault.released.wait(60)
    raise HungUp(f"{request.method} {request.path}")
