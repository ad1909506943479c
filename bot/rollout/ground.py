"""What main has: environments, deployments, and so the clusters and namespaces that are watched."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.cluster import Scope
from bot.desired import Desired, Main, Snapshots
from bot.errors import DesiredUnknownError
from bot.store import Proposal
from bot.store.proposing import Outline, outline_of
from gitops.assess import fit_of
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.errors import GitOpsError
from gitops.overlay import state_of


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
    """Main as the watcher needs it: environments, and their deployments.

    `outlines` and `states`, the desired states, are by ENVIRONMENT/NAME.
    """

    commit: str
    at: datetime
    environments: Mapping[str, Environment] = field(default_factory=dict)
    namespaces: Mapping[str, frozenset[str]] = field(default_factory=dict)
    outlines: Mapping[str, Outline] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)

    def context(self, environment: str) -> str | None:
        """Return the kubeconfig context of an environment; None when main does not have it."""
        known = self.environments.get(environment)
        return None if known is None else known.context

    def outline(self, key: str, since: str) -> Outline | None:
        """Return what main has of a deployment, by ENVIRONMENT/NAME.

        None where it has nothing, or was read before `since` (ISO 8601; empty for any time).
        """
        return self.outlines.get(key) if self.at.isoformat() >= since else None

    def state(self, key: str, since: str) -> str | None:
        """Return the desired state that main has of a deployment; empty where it has none.

        None where main was read before `since` (ISO 8601; empty for any time).
        """
        return self.states.get(key, "") if self.at.isoformat() >= since else None


def survey(desired: Desired, before: Ground | None) -> Ground:
    """Return the ground of a reading of main.

    An environment whose file makes no sense any more stays as it was known: a typing error must
    not end a watch.
    """
    if before and before.commit == desired.revision.commit:
        return replace(before, at=desired.at)
    there = {environment.name: environment for environment in desired.environments}
    kept = {
        name: before.environments[name]
        for name in desired.copy.environments()
        if before and name not in there and name in before.environments
    }
    environments = there | kept
    held = {name: desired.copy.readable(name) for name in environments}
    namespaces = {name: frozenset(d.namespace for d in there) for name, there in held.items()}
    outlines = _outlines(desired, environments, held)
    states = _states(desired, held)
    return Ground(desired.revision.commit, desired.at, environments, namespaces, outlines, states)


def _outlines(
    desired: Desired,
    environments: Mapping[str, Environment],
    held: Mapping[str, Iterable[ModelDeployment]],
) -> Mapping[str, Outline]:
    """Return what main has; a verdict that cannot be had leaves its line empty."""
    found, catalog = {}, None
    for environment, deployments in held.items():
        for each in deployments:
            fit = None
            with contextlib.suppress(GitOpsError):  # CI says what is wrong with the catalogue
                catalog = catalog or desired.copy.catalog()
                fit = fit_of(each, environments[environment], catalog)
            found[f"{environment}/{each.name}"] = outline_of(each, fit)
    return found


def _states(desired: Desired, held: Mapping[str, Iterable[ModelDeployment]]) -> Mapping[str, str]:
    """Return what main would have the cluster show; nothing of files that cannot be read."""
    found = {}
    for environment, deployments in held.items():
        for each in deployments:
            with contextlib.suppress(GitOpsError):
                state = state_of(each, desired.copy.files(each.folder))
                found[f"{environment}/{each.name}"] = state
    return found


def scopes(ground: Ground, proposals: Iterable[Proposal]) -> frozenset[Scope]:
    """Return what is to be watched; environments that share a context and a namespace share it.

    Proposals count too: what is being removed is on main no longer.
    """
    used = places(ground, proposals).values()
    wanted = {Scope(*place) for each in used for place in each}
    wanted |= {
        Scope(each.context, each.controller_place, each.controller)
        for each in ground.environments.values()
    }
    return frozenset(wanted)


def places(ground: Ground, proposals: Iterable[Proposal]) -> dict[str, frozenset[tuple[str, str]]]:
    """Return the contexts and namespaces of each environment's deployments; at least its own."""
    found: dict[str, frozenset[tuple[str, str]]] = {}
    for name, environment in ground.environments.items():
        proposed = {each.namespace for each in proposals if each.environment == name}
        used = ground.namespaces.get(name, frozenset()) | proposed | {environment.namespace}
        found[name] = frozenset((environment.context, namespace) for namespace in used)
    return found
