"""The one thread in which all controllers of the cluster act, in a fixed order.

Every change of the store queues the keys that controllers want; the queue is worked off to its
end before the next alarm rings, so the same acts give the same order at any rate of the clock.
Source: the work queues of controller-runtime (reconcile a key, perhaps come back later).
"""

import heapq
import itertools
import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

from sandbox.clock import Time
from sandbox.cluster.objects import Key
from sandbox.cluster.store import Change, Store

_SLICE = 0.005  # real seconds of deafness to new changes while an alarm is set


class Controller(Protocol):
    """Reacts to changes of the store; a lower priority number goes first."""

    @property
    def priority(self) -> int:
        """The place in the order."""
        ...

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the objects to look at after a change."""
        ...

    def reconcile(self, key: Key, now: float) -> float | None:
        """Bring one object forward; return the seconds after which to look again."""
        ...


class Loop:
    """Runs the controllers; they hold the store's lock while they act."""

    def __init__(self, time: Time, store: Store, controllers: Sequence[Controller]) -> None:
        self._time = time
        self._store = store
        self._controllers = controllers
        self._numbers = itertools.count()
        self._queue: list[tuple[int, int, int, Key]] = []
        self._queued: set[tuple[int, Key]] = set()
        self._alarms: list[tuple[float, int, int, Key]] = []
        self._working = False
        self._now = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)
        store.listen(self._notice)

    def start(self) -> None:
        """Begin to act."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the store must be closed first."""
        self._thread.join(5)

    def _notice(self, change: Change) -> None:
        if not self._queue and not self._working:
            self._now = max(self._now, self._time.monotonic())
        for index, controller in enumerate(self._controllers):
            for key in controller.wants(change):
                self._put(index, key)

    def _put(self, index: int, key: Key) -> None:
        if (index, key) not in self._queued:
            self._queued.add((index, key))
            priority = self._controllers[index].priority
            heapq.heappush(self._queue, (priority, next(self._numbers), index, key))

    def _run(self) -> None:
        while not self._store.closed:
            with self._store.changed:
                self._ring()
                worked = self._work()
            if not worked:
                self._rest()

    def _ring(self) -> None:
        if not self._queue and self._alarms and self._alarms[0][0] <= self._time.monotonic():
            due, _, index, key = heapq.heappop(self._alarms)
            self._now = max(self._now, due)
            self._put(index, key)

    def _work(self) -> bool:
        if not self._queue:
            return False
        _, _, index, key = heapq.heappop(self._queue)
        self._queued.discard((index, key))
        self._working = True
        again = self._controllers[index].reconcile(key, self._now)
        self._working = False
        if again is not None:
            alarm = (self._now + again, next(self._numbers), index, key)
            heapq.heappush(self._alarms, alarm)
        return True

    def _rest(self) -> None:
        if self._alarms:
            self._time.wait(self._alarms[0][0] - self._time.monotonic(), _SLICE)
            return
        with self._store.changed:
            if not self._queue and not self._store.closed:
                self._store.changed.wait()
