"""Who typed a command and where, and what of desired state they may see from there.

What a person has no role in does not exist for them: neither environments nor deployments of those
are named in an answer.
"""

from dataclasses import dataclass, replace

from bot.access import Actor, Denied, decide, role_of
from bot.commands import command as c
from bot.commands.place import Named, deployment_of, environment_of
from bot.desired import Desired
from bot.errors import NotFoundError
from bot.store import Proposal, Records
from gitops.environment import Environment
from gitops.forge import Review
from gitops.request import DeployRequest, Request


@dataclass(frozen=True, slots=True)
class Sight:
    """What a command can mean in a channel.

    `proposed` are deployments that main may not hold yet, or no longer; `awaited` are those that an
    open pull request would bring to main; `default` is the declared environment.
    """

    channel: str
    environments: tuple[Environment, ...]
    deployments: tuple[Named, ...]
    proposed: tuple[Named, ...]
    default: str
    awaited: tuple[Proposal, ...] = ()

    def environment(self, named: str | None) -> Environment:
        """Return the environment that is meant; see `environment_of`."""
        return environment_of(named, self.channel, self.environments, self.default)

    def deployment(self, name: str, named: str | None, *more: Named) -> Named:
        """Return the deployment that is meant; see `deployment_of`.

        Raises:
            NotFoundError: also where it is not on main yet, with the pull request.
        """
        there = {*self.deployments, *more}
        for p in self.awaited:  # a name on main goes before one that is only proposed elsewhere
            if p.key in {name, f"{named}/{name}"} or all(d.name != p.name for d in there):
                there.add(Named(p.environment, p.name))
        known = sorted(there, key=str)
        meant = deployment_of(name, named, self.channel, self.environments, known)
        if meant not in more:
            self.refuse_awaited(meant)
        return meant

    def refuse_awaited(self, meant: Named) -> None:
        """Refuse what is not on main yet.

        Raises:
            NotFoundError: with the pull request that would bring it there.
        """
        for p in self.awaited:
            if p.key == str(meant):
                raise NotFoundError(
                    f"{p.key} is not on main yet: pull request #{p.pull_number} ({p.pull_url})"
                    " is open"
                )

    def settled(self, command: c.Command) -> c.Command:
        """Return a command with its environment and, where it is about one, its deployment named.

        Raises:
            CommandError: it does not say which environment.
            NotFoundError: there is none of that name in sight.
        """
        match command:
            case c.Change(request) | c.Plan(request):
                return replace(command, request=self._request(request))
            case c.Status() | c.BreakGlass() | c.Rollback():
                meant = self.deployment(command.name, command.environment, *self.proposed)
                return replace(command, name=meant.name, environment=meant.environment)
            case c.History() | c.Endpoint() | c.Ask():
                meant = self.deployment(command.name, command.environment)
                return replace(command, name=meant.name, environment=meant.environment)
            case c.List(environment=str(named)):
                return replace(command, environment=self.environment(named).name)
            case c.FitQuestion() if command.environment or not command.gpu:
                return replace(command, environment=self.environment(command.environment).name)
            case _:
                return command

    def _request(self, request: Request) -> Request:
        if isinstance(request, DeployRequest):
            return replace(request, environment=self.environment(request.environment).name)
        meant = self.deployment(request.name, request.environment)
        return replace(request, name=meant.name, environment=meant.environment)


@dataclass(frozen=True, slots=True)
class Scene:
    """A person in a channel before desired state.

    `stale` says in words of how long ago that is, where the Git host does not answer now.
    """

    actor: Actor
    desired: Desired
    sight: Sight
    stale: str = ""

    def may(self, act: str, environment: str | None = None) -> Denied | None:
        """Return why the person may not; None when they may."""
        return decide(self.desired.roles, self.actor, act, environment)


def everything(desired: Desired, channel: str, records: Records, default: str) -> Sight:
    """Return all there is, as seen from a channel.

    Raises:
        StoreUnavailableError: what is proposed is not known.
    """
    there = [Named(place, name) for place, name in desired.copy.deployments()]
    proposals = sorted(records.proposals(), key=lambda p: p.key)
    proposed = tuple(Named(p.environment, p.name) for p in proposals)
    known = frozenset(there)
    awaited = tuple(
        p
        for p, name in zip(proposals, proposed, strict=True)
        if name not in known and not p.removal and _is_open(p, records)
    )
    return Sight(channel, desired.environments, tuple(there), proposed, default, awaited)


def _is_open(proposal: Proposal, records: Records) -> bool:
    """Say whether its pull request is open; until the watch has looked at it, it is."""
    rollout = records.rollout(proposal.key)
    if rollout is None or rollout.pull_number != proposal.pull_number:
        return True
    return rollout.review == Review.OPEN


def scene(actor: Actor, desired: Desired, whole: Sight) -> Scene:
    """Return a person before that part of everything which they may see."""
    held = [e for e in whole.environments if role_of(desired.roles, actor, e.name)]
    names = {e.name for e in held}
    seen = replace(
        whole,
        environments=tuple(held),
        deployments=tuple(d for d in whole.deployments if d.environment in names),
        proposed=tuple(d for d in whole.proposed if d.environment in names),
        awaited=tuple(p for p in whole.awaited if p.environment in names),
    )
    return Scene(actor, desired, seen)


@dataclass(frozen=True, slots=True)
class About:
    """What a settled command is about; empty where it is about no single thing."""

    environment: str = ""
    name: str = ""


def about(command: c.Command) -> About:
    """Return what a settled command is about."""
    match command:
        case c.Change(request) | c.Plan(request):
            return About(request.environment or "", name_of(request))
        case c.Models() | c.Help() | c.WhoAmI():
            return About()
        case c.List() | c.FitQuestion():
            return About(command.environment or "")
        case _:
            return About(command.environment or "", command.name)


def name_of(request: Request) -> str:
    """Return the name of the deployment that a request is about, or would make."""
    if isinstance(request, DeployRequest):
        return request.name or f"{request.model}-{request.engine.value}"
    return request.name
