"""Use case: what is done for a command that is settled and allowed: each has its short way here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.chat import Chat
from bot.commands import answers
from bot.commands import command as c
from bot.commands.changing import Asked, Changer, Wanted, planned
from bot.commands.scene import Scene
from bot.errors import CommandError, NotFoundError
from bot.notice import Card, Notice
from bot.store import Cards
from gitops.clock import Clock
from gitops.environment import Environment
from gitops.past import Past, find
from gitops.proposing import Proposer
from gitops.request import Request, UndeployRequest

LIMITS = "2 questions at a time"


class Ask(Protocol):
    """What asks a model."""

    def __call__(self, command: c.Ask, scene: Scene, asked: Asked) -> None:
        """Ask, and stream the answer into a thread."""
        ...


class Break(Protocol):
    """What lets a pull request go without a second person."""

    def __call__(self, command: c.BreakGlass, asked: Asked) -> None:
        """Let it go, and announce that."""
        ...


@dataclass(frozen=True, slots=True)
class Actions:
    """The ports that doing needs; `past` gives each thread its own."""

    chat: Chat
    cards: Cards
    clock: Clock
    change: Changer
    ask: Ask
    break_glass: Break
    past: Callable[[], Past]

    def __call__(self, command: c.Command, scene: Scene, asked: Asked) -> None:
        """Do it and answer.

        Raises:
            BotError, GitOpsError: it could not be done.
        """
        match command:
            case c.Change(request):
                self._change(request, command.confirmed, scene, asked)
            case c.Rollback():
                self._roll_back(command, scene, asked)
            case c.BreakGlass():
                self.break_glass(command, asked)
            case c.Ask():
                self.ask(command, scene, asked)
            case _:
                self.chat.whisper(asked.place, asked.person, self._answer(command, scene))

    def _change(self, request: Request, confirmed: str, scene: Scene, asked: Asked) -> None:
        if isinstance(request, UndeployRequest) and confirmed != request.name:
            key = f"{request.environment}/{request.name}"
            raise CommandError(
                f"undeploy wants the name once more: `/llm undeploy {key} --confirm {request.name}`"
            )
        assessed = _proposer(scene).assess(request, self.clock.now())
        self.change(Wanted(assessed, _reason(request), scene.desired.revision), asked)

    def _roll_back(self, command: c.Rollback, scene: Scene, asked: Asked) -> None:
        folder = f"overlays/{command.environment}/{command.name}"
        past = self.past()
        standings = past.standings(folder, f"llm/{command.environment}/{command.name}")
        back = find(standings, command.to)
        if back is None:
            raise NotFoundError(
                f"rollback --to {command.to}: no such change of {command.environment}/"
                f"{command.name}; `/llm history {command.environment}/{command.name}` lists them"
            )
        earlier = past.files_at(folder, back.commit)
        assessed = _proposer(scene).assess_back(folder, earlier, self.clock.now())
        reason = command.reason or f"back to {back.commit[:7]} of {back.at:%Y-%m-%d %H:%M} UTC"
        self.change(Wanted(assessed, reason, scene.desired.revision), asked)

    def _answer(self, command: c.Reading, scene: Scene) -> Notice:  # noqa: C901, PLR0911, PLR0912 - a line a command
        copy = scene.desired.copy
        match command:
            case c.Plan(request):
                found = _proposer(scene).assess(request, self.clock.now())
                return planned(found, written=False)
            case c.List():
                return self._list(command, scene)
            case c.Status():
                return self._status(command)
            case c.History():
                return self._history(command)
            case c.Models():
                again = f"models {command.search}".rstrip()
                return answers.models(copy.catalog(), command.search, command.page, again)
            case c.FitQuestion():
                return answers.fit(command, copy.catalog(), _environment(command, scene))
            case c.Endpoint():
                return answers.endpoint(copy.deployment(command.name, command.environment))
            case c.WhoAmI():
                names = [e.name for e in scene.sight.environments]
                return answers.whoami(scene.desired.roles, scene.actor, names, LIMITS)
            case c.Help():
                return answers.usage(command.verb)

    def _list(self, command: c.List, scene: Scene) -> Notice:
        wanted = {command.environment} if command.environment else None
        seen = [d for d in scene.sight.deployments if not wanted or d.environment in wanted]
        found = [
            d
            for name in sorted({each.environment for each in seen})
            for d in scene.desired.copy.readable(name)
        ]
        again = f"list --environment {command.environment}" if command.environment else "list"
        return answers.listing(found, self.cards.cards(), command.page, again)

    def _status(self, command: c.Status) -> Card:
        key = f"{command.environment}/{command.name}"
        card = self.cards.cards().get(key)
        if card is None:
            raise NotFoundError(f"{key}: nothing is watched yet; is `leadline watch` running?")
        return card

    def _history(self, command: c.History) -> Notice:
        key = f"{command.environment}/{command.name}"
        standings = self.past().standings(f"overlays/{key}", f"llm/{key}")
        return answers.history(key, standings, command.page, f"history {key}")


def _proposer(scene: Scene) -> Proposer:
    """Return what plans over main as it is: its own catalogue, bases, environments and policy."""
    copy = scene.desired.copy
    return Proposer(copy.catalog(), copy, copy.root, copy.policy())


def _reason(request: Request) -> str:
    reason = request.reason if isinstance(request, UndeployRequest) else request.changes.reason
    return reason or ""


def _environment(command: c.FitQuestion, scene: Scene) -> Environment:
    """Return the environment whose GPUs are meant; one without any where only a type is named."""
    if command.environment is None:
        return Environment(name="none")
    return scene.sight.environment(command.environment)
