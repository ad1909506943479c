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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import tenacity

from bot.commands.account import described, trace_of, without_words
from bot.commands.hand import Hand, Held, first_of_each, new_attempt, remembered
from bot.commands.work import PutOff, Running, Work
from bot.errors import LostError, StaleError, StoreUnavailableError
from bot.store import Lane, Taken
from bot.store.holding import Hall

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a lane works. All times in seconds.

    `threads` jobs run at once; `ahead` more may be held while earlier ones of their deployments
    run. A claim is renewed every `renew`; the lock lasts `lease` without that. What nobody works on
    is looked for every `look`. With nothing to do the lane asks every `idle`, and every `blocked`
    while a held job waits for another process. A job that broke is tried `again` after so long, and
    parked after `tries` tries. A stop waits `grace` for running jobs.
    """

    threads: int = 4
    ahead: int = 16
    renew: float = 10.0
    lease: float = 45.0
    look: float = 5.0
    idle: float = 1.0
    blocked: float = 0.1
    again: float = 1.0
    tries: int = 3
    grace: float = 6.0


_Act = Callable[[Taken], None]


class LaneReader:
    """One lane of one process."""

    def __init__(self, lane: Lane, hall: Hall, work: Work, pace: Pace) -> None:
        self._lane = lane
        self._hall = hall
        self._work = work
        self._pace = pace
        self._key = remembered(work.key)
        self._hand = Hand()
        self._owed: deque[tuple[Held, _Act]] = deque()
        self._inherited = False
        self._look_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then wait for what runs, and give back what is left."""
        pool = ThreadPoolExecutor(self._pace.threads, self._lane.value)
        try:
            while not stop.is_set():
                self._patiently(stop)(self._round, pool)
            self._drain()
        finally:
            pool.shutdown(wait=False)

    def _round(self, pool: ThreadPoolExecutor) -> None:
        self._hall.beat(f"{self._lane} lane")
        self._renew(pool)
        self._settle()
        self._adopt()
        self._start(pool)
        self._take()

    def _patiently(self, stop: threading.Event) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(StoreUnavailableError),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            stop=tenacity.stop_when_event_set(stop),
            sleep=tenacity.sleep_using_event(stop),
            before_sleep=self._away,
            retry_error_callback=lambda _: None,
        )

    def _away(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome and state.outcome.exception()
        _log.warning("waiting lane=%s try=%s error=%s", self._lane, state.attempt_number, error)
        self._look_at = 0.0  # an answer may have been lost: look for what is ours

    def _renew(self, pool: ThreadPoolExecutor) -> None:
        """Renew what is due; let a thread find out where the rest has gone."""
        now = time.monotonic()
        for held in [held for held in self._hand.all() if now >= held.due and not held.lost]:
            if self._is_ours(held):
                held.due = now + self._pace.renew
            elif not held.closing:  # else its thread was quicker, or closing it will tell
                _log.warning("not ours any more ref=%s", held.taken.job.id)
                held.lost = True  # a thread that still runs it drops it when it comes back
                if not held.running:
                    self._begin(pool, held)

    def _is_ours(self, held: Held) -> bool:
        """Renew a job, and the lock that it runs under."""
        fence = held.fence if held.running else None
        try:
            ours = self._hall.claims.renew(held.taken)
        except LostError:
            return False
        return ours and (not fence or self._hall.locks.renew(fence, self._pace.lease))

    def _settle(self) -> None:
        """Close what had ended while Redis was away."""
        while self._owed:
            self._close(*self._owed[0])
            self._owed.popleft()

    def _adopt(self) -> None:
        """Take up what is left of an earlier process of our name; later, what nobody works on."""
        now = time.monotonic()
        known = {held.taken.receipt for held in self._hand.all()}
        room = self._free() + self._pace.ahead - self._hand.crowd()
        if now < self._look_at or room <= 0:
            return
        if self._inherited:
            self._hold(self._hall.claims.adopt(self._lane, room, known))
        else:
            self._hold(self._hall.claims.inherit(self._lane))
            self._inherited = True
        self._look_at = now + self._pace.look

    def _start(self, pool: ThreadPoolExecutor) -> None:
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
                self._begin(pool, held)

    def _begin(self, pool: ThreadPoolExecutor, held: Held) -> None:
        held.running, held.due = True, time.monotonic() + self._pace.renew
        pool.submit(self._run, held)

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
            act = self._outcome(held)
            self._close(held, act)
        except StoreUnavailableError as error:
            _log.warning("unclosed ref=%s error=%s", held.taken.job.id, error)
            self._owed.append((held, act))
        finally:
            self._hand.ring()

    def _outcome(self, held: Held) -> _Act:
        """Run a job; return how to close it."""
        job, begun = held.taken.job, None
        try:
            begun = self._hall.runs.begin(held.taken, held.attempt, self._work.now())
            held.attempt = new_attempt()
            if begun.tries > self._pace.tries:
                return self._parking(held, begun.tries, "workers died with it")
            _log.info("running ref=%s try=%s", job.id, begun.tries)
            until = self._work.perform(Running(job, begun, held.fence))
            held.told = until is None
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
            try:
                self._work.broken(job)
            except Exception:  # noqa: BLE001 - the job is put aside whether or not they hear of it
                _log.exception("untold ref=%s", job.id)
        aside = replace(held.taken, job=without_words(job))
        return lambda _: self._hall.runs.park(aside, reason)

    def _leave(self, taken: Taken) -> None:
        """Let go of a job that is in other hands, or that we look for later."""
        self._hall.claims.renew(taken)  # raises where it is in nobody's

    def _end(self, taken: Taken) -> None:
        self._hall.runs.end(taken)
        _log.info("finished ref=%s", taken.job.id)

    def _rest(self, held: Held, taken: Taken) -> None:  # noqa: ARG002 - the form of an act
        """Keep a job in our hands and try it again a little later."""
        held.rest = time.monotonic() + self._pace.again
        held.running = held.closing = False

    def _put_off(self, held: Held, until: PutOff, taken: Taken) -> None:
        """Keep a job in our hands and try it again at that time; this try does not count."""
        self._hall.runs.excuse(taken)
        held.until = until
        held.running = held.closing = False
        _log.info("put off ref=%s", taken.job.id)

    def _close(self, held: Held, act: _Act) -> None:
        """Let the lock go, then the job: so the next of its deployment finds the lock free."""
        held.closing = True
        try:
            if held.fence:
                self._hall.locks.release(held.fence)
            act(held.taken)
        except StaleError as error:
            _log.warning("left ref=%s error=%s", held.taken.job.id, error)
            if isinstance(error, LostError) and not held.told:
                self._work.lost(held.taken.job)
        if held.running:
            self._hand.drop(held)

    def _drain(self) -> None:
        """Wait for what runs; leave what is left to other workers at once."""
        self._hand.wait_for_idle(self._pace.grace)
        with contextlib.suppress(StoreUnavailableError):  # others take it over when it is idle
            self._settle()
            for held in self._hand.all():
                self._close(held, self._hall.runs.give_back)

    def _hold(self, found: Sequence[Taken]) -> None:
        due = time.monotonic() + self._pace.renew
        self._hand.hold(Held(taken, self._key(taken.job), due) for taken in found)

    def _free(self) -> int:
        return self._pace.threads - len(self._hand.running())

    def _until_due(self) -> float:
        """Return how long we may wait: until the next renewal or look, and never very long."""
        times = [held.due for held in self._hand.all() if not held.lost] + [self._look_at]
        return max(0.01, min(self._pace.idle, min(times) - time.monotonic()))
