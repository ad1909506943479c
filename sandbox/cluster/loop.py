"""The one thread in which all controllers of the cluster act, in a fixed order.

Every change of the store queues the keys that controllers want; the queue is worked off to its
end before the next alarm rings, so the same acts give the same order at any rate of the clock.
A `Pace` may let a key wait before it is queued. Source: the work queues of controller-runtime
(reconcile a key, perhaps come back later; a key that waits is not queued twice).
"""

import heapq
import itertools
import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

from sandbox.clock import Time
from sandbox.cluster.objects import Key
from sandbox.cluster.pace import Pace
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

    def __init__(
        self, time: Time, store: Store, controllers: Sequence[Controller], pace: Pace
    ) -> None:
        self._time = time
        self._store = store
        self._controllers = controllers
        self._pace = pace
        self._numbers = itertools.count()
        self._queue: list[tuple[int, int, int, Key]] = []
        self._queued: set[tuple[int, Key]] = set()
        self._alarms: list[tuple[float, int, int, Key, bool]] = []
        self._working = False
        self.doing = ("", "")
        self.done = 0
        self._now = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)
        store.listen(self._notice)

    def start(self) -> None:
        """Begin to act."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, if there is one; the store must be closed first."""
        if self._thread.ident is not None:
            self._thread.join(5)

    def run(self, seconds: float) -> None:
        """Act in the caller's thread while the time moves forward; instead of `start`."""
        with self._store.changed:
            end = self._time.monotonic() + seconds
            while True:
                if self._work():
                    continue
                if not self._alarms or self._alarms[0][0] > end:
                    break
                self._advance_to(self._alarms[0][0])
                self._take_alarm()
            self._advance_to(end)

    def look(self, controller: Controller, key: Key, seconds: float) -> None:
        """Let a controller look at a key after some seconds, without a change of the store."""
        with self._store.changed:
            if not self._queue and not self._working:
                self._now = max(self._now, self._time.monotonic())
            self._set_alarm(seconds, self._controllers.index(controller), key, queued=True)
            self._store.changed.notify_all()

    def _advance_to(self, moment: float) -> None:
        self._time.advance(max(0.0, moment - self._time.monotonic()))

    def _notice(self, change: Change) -> None:
        if not self._queue and not self._working:
            self._now = max(self._now, self._time.monotonic())
        for index, controller in enumerate(self._controllers):
            for key in controller.wants(change):
                self._put(index, key)

    def _put(self, index: int, key: Key) -> None:
        if (index, key) in self._queued:
            return
        self._queued.add((index, key))
        work = type(self._controllers[index]).__name__
        if wait := self._pace.wait(work, key.name, self._now):
            self._set_alarm(wait, index, key, queued=True)
        else:
            self._push(index, key)

    def _push(self, index: int, key: Key) -> None:
        priority = self._controllers[index].priority
        heapq.heappush(self._queue, (priority, next(self._numbers), index, key))

    def _set_alarm(self, seconds: float, index: int, key: Key, *, queued: bool) -> None:
        alarm = (self._now + seconds, next(self._numbers), index, key, queued)
        heapq.heappush(self._alarms, alarm)

    def _run(self) -> None:
        while not self._store.closed:
            with self._store.changed:
                self._ring()
                worked = self._work()
            if not worked:
                self._rest()

    def _ring(self) -> None:
        if not self._queue and self._alarms and self._alarms[0][0] <= self._time.monotonic():
            self._take_alarm()

    def _take_alarm(self) -> None:
        due, _, index, key, queued = heapq.heappop(self._alarms)
        self._now = max(self._now, due)
        if queued:
            self._push(index, key)
        else:
            self._put(index, key)

    def _work(self) -> bool:
        if not self._queue:
            return False
        _, _, index, key = heapq.heappop(self._queue)
        self._queued.discard((index, key))
        self._working = True
        self.doing = (type(self._controllers[index]).__name__, key.name)
        again = self._controllers[index].reconcile(key, self._now)
        self._working = False
        self.doing = ("", "")
        self.done += 1
        if again is not None:
            self._set_alarm(again, index, key, queued=False)
        return True

    def _rest(self) -> None:
        if self._alarms:
            self._time.wait(self._alarms[0][0] - self._time.monotonic(), _SLICE)
            return
        with self._store.changed:
            if not self._queue and not self._store.closed:
                self._store.changed.wait()
