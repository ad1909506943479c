"""The jobs that one process holds in one lane: which run, which wait, and a bell for news."""

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bot.commands.account import trace_of
from bot.commands.work import PutOff
from bot.store import Fence, Job, Taken

_log = logging.getLogger(__name__)


def new_attempt() -> str:
    """Return a word that no other try has."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class Held:
    """A job in our hands; `due` is when it must be renewed, `rest` until when it must not start.

    Both on the machine's steady clock, in seconds. `until` is the same as `rest` on the clock of
    its work, for a job that was put off. `attempt` is the word of the next try: one that got no
    answer when it was begun has the same word again. `told` says that its person has heard what
    became of it, `closing` that its last try has ended, `lost` that another worker has it now, or
    nobody: Redis was emptied.
    """

    taken: Taken
    key: str | None
    due: float
    rest: float = 0.0
    until: PutOff | None = None
    attempt: str = field(default_factory=new_attempt)
    told: bool = False
    fence: Fence | None = None
    running: bool = False
    closing: bool = False
    lost: bool = False

    def lay_by(self) -> None:
        """Give a job back to the reading thread, which may start it again at once."""
        self.lost = False
        self.running = False  # last: until here it is ours alone


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

    def wake(self) -> None:
        """Let those start again whose time has come; their one clock is asked once, if at all."""
        asleep = [(held, held.until) for held in self.waiting() if held.until]
        now = asleep[0][1].clock.monotonic() if asleep else 0.0
        for held, put_off in asleep:
            if put_off.until <= now:
                held.until = None

    def ready(self) -> list[Held]:
        """Return what waits and was not put off, in order."""
        return [held for held in self.waiting() if held.until is None]

    def crowd(self) -> int:
        """Count what takes up room while it waits: not what was put off, nor what is behind that.

        So other jobs go on, however many were put off; the queue bounds those.
        """
        waiting = self.waiting()
        shut = {held.key for held in waiting if held.until is not None and held.key}
        return sum(held.until is None and held.key not in shut for held in waiting)

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


def remembered(find: Callable[[Job], str | None]) -> Callable[[Job], str | None]:
    """Return a function that finds a job's deployment once; None is not remembered.

    A job may have none, or none that can be told yet; what `find` raises counts as that.
    """

    @functools.lru_cache(maxsize=4096)
    def known(job: Job) -> str:
        if key := find(job):
            return key
        raise LookupError(job.id)

    def key(job: Job) -> str | None:
        try:
            return known(job)
        except LookupError:
            return None
        except Exception as error:  # noqa: BLE001 - must not stop the lane; running it will tell
            _log.error("no key ref=%s\n%s", job.id, trace_of(job, error))
            return None

    return key


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
