"""What is followed of a scope, and how several threads' findings become one world."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.cluster import Contact, Report, Scope, Unit
from bot.cluster.controllers import Application, Kustomization, unit
from bot.cluster.following import Follower
from bot.cluster.objects import LABEL, EventObject, LwsObject, PodObject
from bot.cluster.revisions import RevisionObject
from bot.cluster.server import Kind, Server
from bot.cluster.world import Object, Seen, World, look
from gitops.clock import Clock
from gitops.environment import Controller

_WARNINGS = {"fieldSelector": "type=Warning,involvedObject.kind=Pod"}
_OF_SETS = {"labelSelector": f"{LABEL}name,!{LABEL}worker-index,!{LABEL}group-index"}
"""Revisions of LeaderWorkerSets, without those of the StatefulSets below them."""

Followers = Sequence[Follower[Any]]


def followers(scope: Scope, server: Server, report: Report, clock: Clock) -> Followers:
    """Return what follows a scope, each to be run in a thread of its own."""
    if scope.controller is None:
        return _of_namespace(scope, server, report, clock)
    kind = _CONTROLLERS[scope.controller](f"namespaces/{scope.namespace}")
    units = _Units(scope, report)
    return [Follower(server, kind, units.take, _nobody_minds, clock)]


def _of_namespace(scope: Scope, server: Server, report: Report, clock: Clock) -> Followers:
    place = f"namespaces/{scope.namespace}"
    sets = Kind(f"/apis/leaderworkerset.x-k8s.io/v1/{place}/leaderworkersets", LwsObject)
    pods = Kind(f"/api/v1/{place}/pods", PodObject, {"labelSelector": LABEL + "name"})
    warnings = Kind(f"/api/v1/{place}/events", EventObject, _WARNINGS, optional=True)
    revisions = Kind(f"/apis/apps/v1/{place}/controllerrevisions", RevisionObject, _OF_SETS)
    shared = _Namespace(World(scope.context, scope.namespace), report)
    return [
        Follower(server, sets, shared.taking(LwsObject), shared.touching("sets"), clock),
        Follower(server, pods, shared.taking(PodObject), shared.touching("pods"), clock),
        Follower(
            server, revisions, shared.taking(RevisionObject), shared.touching("revisions"), clock
        ),
        Follower(server, warnings, shared.taking(EventObject), _nobody_minds, clock),
    ]


_CONTROLLERS: dict[Controller, Callable[[str], Kind[Application] | Kind[Kustomization]]] = {
    Controller.ARGOCD: lambda place: Kind(
        f"/apis/argoproj.io/v1alpha1/{place}/applications", Application, optional=True
    ),
    Controller.FLUX: lambda place: Kind(
        f"/apis/kustomize.toolkit.fluxcd.io/v1/{place}/kustomizations", Kustomization, optional=True
    ),
}


def _nobody_minds(ok: bool) -> None:  # noqa: FBT001 - a callback's
    """What is optional says nothing about the cluster."""


@dataclass(slots=True)
class _Namespace:
    """The world that the threads of one namespace fill, one at a time."""

    world: World
    report: Report
    failing: set[str] = field(default_factory=set)
    ok: bool | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)

    def taking(self, kind: type[Object]) -> Callable[[str, Object | None], None]:
        """Return what takes the lines of one kind."""

        def take(what: str, item: Object | None) -> None:
            with self.turn:
                for found in look(self.world, Seen(what, kind, item)):
                    self.report(found)

        return take

    def touching(self, what: str) -> Callable[[bool], None]:
        """Return what is told whether the API server answers for one kind."""

        def touch(ok: bool) -> None:  # noqa: FBT001 - a callback's
            with self.turn:
                (self.failing.discard if ok else self.failing.add)(what)
                fine = not self.failing
                if fine or self.ok is not fine:
                    self.report(Contact(self.world.context, self.world.namespace, fine))
                self.ok = fine

        return touch


@dataclass(slots=True)
class _Units:
    """The objects of a GitOps controller, by their name; a list takes the place of what was."""

    scope: Scope
    report: Report
    known: dict[str, str] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)

    def take(self, what: str, item: Application | Kustomization | None) -> None:
        """Take a line."""
        if item is None:
            self._mark(what)
            return
        found = unit(item, self.scope)
        self.listed.add(found.name)
        gone = what == "DELETED"
        self.report(replace(found, deleted=gone))
        if gone:
            self.known.pop(found.name, None)
        else:
            self.known[found.name] = found.path

    def _mark(self, what: str) -> None:
        if what == "LISTING":
            self.listed = set()
            return
        for name in self.known.keys() - self.listed:
            context, namespace = self.scope.context, self.scope.namespace
            self.report(Unit(context, namespace, name, self.known.pop(name), deleted=True))
