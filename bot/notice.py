"""Pure: the closed list of things Leadline says. How one looks in Slack is `bot.slack.blocks`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rank:
    """One pod of a group: `index` 0 is the leader; `state` is ready, or what it waits for."""

    index: int
    state: str
    ready: bool


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group on the card; `proved` is the time to first token in seconds, None before proof."""

    index: int
    ranks: tuple[Rank, ...]
    proved: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """The one message of a deployment that is edited in place."""

    name: str
    environment: str
    model: str
    engine: str
    shape: str
    parallel: str
    gpus: int
    pull_number: int
    pull_url: str
    requested_by: str
    phase: str
    groups: tuple[GroupLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposed:
    """The pull request is open; `diff` is the overlay's."""

    title: str
    pull_number: int
    pull_url: str
    files: int
    diff: str


@dataclass(frozen=True, slots=True)
class Merged:
    """People merged the pull request; the GitOps controller applies it."""

    pull_number: int
    by: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The pull request was closed without a merge: nothing changes."""

    pull_number: int


@dataclass(frozen=True, slots=True)
class Applied:
    """The cluster has this desired state."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Serving:
    """Every group has answered a real completion; `first_token` in seconds, the slowest group."""

    name: str
    groups: int
    first_token: float


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
class Asked:
    """Somebody asks a model; the answer streams below."""

    by: str
    name: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Footer:
    """The end of an answer. Times in seconds; `finish` is the engine's own reason."""

    model: str
    first_token: float
    tokens: int
    tokens_per_second: float
    finish: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One clear line for the person who typed, and nobody else."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one can type: words of our own, shown as they are."""

    text: str


Notice = (
    Card
    | Proposed
    | Merged
    | Closed
    | Applied
    | Serving
    | Restarted
    | Recovered
    | Asked
    | Footer
    | Refused
    | Usage
)
