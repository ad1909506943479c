"""Use case: a press of Cancel: who asked may stop the answer, and so may approvers there."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.access import Denied
from bot.chat import Person
from bot.errors import BotError, StoreUnavailableError
from bot.slack.desk import Desk
from bot.slack.escaping import our_words
from bot.slack.wording import text
from bot.store import Job
from gitops.errors import GitOpsError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """The answer that a button stops: its key, who asked, and where."""

    key: str
    asker: str
    environment: str
    name: str

    @classmethod
    def of(cls, value: str) -> "Running":
        """Read the value of a button, as `bot.slack.blocks` wrote it and the seal has proved."""
        key, asker, where = value.split(" ")
        environment, _, name = where.partition("/")
        return cls(key, asker, environment, name)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a press, as the audit log names it, and what its person is told."""

    outcome: str
    line: str = ""


def cancelled(running: Running, job: Job, desk: Desk, cancel: Callable[[str], None]) -> Ended:
    """Stop an answer, or say why not; pressed twice, it is stopped once."""
    if job.person != running.asker:
        try:
            denied = desk.may(
                "cancel", Person(job.person, job.team), job.channel, running.environment
            )
        except (BotError, GitOpsError) as error:  # who may is not known, so nobody else may
            _log.warning("cancel not decided ref=%s error=%s", running.key, error)
            return Ended("refused", our_words(str(error)))
        if denied:
            return Ended("denied", _denied(denied, running.asker))
    try:
        cancel(running.key)
    except StoreUnavailableError as error:
        _log.warning("cancel lost ref=%s error=%s", running.key, error)
        return Ended("refused", "The answer could not be cancelled now; press again in a minute.")
    return Ended("done")


def _denied(denied: Denied, asker: str) -> str:
    """Return the rule and who may; an environment where they have no role stays unnamed."""
    shown = denied if denied.has else replace(denied, environment=None)
    return f"{text(shown)}. Who asked may too: <@{asker}>."
