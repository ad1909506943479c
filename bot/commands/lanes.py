"""Takes the jobs of one lane and gives each to a thread, so that no job is lost or run by two.

One reading thread a lane speaks with the queue: it takes no more jobs than threads are free, renews
what is held, takes over what nobody works on, and starts a job only when it is the first of its
deployment in the line and the deployment's lock is ours. The line is the order in which people
typed, over all processes: an entry leaves it when its job has ended, so the first one may run.
The threads run the jobs and close them. A job that was put off keeps its claim and its place in
the line, but no thread, no lock and no room: others go on, those of its deployment wait behind it.
A job that Redis has lost is not run again, which might undo what was typed since: we tell of it.

Times here are real seconds of the machine's steady clock: they are about processes that may be
dead, not about what people wait for. Only how long a job is put off is by the work's own clock.
"""

import contextlib
import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bot.commands.account import described, trace_of, without_words
from bot.commands.hand import Hand, Held, first_of_each, new_attempt, remembered
from bot.commands.pace import Pace, patiently
from bot.commands.work import PutOff, Running, Work
from bot.errors import LostError, StaleError, StoreUnavailableError
from bot.store import Job, Lane, Taken
from bot.store.holding import Hall

_log = logging.getLogger(__name__)


_Act = Callable[[Taken], bool | None]
"""Closes a job; True where it stays in our hands, to be tried again."""


class LaneReader:
    """One lane of one process."""

    def __init__(self, lane: Lane, hall: Hall, work: Work, pace: Pace) -> None:
        self._lane = lane
        self._hall = hall
        self._work = work
        self._pace = pace
        self._key = remembered(work.key)
        self._hand = Hand()
        self._pool = ThreadPoolExecutor(pace.threads, lane.value)
        self._owed: deque[tuple[Held, _Act]] = deque()
        self._inherited = False
        self._look_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then wait for what runs, and give back what is left."""
        try:
            while not stop.is_set():
                patiently(stop, self._lane, self._look_soon)(self._round)
            self._drain()
        finally:
            self._pool.shutdown(wait=False)

    def _round(self) -> None:
        self._hall.beat(f"{self._lane} lane")
        self._renew()
        for held in self._settle():
            self._pool.submit(self._tell_lost, held)
        self._adopt()
        self._start()
        self._take()

    def _look_soon(self) -> None:
        self._look_at = 0.0  # an answer may have been lost: look for what is ours

    def _renew(self) -> None:
        """Renew what is due; let a thread find out where the rest has gone."""
        now = time.monotonic()
        for held in [held for held in self._hand.all() if now >= held.due and not held.lost]:
            ran = held.running  # its thread may let its lock go, and lay it by, while we ask
            if self._is_ours(held):
                held.due = now + self._pace.renew
            elif not (ran and held.closing):  # else closing it tells, or the next round
                _log.warning("not ours any more ref=%s", held.taken.job.id)
                held.lost = True  # a thread that still runs it drops it when it comes back
                if not held.running:
                    self._begin(held)

    def _is_ours(self, held: Held) -> bool:
        """Renew a job, and the lock that it runs under."""
        fence = held.fence if held.running else None
        try:
            ours = self._hall.claims.renew(held.taken)
        except LostError:
            return False
        return ours and (not fence or self._hall.locks.renew(fence, self._pace.lease))

    def _settle(self) -> Iterator[Held]:
        """Close what had ended while Redis was away; yield what is lost, for others to tell of."""
        while self._owed:
            held, act = self._owed[0]
            lost = self._close(held, act)
            self._owed.popleft()
            if lost:
                yield held

    def _adopt(self) -> None:
        """Take up what is left of an earlier process of our name; later, what nobody works on."""
        now = time.monotonic()
        known = {held.taken.receipt for held in self._hand.all()}
        room = self._free() + self._pace.ahead - self._hand.crowd()
        if now < self._look_at:
            return
        self._look_at = now + self._pace.look  # also without room: a time gone by ends no wait
        if room <= 0:
            return
        if self._inherited:
            self._hold(self._hall.claims.adopt(self._lane, room, known))
        else:
            self._hold(self._hall.claims.inherit(self._lane))
            self._inherited = True

    def _start(self) -> None:
        """Start what may run: the first of its deployment in the line, with the lock ours."""
        now = time.monotonic()
        self._hand.wake()
        waiting = [held for held in self._hand.ready() if held.rest <= now]
        firsts: dict[str, str] = {}
        busy = {held.key for held in self._hand.running()}  # also under a lock that Redis lost
        if any(held.key for held in waiting) and self._free() > 0:
            firsts = first_of_each(self._hall.claims.line(self._lane), self._key)
        for held in waiting:
            if self._free() <= 0:
                return
            first = held.key not in busy and firsts.get(held.key or "") == held.taken.receipt
            if not held.key or (first and self._lock(held)):
                self._begin(held)

    def _begin(self, held: Held) -> None:
        held.closing, held.due = False, time.monotonic() + self._pace.renew
        held.running = True
        self._pool.submit(self._run, held)

    def _lock(self, held: Held) -> bool:
        """Take the lock of a job's deployment; False while another process holds it."""
        holder = f"{self._hall.name}/{held.taken.receipt}"
        held.fence = self._hall.locks.acquire(held.key or "", holder, self._pace.lease)
        return held.fence is not None

    def _take(self) -> None:
        """Take new jobs for free threads; wait a little when there is nothing to do."""
        free, waiting = self._free(), self._hand.crowd()
        room = min(free, self._pace.ahead - waiting)
        if room > 0:
            wait = 0.0 if waiting else self._until_due()
            found = self._hall.claims.take(self._lane, room, wait)
            self._hold(found)
            if found or not waiting:
                return
        self._hand.wait(min(self._pace.blocked if free else 1e9, self._until_due()))

    def _run(self, held: Held) -> None:
        """Run a job and close it. In a thread of the pool."""
        act: _Act = self._leave
        try:
            with self._dropped_by_bugs(held):
                act = self._outcome(held)
                if self._close(held, act):
                    self._tell_lost(held)
        except StoreUnavailableError as error:
            _log.warning("unclosed ref=%s error=%s", held.taken.job.id, error)
            self._owed.append((held, act))
        finally:
            self._hand.ring()

    @contextlib.contextmanager
    def _dropped_by_bugs(self, held: Held) -> Iterator[None]:
        """Let go of a job when closing it meets a bug: it is taken up anew, and its tries count."""
        try:
            yield
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - else its thread would be lost, and its room
            _log.error("unclosed ref=%s\n%s", held.taken.job.id, trace_of(held.taken.job, error))
            self._hand.drop(held)

    def _outcome(self, held: Held) -> _Act:
        """Run a job; return how to close it."""
        if held.lost:
            return self._leave
        job, begun = held.taken.job, None
        try:
            begun = self._hall.runs.begin(held.taken, held.attempt, self._work.now())
            held.attempt = new_attempt()
            if begun.tries > self._pace.tries:
                return self._parking(held, begun.tries, "workers died with it")
            _log.info("running ref=%s try=%s", job.id, begun.tries)
            until = self._work.perform(Running(job, begun, held.fence))
            held.told |= until is None
            return functools.partial(self._put_off, held, until) if until else self._end
        except StaleError as error:
            _log.warning("left ref=%s error=%s", job.id, error)
            return self._leave
        except StoreUnavailableError as error:
            _log.warning("unfinished ref=%s error=%s", job.id, error)
            return self._hall.runs.give_back if begun else functools.partial(self._rest, held)
        except Exception as error:  # noqa: BLE001 - the one place where a bug becomes a log
            return self._broken(held, begun.tries if begun else 0, error)

    def _broken(self, held: Held, tries: int, error: Exception) -> _Act:
        """Log a bug; let a change be tried again, and put aside what was tried often enough."""
        job = held.taken.job
        _log.error("broken ref=%s try=%s\n%s", job.id, tries, trace_of(job, error))
        if self._lane is Lane.CHANGE and tries < self._pace.tries:
            return functools.partial(self._rest, held)
        return self._parking(held, tries, described(job, error))

    def _parking(self, held: Held, tries: int, reason: str) -> _Act:
        job, held.told = held.taken.job, True
        _log.error("parked ref=%s try=%s reason=%s", job.id, tries, reason)
        if tries <= self._pace.tries + 1:  # after that, telling is what workers die of
            self._tell(self._work.broken, job)
        aside = replace(held.taken, job=without_words(job))
        return lambda _: self._hall.runs.park(aside, reason)

    def _leave(self, taken: Taken) -> None:
        """Let go of a job that is in other hands, or that we look for later."""
        self._hall.claims.renew(taken)  # raises where it is in nobody's

    def _end(self, taken: Taken) -> None:
        self._hall.runs.end(taken)
        _log.info("finished ref=%s", taken.job.id)

    def _rest(self, held: Held, taken: Taken) -> bool:  # noqa: ARG002 - the form of an act
        """Keep a job in our hands and try it again a little later."""
        held.rest = time.monotonic() + self._pace.again
        return True

    def _put_off(self, held: Held, until: PutOff, taken: Taken) -> bool:
        """Keep a job in our hands and try it again at that time; this try does not count."""
        self._hall.runs.excuse(taken)
        held.until = until
        _log.info("put off ref=%s", taken.job.id)
        return True

    def _close(self, held: Held, act: _Act) -> bool:
        """Let the lock go, then the job: so the next of its deployment finds the lock free.

        True where Redis has lost the job and its person is to be told; till then we hold it.
        """
        held.closing, stays = True, False
        with self._dropped_by_bugs(held):
            try:
                if held.fence:
                    self._hall.locks.release(held.fence)
                stays = bool(act(held.taken))
            except StaleError as error:
                _log.warning("left ref=%s error=%s", held.taken.job.id, error)
                if isinstance(error, LostError) and not held.told:
                    held.told = True
                    return True
            if stays:
                held.lay_by()  # from here on it may run again: nothing of it is read any more
            else:
                self._hand.drop(held)
        return False

    def _tell_lost(self, held: Held) -> None:
        """Tell of a job that Redis has lost. Not in the reading thread: Slack may take long."""
        self._tell(self._work.lost, held.taken.job)
        self._hand.drop(held)

    def _tell(self, tell: Callable[[Job], None], job: Job) -> None:
        try:
            tell(job)
        except Exception as error:  # noqa: BLE001 - the job is over whether or not they hear of it
            _log.error("untold ref=%s\n%s", job.id, trace_of(job, error))

    def _drain(self) -> None:
        """Wait for what runs; leave the rest to other workers at once, then tell of the lost."""
        self._hand.wait_for_idle(self._pace.grace)
        lost: list[Held] = []
        give = self._hall.runs.give_back
        with contextlib.suppress(StoreUnavailableError):  # others take it over when it is idle
            lost.extend(self._settle())
            lost.extend(held for held in self._hand.all() if self._close(held, give))
        for held in lost:
            self._tell_lost(held)

    def _hold(self, found: Sequence[Taken]) -> None:
        due = time.monotonic() + self._pace.renew
        self._hand.hold(Held(taken, self._key(taken.job), due) for taken in found)

    def _free(self) -> int:
        return self._pace.threads - len(self._hand.running())

    def _until_due(self) -> float:
        """Return how long we may wait: until the next renewal or look, and never very long."""
        times = [held.due for held in self._hand.all() if not held.lost] + [self._look_at]
        return max(0.01, min(self._pace.idle, min(times) - time.monotonic()))
