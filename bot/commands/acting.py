"""Use case: what is done for a command that is settled and allowed: each has its short way here."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bot.chat import Chat, Directory
from bot.commands import answers
from bot.commands import command as c
from bot.commands.changing import Asked, Changer, Wanted, planned
from bot.commands.place import Named
from bot.commands.scene import Scene
from bot.commands.usage import usage
from bot.errors import ChatUnavailableError, CommandError, NotFoundError
from bot.notice import Card, Listing, Notice
from bot.store import Cards
from gitops.assess import Assessment
from gitops.clock import Clock
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.past import Past, find
from gitops.proposing import Proposer
from gitops.request import Request, UndeployRequest

LIMITS = "2 questions at a time"

_log = logging.getLogger(__name__)


class Ask(Protocol):
    """What asks a model."""

    def __call__(self, command: c.Ask, scene: Scene, asked: Asked) -> None:
        """Ask, and stream the answer into a thread."""
        ...


class Break(Protocol):
    """What lets a pull request go without a second person."""

    def __call__(self, command: c.BreakGlass, asked: Asked, *, asks: bool) -> None:
        """Let it go, and announce that; `asks` is whether its environment asks for one now."""
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
    directory: Directory

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
                place = scene.desired.copy.environment(command.environment)
                self.break_glass(command, asked, asks=place.two_person)
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
        assessed = _assessed(request, scene, self.clock.now())
        self.change(_wanted(assessed, _reason(request), scene), asked)

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
        to = f"#{back.pull} ({back.commit[:7]})" if back.pull else back.commit[:7]
        assessed = _proposer(scene).assess_back(folder, earlier, to, self.clock.now())
        _refuse_twins(assessed.plan.deployment, scene)
        reason = command.reason or f"back to {back.commit[:7]} of {back.at:%Y-%m-%d %H:%M} UTC"
        self.change(_wanted(assessed, reason, scene), asked)

    def _answer(self, command: c.Reading, scene: Scene) -> Notice:  # noqa: C901, PLR0911, PLR0912 - a line a command
        copy = scene.desired.copy
        match command:
            case c.Plan(request):
                found = _assessed(request, scene, self.clock.now())
                return planned(found, written=False)
            case c.List():
                return self._list(command, scene)
            case c.Status():
                return self._status(command, scene)
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
                return usage(command.verb)

    def _list(self, command: c.List, scene: Scene) -> Listing:
        wanted = {command.environment} if command.environment else None
        seen = [d for d in scene.sight.deployments if not wanted or d.environment in wanted]
        found = [
            d
            for name in sorted({each.environment for each in seen})
            for d in scene.desired.copy.readable(name)
        ]
        awaited = [p for p in scene.sight.awaited if not wanted or p.environment in wanted]
        again = f"list --environment {command.environment}" if command.environment else "list"
        shown = answers.listing(found, awaited, self.cards.cards(), command.page, again)
        return replace(shown, title=f"{shown.title} · {scene.stale}") if scene.stale else shown

    def _status(self, command: c.Status, scene: Scene) -> Card:
        key = f"{command.environment}/{command.name}"
        card = self.cards.cards().get(key)
        if card is None:
            scene.sight.refuse_awaited(Named(command.environment or "", command.name))
            raise NotFoundError(f"{key}: nothing is watched yet; is `leadline watch` running?")
        note = "; ".join(filter(None, (card.note, scene.stale)))
        return replace(card, note=note)

    def _history(self, command: c.History) -> Notice:
        key = f"{command.environment}/{command.name}"
        standings = self.past().standings(f"overlays/{key}", f"llm/{key}")
        called = Names(self.directory).called
        return answers.history(key, standings, command.page, f"history {key}", called)


@dataclass(slots=True)
class Names:
    """The names of one answer's people: a chat that is silent is asked once, and ids stand."""

    directory: Directory
    silent: bool = False

    def called(self, by: str) -> str:
        """Return a Slack user's name; a GitHub login is one already."""
        person = by.removeprefix("slack:")
        if self.silent or person == by:
            return person
        try:
            return self.directory.name(person)
        except ChatUnavailableError as error:
            _log.warning("names not known error=%s", error)
            self.silent = True
            return person


def _proposer(scene: Scene) -> Proposer:
    """Return what plans over main as it is: its own catalogue, bases, environments and policy."""
    copy = scene.desired.copy
    return Proposer(copy.catalog(), copy, copy.root, copy.policy())


def _assessed(request: Request, scene: Scene, now: datetime) -> Assessment:
    """Return what a request would change.

    Raises:
        InvalidRequestError: also where another environment of the cluster has that deployment.
    """
    assessed = _proposer(scene).assess(request, now)
    if not isinstance(request, UndeployRequest):
        _refuse_twins(assessed.plan.deployment, scene)
    return assessed


def _refuse_twins(wanted: ModelDeployment, scene: Scene) -> None:
    """Refuse what another environment of the same cluster has, on main or in a pull request."""
    environments = {e.name: e for e in scene.desired.environments}
    for text in scene.desired.copy.twins(wanted, environments):
        raise InvalidRequestError(text)
    here = environments[wanted.environment].place
    for p in scene.sight.awaited:
        other = environments.get(p.environment)
        same = (p.namespace, p.name) == (wanted.namespace, wanted.name)
        if same and other and other.name != wanted.environment and other.place == here:
            raise InvalidRequestError(
                f"LeaderWorkerSet {p.namespace}/{p.name} is also that of pull request"
                f" #{p.pull_number} for {p.environment}, in the same cluster; take another name"
            )


def _wanted(assessed: Assessment, reason: str, scene: Scene) -> Wanted:
    login = scene.desired.roles.login(scene.actor.person)
    return Wanted(assessed, reason, scene.desired.revision, login or "")


def _reason(request: Request) -> str:
    reason = request.reason if isinstance(request, UndeployRequest) else request.changes.reason
    return reason or ""


def _environment(command: c.FitQuestion, scene: Scene) -> Environment:
    """Return the environment whose GPUs are meant; one without any where only a type is named."""
    if command.environment is None:
        return Environment(name="none")
    return scene.sight.environment(command.environment)
