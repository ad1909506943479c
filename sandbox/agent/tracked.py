"""What the agent knows of one Application or Kustomization, and one attempt at syncing it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sandbox.agent.comparing import Compared
from sandbox.agent.units import Broken, Built, Manifest, Unit
from sandbox.cluster.kinds import path_of
from sandbox.cluster.objects import Object

Phase = Literal["Running", "Succeeded", "Failed"]
ResultStatus = Literal["Synced", "SyncFailed", "Pruned", "PruneSkipped"]

_REMEMBERED = 10  # entries of a history, as revisionHistoryLimit has it


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one object in an attempt."""

    path: str
    item: Manifest
    status: ResultStatus
    message: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One attempt to bring the cluster to a revision, with its retries."""

    revision: str
    manifests: Sequence[Manifest]
    started: datetime
    automated: bool = True
    phase: Phase = "Running"
    message: str = ""
    retries: int = 0
    finished: datetime | None = None
    results: Sequence[Result] = ()


@dataclass(frozen=True, slots=True)
class Deployed:
    """One line of the history."""

    number: int
    revision: str
    started: datetime
    finished: datetime
    automated: bool


@dataclass(slots=True)
class Tracked:
    """One Application or Kustomization.

    `due` is when it is looked at next, in seconds of the sandbox, or None. `revision` is the newest
    one known and `settled` the newest that the cluster was brought to; `error` says why it is not
    the same. `held` is a sync that was slowed or is stuck.
    """

    unit: Unit
    due: float | None = None
    revision: str = ""
    built: Built = ()
    fresh: bool = False
    demanded: bool = False
    held: Literal["", "slow", "stuck"] = ""
    leaving: bool = False
    settled: str = ""
    error: str = ""
    news: bool = False
    inventory: dict[str, Manifest] = field(default_factory=dict)
    pruned: list[str] = field(default_factory=list)
    compared: Sequence[Compared] = ()
    operation: Operation | None = None
    history: list[Deployed] = field(default_factory=list)
    conditions: list[Object] = field(default_factory=list)
    deadline: float | None = None
    looked: datetime | None = None

    @property
    def broken(self) -> Broken | None:
        """Why the newest revision does not build, if so."""
        return self.built if isinstance(self.built, Broken) else None

    @property
    def manifests(self) -> Sequence[Manifest]:
        """What the newest revision builds to."""
        return () if isinstance(self.built, Broken) else self.built

    @property
    def wanted(self) -> dict[str, Manifest]:
        """What the newest revision builds to, by path."""
        return {path_of(each): each for each in self.manifests}

    def settle(self, revision: str) -> None:
        """Note that the cluster is at a revision."""
        self.settled, self.error, self.news = revision, "", True

    def fail(self, message: str) -> None:
        """Note why the cluster is not at the newest revision."""
        self.error, self.news = message, True

    def remember(self, operation: Operation, finished: datetime) -> None:
        """Add a line to the history, and forget the oldest."""
        number = self.history[-1].number + 1 if self.history else 0
        self.history.append(
            Deployed(number, operation.revision, operation.started, finished, operation.automated)
        )
        del self.history[:-_REMEMBERED]

    def condition(self, kind: str, now: str, **fields: object) -> None:
        """Set a condition; its time moves when its status does."""
        before = next((each for each in self.conditions if each["type"] == kind), None)
        same = before is not None and before.get("status") == fields.get("status")
        since = before["lastTransitionTime"] if before and same else now
        self.drop(kind)
        self.conditions.append({"type": kind, "lastTransitionTime": since, **fields})

    def drop(self, *kinds: str) -> None:
        """Take conditions away."""
        self.conditions = [each for each in self.conditions if each["type"] not in kinds]
