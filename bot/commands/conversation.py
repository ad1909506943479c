"""Use case: whatever a person typed, from its text to its answer, and one line in the audit log.

A person is told what they may not do, what makes no sense and what is not there; everything else
that can go wrong is the worker's to tell.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bot.access import Actor, Denied
from bot.audit import Audit, Entry, fingerprint
from bot.chat import Chat, Directory, Person, Place
from bot.commands import command as c
from bot.commands.changing import Asked
from bot.commands.grammar import parse
from bot.commands.place import Named
from bot.commands.scene import Scene, Sight, about, everything, scene
from bot.commands.work import Running
from bot.desired import Desired, Mirror
from bot.errors import BotError, StaleError, StoreUnavailableError
from bot.store import Job, Records
from gitops.clock import Clock
from gitops.errors import ForgeBusyError, GitOpsError

CHANGING = (c.Change, c.Rollback, c.BreakGlass)
"""Commands that change a deployment; those of one deployment run in their order."""


class Acts(Protocol):
    """What is done for a command that is settled and allowed."""

    def __call__(self, command: c.Command, scene: Scene, asked: Asked) -> None:
        """Do it and answer; what it raises of ours is told to the person."""
        ...


@dataclass(slots=True)
class Draft:
    """An entry of the audit log while its command runs."""

    act: str = "unknown"
    outcome: str = "done"
    environment: str = ""
    name: str = ""
    detail: str = ""
    question: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """The ports that understanding a command needs; `default` is the declared environment."""

    mirror: Mirror
    records: Records
    chat: Chat
    directory: Directory
    audit: Audit
    clock: Clock
    acts: Acts
    default: str

    def __call__(self, running: Running) -> None:
        """Run a command to its end.

        Raises:
            BotError, GitOpsError: it could not be done; the text is for the person.
        """
        job = running.job
        place = Place(job.channel, job.thread, job.response_url)
        asked = Asked(job.id, Person(job.person, job.team), place, running.fence)
        with self._recorded(job) as draft:
            self._run(job, asked, draft)

    def key_of(self, job: Job) -> str | None:
        """Return the deployment that a command changes, as ENVIRONMENT/NAME; None for others.

        It is about the order of changes only, so a wrong command has none: running it says why.
        """
        desired = self.mirror.known()
        if desired is None:
            return None
        try:
            command = self._sight(desired, job.channel).settled(self._parsed(job))
        except (BotError, GitOpsError):
            return None
        meant = about(command)
        return f"{meant.environment}/{meant.name}" if isinstance(command, CHANGING) else None

    def _run(self, job: Job, asked: Asked, draft: Draft) -> None:
        command = self._parsed(job)
        draft.act = c.verb_of(command)
        draft.question = command.question.prompt if isinstance(command, c.Ask) else ""
        before = self._scene(asked)
        blind = not before.sight.environments  # names are not looked at: nothing is said of them
        if blind and self._is_denied(before.may(draft.act), asked, draft):
            return
        settled = before.sight.settled(command)
        meant = about(settled)
        draft.environment, draft.name = meant.environment, meant.name
        if not self._is_denied(before.may(draft.act, meant.environment or None), asked, draft):
            self.acts(settled, before, asked)

    def _is_denied(self, denied: Denied | None, asked: Asked, draft: Draft) -> bool:
        if denied is None:
            return False
        draft.outcome = "denied"
        self.chat.whisper(asked.place, asked.person, denied)
        return True

    def _parsed(self, job: Job) -> c.Command:
        return parse(job.text, self._implied(job))

    def _scene(self, asked: Asked) -> Scene:
        desired = self.mirror.desired()
        groups = self.directory.groups(asked.person, desired.roles.groups)
        home = self.directory.is_home(asked.person)
        actor = Actor(asked.person.id, asked.place.channel, groups, home)
        return scene(actor, desired, self._sight(desired, actor.channel))

    def _sight(self, desired: Desired, channel: str) -> Sight:
        proposed = [Named(p.environment, p.name) for p in self.records.proposals()]
        return everything(desired, channel, proposed, self.default)

    def _implied(self, job: Job) -> str | None:
        """Return the deployment whose thread a command was typed in."""
        if job.thread is None:
            return None
        here = (job.channel, job.thread)
        found = (p.key for p in self.records.proposals() if (p.channel, p.card) == here)
        return next(found, None)

    @contextlib.contextmanager
    def _recorded(self, job: Job) -> Iterator[Draft]:
        """Keep what became of a command, whatever that is, unless it goes on elsewhere."""
        draft = Draft()
        try:
            yield draft
        except (StaleError, StoreUnavailableError):
            raise
        except (BotError, GitOpsError) as error:
            waits = isinstance(error, ForgeBusyError)
            draft.outcome, draft.detail = "waiting" if waits else "refused", str(error)
            self._record(job, draft)
            raise
        except Exception:
            draft.outcome = "broken"
            self._record(job, draft)
            raise
        self._record(job, draft)

    def _record(self, job: Job, draft: Draft) -> None:
        asked = fingerprint(draft.question) if draft.question else None
        entry = Entry(
            at=self.clock.now(),
            ref=job.id,
            act=draft.act,
            person=job.person,
            team=job.team,
            channel=job.channel,
            outcome=draft.outcome,
            environment=draft.environment,
            name=draft.name,
            detail=draft.detail,
            question_length=asked.length if asked else 0,
            question_sha256=asked.sha256 if asked else "",
        )
        self.audit.record(entry)
