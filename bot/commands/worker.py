"""The worker: runs the jobs of both lanes, tells people what was not done, and keeps account."""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot import metrics
from bot.audit import Audit, Outcome
from bot.chat import Chat, Person, Place
from bot.commands.account import Account, entry_of, kept, question_of, verb_of
from bot.commands.hand import remembered
from bot.commands.lanes import LaneReader
from bot.commands.pace import Pace
from bot.commands.work import PutOff, Running
from bot.errors import BotError, StaleError, StoreUnavailableError
from bot.notice import Refused
from bot.store import Job, Lane
from bot.store.holding import Hall
from gitops.clock import Clock
from gitops.errors import ForgeBusyError, GitOpsError

_log = logging.getLogger(__name__)

PATIENCE = {Lane.CHANGE: timedelta(minutes=15), Lane.ASK: timedelta(minutes=2)}
"""How long a command may wait to begin; a person who waited longer has done something else."""

LOST = {
    Lane.CHANGE: (
        "Redis was emptied while your command was in work: look at its pull request, if there is"
        " one, and type it again (ref {ref})"
    ),
    Lane.ASK: "your question was interrupted; ask again",
}
"""What is said of a command that a worker cannot end."""

COUNTED = {
    Outcome.DENIED: metrics.Outcome.DONE,
    Outcome.LOST: metrics.Outcome.INTERRUPTED,
}
"""How those ends count that metrics have no name of their own for."""

SOONEST = 1.0
"""Shortest time in seconds for which a command is put off."""

PACES = {Lane.CHANGE: Pace(threads=4), Lane.ASK: Pace(threads=8)}
"""Asks only wait for engines; changes also build overlays."""

Command = Callable[[Running], None]
"""Runs what a person typed to its end. What it raises of ours is told to the person."""


@dataclass(frozen=True, slots=True)
class _End:
    """How a job ended, what its person hears of that, and what the audit log does."""

    outcome: Outcome
    line: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker, with its own name; `key_of` is the deployment that a job changes."""

    hall: Hall
    chat: Chat
    audit: Audit
    clock: Clock
    command: Command
    key_of: Callable[[Job], str | None]
    paces: Mapping[Lane, Pace] = field(default_factory=lambda: PACES)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; a lane that ends for another reason ends the worker."""

        def lane(name: Lane) -> None:
            try:
                LaneReader(name, self.hall, self, self.paces[name]).run(stop)
            finally:
                stop.set()

        with ThreadPoolExecutor(len(Lane), "lane") as lanes:
            for future in [lanes.submit(lane, name) for name in Lane]:
                future.result()

    def now(self) -> datetime:
        """Return the time of day."""
        return self.clock.now()

    def key(self, job: Job) -> str | None:
        """Return the deployment that a job changes; a question changes none."""
        return self.key_of(job) if job.lane is Lane.CHANGE else None

    def perform(self, running: Running) -> PutOff | None:
        """Run a job, or say why it is not run; return until when it is put off, if it is."""
        job, began = running.job, self.clock.monotonic()
        if not running.begun.again:
            metrics.begun(job.lane, (running.begun.first - job.at).total_seconds())
        try:
            end = self._unrun(running) or self._ran(running)
        except ForgeBusyError as busy:
            return self._put_off(running, busy)
        self._end(job, running.account, end, self.clock.monotonic() - began)
        return None

    def broken(self, job: Job) -> None:
        """Tell the person that their command was put aside."""
        line = f"Something broke (ref {job.id}); the log has it under that reference. Not done."
        self._end(job, self._account(job), _End(Outcome.PARKED, line))

    def lost(self, job: Job) -> None:
        """Tell the person that Redis lost their command before its end."""
        line = LOST[job.lane].format(ref=job.id)
        self._end(job, self._account(job), _End(Outcome.LOST, line))

    def _unrun(self, running: Running) -> _End | None:
        """Return the end of a job that is not run: it began before, or it waited for too long.

        A change that has begun goes on where it stopped, whenever that is.
        """
        job, begun, patience = running.job, running.begun, PATIENCE[running.job.lane]
        if begun.again and job.lane is Lane.ASK:
            end = _End(Outcome.INTERRUPTED, LOST[Lane.ASK])
        elif begun.first - job.at > patience:
            minutes = f"{patience.total_seconds() / 60:.0f} min"
            line = f"your command waited for more than {minutes} and was not run; type it again"
            end = _End(Outcome.LATE, line)
        else:
            return None
        known, account = self._account(job), running.account
        account.environment, account.name = known.environment, known.name
        account.question = question_of(job)
        return end

    def _ran(self, running: Running) -> _End:
        """Run a command; return how it ended.

        Raises:
            ForgeBusyError: GitHub's limit is used up, and the command may wait for room.
        """
        job, account = running.job, running.account
        try:
            self.command(running)
        except (StaleError, StoreUnavailableError):
            raise  # not the person's business: the job goes on elsewhere, or later
        except (BotError, GitOpsError) as error:
            if isinstance(error, ForgeBusyError) and self._may_wait(job, error.wait):
                raise
            _log.info("refused ref=%s error=%s", job.id, kept(job, error))
            outcome = Outcome.DENIED if account.denied else Outcome.REFUSED
            return _End(outcome, str(error), kept(job, error))
        return _End(Outcome.DENIED if account.denied else Outcome.DONE)

    def _account(self, job: Job) -> Account:
        """Return what is known of a job without running it."""
        key = remembered(self.key)(job) or ""
        environment, _, name = key.rpartition("/")
        return Account(verb_of(job), environment, name)

    def _end(self, job: Job, account: Account, end: _End, seconds: float = 0.0) -> None:
        """Keep in the audit log how a job ended, count it, and tell its person what is left."""
        entry = entry_of(job, account, self.clock.now(), end.outcome, end.detail)
        self.audit.record(entry)
        metrics.ended(
            verb_of(job), COUNTED.get(end.outcome) or metrics.Outcome(end.outcome), seconds
        )
        if end.line:
            self._tell(job, end.line)

    def _may_wait(self, job: Job, seconds: float) -> bool:
        """Say whether a change is young enough to be put off; a question is never asked again."""
        until = self.now() - job.at + timedelta(seconds=max(seconds, SOONEST))
        return job.lane is Lane.CHANGE and until <= PATIENCE[Lane.CHANGE]

    def _put_off(self, running: Running, busy: ForgeBusyError) -> PutOff:
        """Return until when a command waits; tell the person of its first wait only."""
        seconds = max(busy.wait, SOONEST)
        until = PutOff(self.clock.monotonic() + seconds, self.clock)
        if not running.begun.put_off:
            self._tell(
                running.job,
                f"{busy.limit} is used up; your command runs by itself in about "
                f"{math.ceil(seconds)} s",
            )
        return until

    def _tell(self, job: Job, line: str) -> None:
        person = Person(job.person, job.team)
        place = Place(job.channel, job.thread, job.response_url)
        try:
            self.chat.whisper(place, person, Refused(line))
        except BotError as error:  # Slack is away: the log keeps what could not be said
            _log.warning("unsaid ref=%s error=%s", job.id, error)
