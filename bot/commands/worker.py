"""The worker: takes commands from the queue and runs each to its end."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bot.chat import Chat, Person, Place
from bot.commands.ask import Asker
from bot.commands.deploy import Asked, Deployer
from bot.commands.parse import USAGE, Ask, Help, parse
from bot.errors import BotError
from bot.notice import Refused, Usage
from bot.store import Job, Queue, Taken
from gitops.errors import GitOpsError
from gitops.request import DeployRequest

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker; `name` stays the same over restarts, so that it takes its own work up again."""

    name: str
    queue: Queue
    chat: Chat
    deploy: Deployer
    ask: Asker

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        for taken in self.queue.jobs(self.name):
            if taken is not None:
                self._finish(taken)
            if stop.is_set():
                return

    def _finish(self, taken: Taken) -> None:
        job = taken.job
        asked = Asked(job.id, Person(job.person, job.team), Place(job.channel))
        _log.info("running ref=%s", job.id)
        if line := self._refusal(taken, asked):
            self._safely(job, lambda: self.chat.whisper(asked.place, asked.person, Refused(line)))
        self.queue.done(taken)
        _log.info("finished ref=%s", job.id)

    def _refusal(self, taken: Taken, asked: Asked) -> str:
        """Run a command; return the line to say when it could not be done, else nothing."""
        try:
            self._run(taken, asked)
        except (BotError, GitOpsError) as error:
            _log.info("refused ref=%s error=%s", taken.job.id, error)
            return str(error)
        except Exception:  # noqa: BLE001 - the one place where a bug becomes a line and a log
            _log.exception("broken ref=%s", taken.job.id)
            return f"Something broke (ref {taken.job.id}); the log has it under that reference."
        return ""

    def _run(self, taken: Taken, asked: Asked) -> None:
        match parse(taken.job.text):
            case DeployRequest() as request:
                self.deploy(request, asked)
            case Ask() as ask:
                self.ask(ask, asked)
            case Help():
                self.chat.whisper(asked.place, asked.person, Usage(USAGE))

    def _safely(self, job: Job, act: Callable[[], None]) -> None:
        try:
            act()
        except BotError as error:  # Slack is away: the log keeps what could not be said
            _log.warning("unsaid ref=%s error=%s", job.id, error)
