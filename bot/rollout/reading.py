"""Reads what may be slow, one thing after another, in a thread beside the one that decides.

Each thing waits once, however often it is asked for, and what is urgent goes first: so no more
waits than there are names. What fails is logged; who asked asks again with time.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bot.errors import BotError
from bot.rollout.inbox import Event
from gitops.errors import GitOpsError

LOOK = 0.05
"""Real seconds between two looks whether what has to wait is due."""

_log = logging.getLogger(__name__)

Read = Callable[[], Event]


@dataclass(frozen=True, slots=True)
class _Asked:
    read: Read
    urgent: bool
    due: Callable[[], bool]


def _now() -> bool:
    return True


@dataclass(slots=True)
class Reader:
    """One thread; what it reads may be for one thread only, as clients of GitHub are."""

    _waiting: dict[str, _Asked] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None
    _closed: bool = False

    def ask(
        self, name: str, read: Read, *, urgent: bool = False, due: Callable[[], bool] = _now
    ) -> None:
        """Let something be read, once it is `due`; one of that name that still waits is replaced.

        Raises:
            RuntimeError: the thread has ended by an error that nobody foresaw; the log has it.
        """
        if self._thread and not self._thread.is_alive() and not self._closed:
            raise RuntimeError("the thread that reads has ended; see the log above, start again")
        with self._changed:
            known = self._waiting.get(name)
            self._waiting[name] = _Asked(read, urgent or bool(known and known.urgent), due)
            self._changed.notify()

    @contextlib.contextmanager
    def answering(self, answer: Callable[[Event], None]) -> Iterator[None]:
        """Read what is asked for; each event goes to `answer`, in a thread of ours.

        At the end nobody waits for what is being read: the thread ends with that, or the process.
        """
        self._thread = threading.Thread(
            target=self._run, args=(answer,), name="reader", daemon=True
        )
        self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify()

    def step(self) -> Event | None:
        """Read what is next, if anything waits; None also when it failed."""
        with self._changed:
            due = {name: asked for name, asked in self._waiting.items() if asked.due()}
            urgent = (name for name, asked in due.items() if asked.urgent)
            name = next(urgent, next(iter(due), None))
            if name is None:
                return None
            asked = self._waiting.pop(name)
        try:
            return asked.read()
        except (BotError, GitOpsError) as error:
            _log.warning("reading what=%s error=%s", name, error)
            return None

    def _run(self, answer: Callable[[Event], None]) -> None:
        while self._wait():
            if event := self.step():
                answer(event)

    def _wait(self) -> bool:
        """Wait until something is to be read; False once all is over."""
        with self._changed:
            while not self._closed and not any(asked.due() for asked in self._waiting.values()):
                self._changed.wait(LOOK if self._waiting else None)
            return not self._closed
