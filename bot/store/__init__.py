"""Ports: what must survive a restart.

Losing it all loses no desired state (that is in Git) and no observed state (that is in the
cluster), only which message belongs to what, and the commands that have not been run yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.notice import Card


class Lane(StrEnum):
    """Jobs of one lane never wait for those of the other."""

    CHANGE = "change"
    ASK = "ask"


class Origin(StrEnum):
    """What a person used to give a command."""

    SLASH = "slash"
    MENTION = "mention"
    BUTTON = "button"
    MODAL = "modal"


@dataclass(frozen=True, slots=True)
class Job:
    """A command as it was typed; a button or a modal becomes the text one would have typed.

    `id` is its delivery key, also the reference in the log; `at` is when it was taken.
    Whoever has `response_url` can speak for Leadline, so it stays out of logs.
    """

    id: str
    lane: Lane
    text: str
    person: str
    team: str
    channel: str
    at: datetime
    thread: str | None = None
    origin: Origin = Origin.SLASH
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """A job in the hands of a worker, and the receipt that closes it; receipts tell the order."""

    job: Job
    receipt: str


@dataclass(frozen=True, slots=True)
class Depth:
    """How many jobs of a lane have not ended, and when the oldest of them was taken."""

    jobs: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Fence:
    """A lock on `key` that was given to `holder`. A later holder's token is always larger."""

    key: str
    token: int
    holder: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that we meant to post at `at`; `message` is its time stamp once it stands."""

    at: datetime
    message: str | None
    again: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed deployment and where its card is. Written by the worker only.

    `fit` is the verdict in a line; `removal` says that its end is proposed; `two_person` that the
    environment wants an approver who is not `requested_by`; `glass` is the head commit that an
    administrator let go without one.
    """

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
    fit: str = ""
    removal: bool = False
    two_person: bool = False
    glass: str = ""

    @property
    def key(self) -> str:
        """Identity of the deployment."""
        return f"{self.environment}/{self.name}"


@dataclass(frozen=True, slots=True)
class GroupState:
    """What the watcher knows of one group.

    `leader` is the uid of its leader pod, `cause` the first failure seen on it, `proved` the time
    to first token of the completion that this leader answered, `restarted` whether the thread
    waits to hear that the group recovered, `silent` how many proofs in a row it did not answer.
    `lost` says that it answered and has not been ready throughout since, `since` (ISO 8601) from
    when on that was seen; `spells` is how often it has recovered.
    """

    leader: str
    revision: str
    cause: str = ""
    proved: float | None = None
    restarted: bool = False
    silent: int = 0
    lost: bool = False
    since: str = ""
    spells: int = 0


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a deployment has come. Written by the watcher only.

    Of the newest pull request: `review`, its `head`, the ids of the reviews and the names of the
    failed checks that were told, `checks` as the card shows them, `marked` our own status on the
    head, `merged_at` (ISO 8601), `merge` what main got of it, `closes`, how often it was closed,
    and `requesters`, whom its commits name, as read when Redis was lost.

    Of main: `awaits` is the state that it wants and the cluster does not show, `behind` (ISO 8601)
    since when, and `late` what was told of that.

    Of the cluster: `applied` is the desired state that it shows of ours, which a newer proposal
    leaves running until it is merged; `phase` is how far its pods have come and was told; `shut`
    what was told of why ready groups cannot be asked; `removed` and `missing` say that the set is
    gone, as asked or not; `lost` (ISO 8601) is since when the cluster does not answer, and
    `unreachable` that people were told. `recalled` says that Redis was lost: what the cluster shows
    first was told before, and so were the proofs of what serves then. `times` counts notices that
    may come again, by their kind.
    """

    pull_number: int
    review: str = "open"
    head: str = ""
    reviews: tuple[int, ...] = ()
    failed: tuple[str, ...] = ()
    checks: str = ""
    marked: str = ""
    merged_at: str = ""
    merge: str = ""
    closes: int = 0
    requesters: tuple[str, ...] = ()
    awaits: str = ""
    behind: str = ""
    late: str = ""
    uid: str = ""
    applied: str = ""
    phase: str = ""
    shut: str = ""
    served: bool = False
    removed: bool = False
    missing: bool = False
    lost: str = ""
    unreachable: bool = False
    recalled: bool = False
    times: dict[str, int] = field(default_factory=dict)
    groups: dict[int, GroupState] = field(default_factory=dict)


class Queue(Protocol):
    """Commands on their way from a listener to a worker."""

    def put(self, job: Job) -> bool:
        """Keep a job durably; False when its id was seen before.

        Raises:
            QueueFullError: too many jobs of its lane wait; nothing was kept.
            StoreUncertainError: no answer in time; it may have been kept.
            StoreUnavailableError: nothing was kept.
        """
        ...

    def depth(self, lane: Lane) -> Depth:
        """Return what waits or runs in a lane."""
        ...


class Posts(Protocol):
    """Which messages we meant to post, and which stand."""

    def intend(self, key: str, at: datetime) -> Sent:
        """Remember that the message `key` is about to be posted; return what was known."""
        ...

    def stands(self, key: str, message: str) -> str:
        """Remember the time stamp of the message `key`; return the one that was first."""
        ...

    def message(self, key: str) -> str | None:
        """Return the time stamp of the message `key`; None while it is not known to stand."""
        ...


class Records(Protocol):
    """Proposals, by the worker, and rollouts, by the watcher.

    A write with a fence is refused with StaleError, and nothing is written, when another has had
    the lock since.
    """

    def propose(self, proposal: Proposal, fence: Fence | None = None) -> None:
        """Keep the newest proposal of a deployment."""
        ...

    def proposals(self) -> Iterable[Proposal]:
        """Return every proposal."""
        ...

    def recall(self, proposal: Proposal, rollout: Rollout, fence: Fence | None = None) -> bool:
        """Keep, in one step, a deployment that no proposal names; False when one does."""
        ...

    def rollout(self, key: str) -> Rollout | None:
        """Return how far a deployment has come."""
        ...

    def advance(self, key: str, rollout: Rollout, fence: Fence | None = None) -> None:
        """Keep how far a deployment has come."""
        ...


class Cards(Protocol):
    """The newest card of each deployment, by the watcher, for those who ask how it stands."""

    def show(self, key: str, card: Card) -> None:
        """Keep a card."""
        ...

    def cards(self) -> Mapping[str, Card]:
        """Return every card by its deployment's ENVIRONMENT/NAME."""
        ...


class Wakes(Protocol):
    """Pull requests that have changed, from the webhook to the watcher. A hint: polling decides."""

    def wake(self, number: int, delivery: str) -> bool:
        """Say that a pull request has changed; False when that delivery was seen before."""
        ...

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of pull requests that have changed, without end."""
        ...
