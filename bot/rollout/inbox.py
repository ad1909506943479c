"""What waits for the watcher: events of many threads, in one bounded queue.

Readers wait while it is full, and the API server keeps what it has not sent.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bot.cluster import Found
from bot.errors import BotError
from bot.rollout.proving import Proof
from bot.rollout.recalling import Strays, Traced
from bot.rollout.reviewing import Read
from gitops.clock import Clock

ROOM = 1_000
"""Most events that wait."""

BATCH = 200
"""Most events that are taken at once."""

AGAIN = 1.0
"""Seconds until a source that failed is read again."""

_WAIT = 0.5  # real seconds after which a full or empty inbox looks whether all is over
_log = logging.getLogger(__name__)


class Tick:
    """Time to look at everything that does not tell by itself."""


@dataclass(frozen=True, slots=True)
class Wake:
    """A pull request has changed: look at it now."""

    number: int


Event = Found | Tick | Wake | Proof | Read | Strays | Traced


def ticks(clock: Clock, seconds: float) -> Iterator[Event]:
    """Yield a tick at once, and one after each so many seconds."""
    while True:
        yield Tick()
        clock.sleep(seconds)


@dataclass(slots=True)
class Inbox:
    """The queue; once it is closed nothing is kept any more, and readers end."""

    clock: Clock
    _events: queue.Queue[Event] = field(default_factory=lambda: queue.Queue(ROOM))
    _closed: threading.Event = field(default_factory=threading.Event)

    def put(self, event: Event) -> None:
        """Keep an event; wait while there is no room."""
        while not self._closed.is_set():
            try:
                self._events.put(event, timeout=_WAIT)
            except queue.Full:
                continue
            return

    def take(self) -> list[Event]:
        """Return what waits, in order, after a moment for the first; perhaps nothing."""
        taken: list[Event] = []
        with contextlib.suppress(queue.Empty):
            taken.append(self._events.get(timeout=_WAIT))
            while len(taken) < BATCH:
                taken.append(self._events.get_nowait())
        return taken

    def read(self, name: str, source: Callable[[], Iterator[Event]]) -> None:
        """Keep what a source yields, in a thread of its own, until the inbox is closed."""
        threading.Thread(target=self._read, args=(name, source), name=name, daemon=True).start()

    def _read(self, name: str, source: Callable[[], Iterator[Event]]) -> None:
        while not self._closed.is_set():
            try:
                for event in source():
                    self.put(event)
                    if self._closed.is_set():
                        return
            except BotError as error:
                _log.warning("reading broken source=%s error=%s", name, error)
                self.clock.sleep(AGAIN)

    def close(self) -> None:
        """Keep nothing from now on."""
        self._closed.set()
