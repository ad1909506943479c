"""The sandbox's time: real seconds times a rate, plus what a test adds by hand."""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta


class Time:
    """A clock that can run fast, stand still (rate 0) and be moved forward.

    Follows the shape of `gitops.clock.Clock`.
    """

    def __init__(self, rate: float = 1.0, start: datetime | None = None) -> None:
        self._rate = rate
        self._start = start or datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - the sandbox's own clock
        self._origin = time.monotonic()
        self._added = 0.0
        self._moved = threading.Condition()
        self._sleepers = 0

    @property
    def rate(self) -> float:
        """How many of its seconds pass in a real one."""
        return self._rate

    def now(self) -> datetime:
        """Return the sandbox's time of day, in UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the sandbox's seconds since it started."""
        return (time.monotonic() - self._origin) * self._rate + self._added

    def advance(self, seconds: float) -> None:
        """Move the time forward and wake everybody who waits."""
        with self._moved:
            self._added += seconds
            self._moved.notify_all()

    def sleep(self, seconds: float) -> None:
        """Wait that many sandbox seconds."""
        self.wait(seconds, float("inf"))

    def wait(self, seconds: float, at_most: float) -> float:
        """Wait `seconds` of the sandbox, at most `at_most` real ones; return what is left."""
        until = self.monotonic() + seconds
        give_up = time.monotonic() + at_most
        with self._asleep():
            while (left := until - self.monotonic()) > 0 and time.monotonic() < give_up:
                real = left / self._rate if self._rate else 1.0
                self._moved.wait(min(real, give_up - time.monotonic(), 1.0))
        return max(0.0, until - self.monotonic())

    def await_sleepers(self, count: int, at_most: float = 10.0) -> bool:
        """Wait until so many sleep, so that a test moves the time after they lay down."""
        with self._moved:
            return self._moved.wait_for(lambda: self._sleepers >= count, at_most)

    @contextlib.contextmanager
    def _asleep(self) -> Iterator[None]:
        with self._moved:
            self._sleepers += 1
            self._moved.notify_all()
            try:
                yield
            finally:
                self._sleepers -= 1
