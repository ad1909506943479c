"""The worker: runs the jobs of both lanes and tells people what could not be done."""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from bot import metrics
from bot.chat import Chat, Person, Place
from bot.commands.lanes import Hall, LaneReader, Pace
from bot.commands.verbs import EXAMPLES
from bot.commands.work import PutOff, Running
from bot.errors import BotError, StaleError, StoreUnavailableError
from bot.notice import Refused
from bot.store import Job, Lane
from gitops.clock import Clock
from gitops.errors import ForgeBusyError, GitOpsError

_log = logging.getLogger(__name__)

PATIENCE = {Lane.CHANGE: timedelta(minutes=15), Lane.ASK: timedelta(minutes=2)}
"""How long a command may wait to begin; a person who waited longer has done something else."""

SOONEST = 1.0
"""Shortest time in seconds for which a command is put off."""

PACES = {Lane.CHANGE: Pace(threads=4), Lane.ASK: Pace(threads=8)}
"""Asks only wait for engines; changes also build overlays."""

Command = Callable[[Running], None]
"""Runs what a person typed to its end. What it raises of ours is told to the person."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker, with its own name; `key_of` is the deployment that a job changes."""

    hall: Hall
    chat: Chat
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

    def key(self, job: Job) -> str | None:
        """Return the deployment that a job changes; a question changes none."""
        return self.key_of(job) if job.lane is Lane.CHANGE else None

    def perform(self, running: Running) -> PutOff | None:
        """Run a job, or say why it is not run; return until when it is put off, if it is."""
        job, began = running.job, self.clock.monotonic()
        if not running.put_off:
            metrics.begun(job.lane, self._age(job).total_seconds())
        late = self._too_late(running)
        try:
            line = late or self._refusal(running)
        except ForgeBusyError as busy:
            return self._put_off(running, max(busy.wait, SOONEST))
        if line:
            self._tell(job, line)
        metrics.ended(_act(job), _outcome(running, late, line), self.clock.monotonic() - began)
        return None

    def broken(self, job: Job) -> None:
        """Tell the person that their command was put aside."""
        metrics.ended(_act(job), metrics.Outcome.PARKED, 0.0)
        self._tell(
            job, f"Something broke (ref {job.id}); the log has it under that reference. Not done."
        )

    def _too_late(self, running: Running) -> str:
        """Return why a job is not run: it began before, or it waited for too long."""
        job = running.job
        if running.tries > 1:  # a change goes on where it stopped, whenever that was
            return "your question was interrupted; ask again" if job.lane is Lane.ASK else ""
        patience = PATIENCE[job.lane]
        if self._age(job) <= patience:
            return ""
        minutes = f"{patience.total_seconds() / 60:.0f} min"
        return f"your command waited for more than {minutes} and was not run; type it again"

    def _refusal(self, running: Running) -> str:
        """Run a command; return the line to say when it could not be done, else nothing.

        Raises:
            ForgeBusyError: GitHub's limit is used up, and the command may wait for room.
        """
        try:
            self.command(running)
        except (StaleError, StoreUnavailableError):
            raise  # not the person's business: the job goes on elsewhere, or later
        except (BotError, GitOpsError) as error:
            if isinstance(error, ForgeBusyError) and self._may_wait(running.job, error.wait):
                raise
            _log.info("refused ref=%s error=%s", running.job.id, error)
            return str(error)
        return ""

    def _age(self, job: Job) -> timedelta:
        return self.clock.now() - job.at

    def _may_wait(self, job: Job, seconds: float) -> bool:
        """Say whether a change is young enough to be put off; a question is never asked again."""
        until = self._age(job) + timedelta(seconds=max(seconds, SOONEST))
        return job.lane is Lane.CHANGE and until <= PATIENCE[Lane.CHANGE]

    def _put_off(self, running: Running, seconds: float) -> PutOff:
        """Return until when a command waits; tell the person of its first wait only."""
        until = PutOff(self.clock.monotonic() + seconds, self.clock)
        if not running.put_off:
            self._tell(
                running.job,
                "GitHub's limit on writes is used up; your command runs by itself in about "
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


def _act(job: Job) -> str:
    """Return the verb of a job, of a closed list: metrics keep a number for each."""
    verb = next(iter(job.text.split(maxsplit=1)), "")
    return verb if verb in EXAMPLES else "unknown"


def _outcome(running: Running, late: str, line: str) -> metrics.Outcome:
    if late:
        again = running.tries > 1
        return metrics.Outcome.INTERRUPTED if again else metrics.Outcome.LATE
    return metrics.Outcome.REFUSED if line else metrics.Outcome.DONE
