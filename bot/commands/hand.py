"""The jobs that one process holds in one lane: which run, which wait, and a bell for news."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bot.store import Fence, Job, Taken


@dataclass(slots=True)
class Held:
    """A job in our hands; `due` is when it must be renewed, `rest` until when it must not start.

    Both on the machine's steady clock, in seconds. `lost` says that another worker has it now.
    """

    taken: Taken
    key: str | None
    due: float
    rest: float = 0.0
    fence: Fence | None = None
    running: bool = False
    closing: bool = False
    lost: bool = False


@dataclass(slots=True)
class Hand:
    """What is held, shared by a lane's reading thread and the threads that run its jobs."""

    _held: dict[str, Held] = field(default_factory=dict)
    _bell: threading.Condition = field(default_factory=threading.Condition)
    _news: bool = False

    def hold(self, found: Iterable[Held]) -> None:
        """Take jobs in; one that is held already stays as it is."""
        with self._bell:
            for held in found:
                self._held.setdefault(held.taken.receipt, held)

    def drop(self, held: Held) -> None:
        """Let a job go and ring the bell."""
        with self._bell:
            self._held.pop(held.taken.receipt, None)
        self.ring()

    def all(self) -> list[Held]:
        """Return what is held."""
        with self._bell:
            return list(self._held.values())

    def running(self) -> list[Held]:
        """Return what a thread has."""
        return [held for held in self.all() if held.running]

    def waiting(self) -> list[Held]:
        """Return what no thread has yet, in the order in which it was put."""
        waiting = [held for held in self.all() if not held.running]
        return sorted(waiting, key=lambda held: place(held.taken.receipt))

    def ring(self) -> None:
        """Say that something has ended, or may be tried again."""
        with self._bell:
            self._news = True
            self._bell.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait for the bell, at most so long."""
        with self._bell:
            self._bell.wait_for(lambda: self._news, seconds)
            self._news = False

    def wait_for_idle(self, seconds: float) -> None:
        """Wait until nothing runs, at most so long."""
        end = time.monotonic() + seconds
        while self.running() and (left := end - time.monotonic()) > 0:
            self.wait(left)


def first_of_each(line: Sequence[Taken], key: Callable[[Job], str | None]) -> dict[str, str]:
    """Return the receipt of the first job of each deployment in a line."""
    firsts: dict[str, str] = {}
    for taken in line:
        if name := key(taken.job):
            firsts.setdefault(name, taken.receipt)
    return firsts


def place(receipt: str) -> tuple[int, ...]:
    """Return a receipt as numbers, which sort as the jobs were put."""
    return tuple(int(number) for number in receipt.split("-"))
