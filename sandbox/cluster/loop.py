"""The one thread in which all controllers of the cluster act, in a fixed order.

Every change of the store queues the keys that controllers want; the queue is worked off to its
end before the next alarm rings, so the same acts give the same order at any rate of the clock.
A `Pace` may let a key wait before it is worked on, and a controller pause between its writes.
Source: the work queues of controller-runtime (reconcile a key, perhaps come back later; a key
that waits is not queued twice; one that is worked on is queued when that is done).
"""

import heapq
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sandbox.clock import Time
from sandbox.cluster.objects import Key
from sandbox.cluster.pace import Pace
from sandbox.cluster.store import Change, Store

_SLICE = 0.005  # real seconds of deafness to new changes while an alarm is set


@dataclass(frozen=True, slots=True)
class Pause:
    """A reconcile that goes on with `then` when the API server has answered its last call.

    While it pauses, nobody else works on its key; what came in between is looked at later.
    """

    work: str
    then: "Callable[[float], Outcome]"


@dataclass(frozen=True, slots=True)
class Others:
    """A reconcile that is done and wants other keys looked at."""

    keys: tuple[Key, ...]


Outcome = Pause | Others | float | None
"""What came of a reconcile; a number is the seconds after which to look again."""


class Controller(Protocol):
    """Reacts to changes of the store; a lower priority number goes first."""

    @property
    def priority(self) -> int:
        """The place in the order."""
        ...

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the objects to look at after a change."""
        ...

    def reconcile(self, key: Key, now: float) -> Outcome:
        """Bring one object forward."""
        ...


class Job(NamedTuple):
    """One controller's work on one key; `pause` when it has begun, `queued` when it is due."""

    controller: int
    key: Key
    pause: Pause | None = None
    queued: bool = True


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
        self._queue: list[tuple[int, int, Job]] = []
        self._queued: set[tuple[int, Key]] = set()
        self._busy: set[tuple[int, Key]] = set()
        self._later: set[tuple[int, Key]] = set()  # wanted while they were busy
        self._due: dict[tuple[int, Key], float] = {}
        self._alarms: list[tuple[float, int, Job]] = []
        self._working = False
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

    def look(self, controller: Controller, key: Key) -> None:
        """Let a controller look at a key without a change of the store."""
        with self._store.changed:
            self._wake()
            self._put(self._controllers.index(controller), key)
            self._store.changed.notify_all()

    def _advance_to(self, moment: float) -> None:
        self._time.advance(max(0.0, moment - self._time.monotonic()))

    def _wake(self) -> None:
        if not self._queue and not self._working:
            self._now = max(self._now, self._time.monotonic())

    def _notice(self, change: Change) -> None:
        self._wake()
        for index, controller in enumerate(self._controllers):
            for key in controller.wants(change):
                self._put(index, key)

    def _put(self, index: int, key: Key) -> None:
        if (index, key) in self._busy:
            self._later.add((index, key))
        elif (index, key) not in self._queued:
            self._queued.add((index, key))
            work = type(self._controllers[index]).__name__
            if wait := self._pace.wait(work, key.name, self._now):
                self._set_alarm(wait, Job(index, key))
            else:
                self._push(Job(index, key))

    def _push(self, job: Job) -> None:
        priority = self._controllers[job.controller].priority
        heapq.heappush(self._queue, (priority, next(self._numbers), job))

    def _set_alarm(self, seconds: float, job: Job) -> None:
        heapq.heappush(self._alarms, (self._now + seconds, next(self._numbers), job))

    def _come_back(self, place: tuple[int, Key], due: float) -> None:
        """Look again at a moment, unless that is done earlier anyway."""
        if due < self._due.get(place, math.inf):
            self._due[place] = due
            heapq.heappush(self._alarms, (due, next(self._numbers), Job(*place, queued=False)))

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
        due, _, job = heapq.heappop(self._alarms)
        self._now = max(self._now, due)
        if job.queued:
            self._push(job)
        elif self._due.get((job.controller, job.key)) == due:
            del self._due[job.controller, job.key]
            self._put(job.controller, job.key)

    def _work(self) -> bool:
        if not self._queue:
            return False
        _, _, job = heapq.heappop(self._queue)
        self._do(job)
        return True

    def _do(self, job: Job) -> None:
        place = (job.controller, job.key)
        self._queued.discard(place)
        self._busy.add(place)
        self._working = True
        if job.pause:
            outcome = job.pause.then(self._now)
        else:
            outcome = self._controllers[job.controller].reconcile(job.key, self._now)
        while isinstance(outcome, Pause):
            if wait := self._pace.wait(outcome.work, job.key.name, self._now):
                self._set_alarm(wait, Job(job.controller, job.key, outcome))
                break
            outcome = outcome.then(self._now)
        else:
            self._finish(place, outcome)
        self._working = False

    def _finish(self, place: tuple[int, Key], outcome: Others | float | None) -> None:
        self._busy.discard(place)
        if isinstance(outcome, Others):
            for other in outcome.keys:
                self._put(place[0], other)
        elif outcome is not None:
            self._come_back(place, self._now + outcome)
        if place in self._later:
            self._later.discard(place)
            self._put(*place)

    def _rest(self) -> None:
        if self._alarms:
            self._time.wait(self._alarms[0][0] - self._time.monotonic(), _SLICE)
            return
        with self._store.changed:
            if not self._queue and not self._store.closed:
                self._store.changed.wait()
