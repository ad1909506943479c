"""Use case: whatever a person typed, from its text to its answer.

A person is told what they may not do, what makes no sense and what is not there; everything else
that can go wrong is the worker's to tell.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from bot.access import Actor, Denied
from bot.chat import Chat, Directory, Person, Place
from bot.commands import command as c
from bot.commands.account import Account
from bot.commands.changing import Asked
from bot.commands.grammar import parse
from bot.commands.scene import Scene, Sight, about, everything, scene
from bot.commands.work import Running
from bot.desired import Desired, Mirror
from bot.errors import BotError, CommandError, DesiredUnknownError
from bot.store import Job, Lane, Records
from gitops.checks.secrets import secrets_in
from gitops.clock import Clock
from gitops.errors import ForgeBusyError, ForgeUnavailableError, GitOpsError

CHANGING = (c.Change, c.Rollback, c.BreakGlass)
"""Commands that change a deployment; those of one deployment run in their order."""

LOOKING = (c.List, c.Status)
"""Commands that are answered also while the Git host is away."""

OLDEST = timedelta(days=1)
"""How old main may be for that."""


class Acts(Protocol):
    """What is done for a command that is settled and allowed."""

    def __call__(self, command: c.Command, scene: Scene, asked: Asked) -> None:
        """Do it and answer; what it raises of ours is told to the person."""
        ...


@dataclass(frozen=True, slots=True)
class Conversation:
    """The ports that understanding a command needs.

    `default` is the declared environment, `last` gives main as it was published last.
    """

    mirror: Mirror
    records: Records
    chat: Chat
    directory: Directory
    acts: Acts
    default: str
    last: Callable[[], Desired]
    clock: Clock

    def __call__(self, running: Running) -> None:
        """Run a command to its end.

        Raises:
            BotError, GitOpsError: it could not be done; the text is for the person.
        """
        job = running.job
        place = Place(job.channel, job.thread, job.response_url)
        asked = Asked(job.id, Person(job.person, job.team), place, running.fence)
        self._run(job, asked, running.account)

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

    def _run(self, job: Job, asked: Asked, account: Account) -> None:
        _refuse_keys(job)
        command = self._parsed(job)
        account.act = c.verb_of(command)
        account.question = command.question.prompt if isinstance(command, c.Ask) else ""
        before = self._scene(asked, command)
        blind = not before.sight.environments  # names are not looked at: nothing is said of them
        if blind and self._is_denied(before.may(account.act), asked, account):
            return
        settled = before.sight.settled(command)
        meant = about(settled)
        account.environment, account.name = meant.environment, meant.name
        if not self._is_denied(before.may(account.act, meant.environment or None), asked, account):
            self.acts(settled, before, asked)

    def _is_denied(self, denied: Denied | None, asked: Asked, account: Account) -> bool:
        if denied is None:
            return False
        account.denied = True
        self.chat.whisper(asked.place, asked.person, denied)
        return True

    def _parsed(self, job: Job) -> c.Command:
        return parse(job.text, self._implied(job))

    def _scene(self, asked: Asked, command: c.Command) -> Scene:
        try:
            desired, stale = self.mirror.desired(), ""
        except ForgeUnavailableError as error:
            desired, stale = self._known_last(command, error)
        groups = self.directory.groups(asked.person, desired.roles.groups)
        home = self.directory.is_home(asked.person)
        actor = Actor(asked.person.id, asked.place.channel, groups, home)
        before = scene(actor, desired, self._sight(desired, actor.channel))
        return replace(before, stale=stale)

    def _known_last(self, command: c.Command, error: ForgeUnavailableError) -> tuple[Desired, str]:
        """Return main as it was read last, for who only looks on, and of when that is.

        Roles are those of then: whoever could look on then still can.

        Raises:
            ForgeUnavailableError: others need main as it is, and nothing older than a day counts.
        """
        if not isinstance(command, LOOKING):
            raise error
        try:
            desired = self.last()
        except DesiredUnknownError:
            raise error from None
        if self.clock.now() - desired.at > OLDEST:
            raise error
        why = "it cannot be read from GitHub now"
        if isinstance(error, ForgeBusyError):
            why = f"{error.limit} is used up"
        return desired, f"main as of {desired.at:%H:%M} UTC; {why}"

    def _sight(self, desired: Desired, channel: str) -> Sight:
        return everything(desired, channel, self.records, self.default)

    def _implied(self, job: Job) -> str | None:
        """Return the deployment whose thread a command was typed in."""
        if job.thread is None:
            return None
        here = (job.channel, job.thread)
        found = (p.key for p in self.records.proposals() if (p.channel, p.card) == here)
        return next(found, None)


def _refuse_keys(job: Job) -> None:
    """Refuse a command that holds a key, before anything of it is shown; a question is not read.

    Raises:
        CommandError: what kind of key, and what to do; never the key.
    """
    if job.lane is Lane.CHANGE and (kinds := secrets_in(job.text)):
        raise CommandError(
            f"your command holds what looks like a key ({', '.join(kinds)}); nothing was done."
            " Revoke the key, delete the message if it stands in a channel, and let the deployment"
            " name a Secret instead"
        )
