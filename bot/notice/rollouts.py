"""Pure: what is said from the merge on: of the cluster, and of groups that answer or do not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Applied:
    """The cluster has this desired state."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class NotApplied:
    """A merged change is not in the cluster: `minutes` have passed, or the controller failed."""

    name: str
    minutes: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """The cluster has it no longer, as the merged pull request asked."""

    name: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The cluster has it no longer, and nobody asked for that through Leadline."""

    name: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The rollout has come to a phase: scheduling, pulling, loading weights, joining ranks."""

    name: str
    phase: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Proved:
    """One more group has answered a completion; `first_token` in seconds."""

    name: str
    group: int
    proved: int
    groups: int
    first_token: float


@dataclass(frozen=True, slots=True)
class Unproved:
    """Its pods are ready, but nothing can be asked of it until a person changes something."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Serving:
    """Every group has answered a real completion; `first_token` in seconds, the slowest group.

    `kept` groups stay on an earlier revision, as the partition of a canary asks.
    """

    name: str
    groups: int
    first_token: float
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Degraded:
    """A group that served does not answer any more; `cause` as far as it is known."""

    name: str
    group: int
    groups: int
    cause: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """A group was recreated by the controller, with the cause as far as its pods showed it."""

    name: str
    group: int
    groups: int
    cause: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recreated group has answered a real completion again."""

    name: str
    group: int
    first_token: float


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A cluster does not answer; `since` as a time of day in UTC."""

    environment: str
    since: str


@dataclass(frozen=True, slots=True)
class Reachable:
    """A cluster answers again after `minutes`."""

    environment: str
    minutes: int
