"""The watches that run: one thread a scope, begun and ended as environments come and go."""

import threading
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from bot.cluster import Clusters, Found, Report, Scope

LEAVE = 5.0
"""Seconds that ending watches may take; those that hang on then end with the process."""


@dataclass(frozen=True, slots=True)
class _Running:
    thread: threading.Thread
    stop: threading.Event


@dataclass(slots=True)
class Watches:
    """Watches of clusters, which report from their own threads."""

    clusters: Clusters
    report: Report
    _running: dict[Scope, _Running] = field(default_factory=dict)

    def keep(self, wanted: AbstractSet[Scope]) -> frozenset[Scope]:
        """Make just these scopes be watched; return those whose watch was ended."""
        ended = frozenset(self._running.keys() - wanted)
        for scope in ended:
            self._running.pop(scope).stop.set()
        for scope in sorted(wanted - self._running.keys(), key=str):
            stop = threading.Event()
            thread = threading.Thread(
                target=self.clusters.follow,
                args=(scope, self.report, stop),
                name=f"follow {scope.context}/{scope.namespace}",
                daemon=True,
            )
            self._running[scope] = _Running(thread, stop)
            thread.start()
        return ended

    def hold(self, found: Found) -> bool:
        """Say whether something comes from a watch that has not been ended since."""
        place = (found.context, found.namespace)
        return any(place == (scope.context, scope.namespace) for scope in self._running)

    def end(self) -> None:
        """End all watches, and wait for their threads for LEAVE altogether."""
        running = list(self._running.values())
        self.keep(frozenset())
        until = time.monotonic() + LEAVE
        for each in running:
            each.thread.join(max(0.0, until - time.monotonic()))
