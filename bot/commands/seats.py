"""How many questions run at once: of one person, and to one deployment, over all workers."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.errors import QueueFullError, StoreUnavailableError
from bot.store import Fence
from bot.store.holding import Locks

PERSON, DEPLOYMENT = 2, 8
"""Questions at once."""

LEASE = 120.0
"""Seconds after which the seats of a worker that died are free again."""

RENEW = 30.0
"""Seconds between two renewals."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Taken:
    """The seats of one question; `keep` is called often, by any thread."""

    locks: Locks
    fences: tuple[Fence, ...]
    _due: float = field(default_factory=lambda: time.monotonic() + RENEW)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def keep(self) -> None:
        """Renew the seats when that is due; without Redis the answer goes on all the same."""
        with self._turn:
            if time.monotonic() < self._due:
                return
            self._due = time.monotonic() + RENEW
        try:
            for fence in self.fences:
                self.locks.renew(fence, LEASE)
        except StoreUnavailableError as error:
            _log.warning("seats not renewed error=%s", error)


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats are locks with numbers: who finds none free is refused."""

    locks: Locks
    person: int = PERSON
    deployment: int = DEPLOYMENT

    @contextlib.contextmanager
    def taken(self, person: str, deployment: str, holder: str) -> Iterator[Taken]:
        """Hold a seat of the person and one of the deployment.

        Raises:
            QueueFullError: all of either are taken; nothing was done.
        """
        with contextlib.ExitStack() as held:
            own = self._seat(f"ask:person:{person}", self.person, holder)
            if own is None:
                raise QueueFullError(
                    f"you have {self.person} questions running; wait for one to end, or cancel it"
                )
            held.callback(self._leave, own)
            theirs = self._seat(f"ask:deployment:{deployment}", self.deployment, holder)
            if theirs is None:
                raise QueueFullError(
                    f"{deployment} answers {self.deployment} questions already; ask again later"
                )
            held.callback(self._leave, theirs)
            yield Taken(self.locks, (own, theirs))

    def _seat(self, key: str, most: int, holder: str) -> Fence | None:
        tries = (self.locks.acquire(f"{key}:{n}", holder, LEASE) for n in range(most))
        return next(filter(None, tries), None)

    def _leave(self, fence: Fence) -> None:
        try:
            self.locks.release(fence)
        except StoreUnavailableError as error:
            _log.warning("seat not left key=%s error=%s", fence.key, error)
