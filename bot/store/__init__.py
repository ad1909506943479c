"""Ports: what must survive a restart.

Losing it all loses no desired state (that is in Git) and no observed state (that is in the
cluster), only which message belongs to what.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Job:
    """A command as it was typed. `id` is its delivery key, also the reference in the log."""

    id: str
    text: str
    person: str
    team: str
    channel: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A job in the hands of a worker, and the receipt that closes it."""

    job: Job
    receipt: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that we meant to post at `at`; `message` is its time stamp once it stands."""

    at: datetime
    message: str | None
    again: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed deployment and where its card is. Written by the worker only."""

    environment: str
    name: str
    namespace: str
    model: str
    served_model_name: str
    engine: str
    shape: str
    parallel: str
    gpus: int
    state: str
    pull_number: int
    pull_url: str
    channel: str
    card: str
    requested_by: str

    @property
    def key(self) -> str:
        """Identity of the deployment."""
        return f"{self.environment}/{self.name}"


@dataclass(frozen=True, slots=True)
class GroupState:
    """What the watcher knows of one group.

    `leader` is the uid of its leader pod, `cause` the first failure seen on it, `proved` the time
    to first token of the completion that this leader answered, `restarted` whether the thread
    waits to hear that the group recovered.
    """

    leader: str
    revision: str
    cause: str = ""
    proved: float | None = None
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a deployment has come. Written by the watcher only.

    `review` is of the newest pull request; `applied` is the desired state that the cluster shows
    of ours, which a newer proposal leaves running until it is merged.
    """

    pull_number: int
    review: str = "open"
    uid: str = ""
    applied: str = ""
    served: bool = False
    groups: dict[int, GroupState] = field(default_factory=dict)


class Queue(Protocol):
    """Commands on their way from a listener to a worker."""

    def put(self, job: Job) -> bool:
        """Keep a job durably; False when its id was seen before."""
        ...

    def jobs(self, worker: str) -> Iterator[Taken | None]:
        """Yield the worker's own unfinished jobs, then new ones; None after an idle second."""
        ...

    def done(self, taken: Taken) -> None:
        """Forget a job that has ended."""
        ...


class Posts(Protocol):
    """Which messages we meant to post, and which stand."""

    def intend(self, key: str, at: datetime) -> Sent:
        """Remember that the message `key` is about to be posted; return what was known."""
        ...

    def stands(self, key: str, message: str) -> None:
        """Remember the time stamp of the message `key`."""
        ...


class Records(Protocol):
    """Proposals, by the worker, and rollouts, by the watcher."""

    def propose(self, proposal: Proposal) -> None:
        """Keep the newest proposal of a deployment."""
        ...

    def proposals(self) -> Iterable[Proposal]:
        """Return every proposal."""
        ...

    def rollout(self, key: str) -> Rollout | None:
        """Return how far a deployment has come."""
        ...

    def advance(self, key: str, rollout: Rollout) -> None:
        """Keep how far a deployment has come."""
        ...
