"""Which clusters and namespaces are watched: what main says of environments and deployments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.cluster import Scope
from bot.desired import Desired, Main, Snapshots
from bot.errors import DesiredUnknownError
from bot.store import Proposal
from gitops.environment import Controller, Environment

CONTROLLER_NAMESPACES = {Controller.ARGOCD: "argocd", Controller.FLUX: "flux-system"}
"""Where `leadline init` and both vendors' manuals put the controller's objects."""


@dataclass(frozen=True, slots=True)
class LastPublished:
    """Main as it was published last, however old: nobody gets a right by being watched.

    So a watcher that starts while the Git host is away sees the clusters all the same.
    """

    snapshots: Snapshots

    def read(self, known: str) -> Main:
        """Return what was published last.

        Raises:
            DesiredUnknownError: nothing was yet.
        """
        main = self.snapshots.published(known)
        if main is None:
            raise DesiredUnknownError(
                "nothing is known of the GitOps repository yet; is `leadline work` running?"
            )
        return main


@dataclass(frozen=True, slots=True)
class Ground:
    """Main as the watcher needs it: environments, and the namespaces of their deployments."""

    commit: str
    at: datetime
    environments: Mapping[str, Environment] = field(default_factory=dict)
    namespaces: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def context(self, environment: str) -> str | None:
        """Return the kubeconfig context of an environment; None when main does not have it."""
        known = self.environments.get(environment)
        return None if known is None else known.context

    def of_context(self, context: str) -> list[str]:
        """Return the environments whose cluster a context leads to."""
        return [name for name, known in self.environments.items() if known.context == context]


def survey(desired: Desired, before: Ground | None) -> Ground:
    """Return the ground of a reading of main.

    An environment whose file makes no sense any more stays as it was known: a typing error must
    not end a watch.
    """
    if before and before.commit == desired.revision.commit:
        return Ground(before.commit, desired.at, before.environments, before.namespaces)
    there = {environment.name: environment for environment in desired.environments}
    kept = {
        name: before.environments[name]
        for name in desired.copy.environments()
        if before and name not in there and name in before.environments
    }
    environments = there | kept
    namespaces = {
        name: frozenset(each.namespace for each in desired.copy.readable(name))
        for name in environments
    }
    return Ground(desired.revision.commit, desired.at, environments, namespaces)


def scopes(ground: Ground, proposals: Iterable[Proposal]) -> frozenset[Scope]:
    """Return what is to be watched; environments that share a context and a namespace share it.

    Proposals count too: what is being removed is on main no longer.
    """
    wanted = set()
    for name, environment in ground.environments.items():
        proposed = {each.namespace for each in proposals if each.environment == name}
        used = ground.namespaces.get(name, frozenset()) | proposed | {environment.namespace}
        wanted |= {Scope(environment.context, namespace) for namespace in used}
        controller = environment.controller
        place = CONTROLLER_NAMESPACES[controller]
        wanted.add(Scope(environment.context, place, controller))
    return frozenset(wanted)
