"""Pure: the closed list of things Leadline says. How one looks in Slack is `bot.slack.blocks`.

Texts that come from outside (reviews, pods, engines, controllers) are held as they came; escaping
and cutting is the work of the edge that shows them.
"""

from dataclasses import dataclass

from bot.access import Denied


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
    """The one message of a deployment that is edited in place.

    `fit` is the verdict in a line, `checks` what GitHub's checks and reviews say of the pull
    request, `note` what a person should know now (the controller's error, a cluster out of reach).
    """

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
    fit: str = ""
    checks: str = ""
    note: str = ""


# The timeline: what stands in the card's thread.


@dataclass(frozen=True, slots=True)
class Planned:
    """What a request would change: lines on impact, GPUs, cost, fit and checks, and the diff."""

    title: str
    lines: tuple[str, ...]
    diff: str
    written: bool = True


@dataclass(frozen=True, slots=True)
class Proposed:
    """The pull request is open; `diff` is the overlay's."""

    title: str
    pull_number: int
    pull_url: str
    files: int
    diff: str


@dataclass(frozen=True, slots=True)
class Amended:
    """The requester changed an open pull request; approvals given before it no longer count."""

    title: str
    pull_number: int
    pull_url: str
    by: str


@dataclass(frozen=True, slots=True)
class Attached:
    """Somebody asked for just what an open pull request proposes."""

    pull_number: int
    pull_url: str
    by: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Somebody reviewed on GitHub; `verdict` is approved, changes requested or commented."""

    pull_number: int
    by: str
    verdict: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ChecksFailed:
    """Checks of the pull request failed; their names."""

    pull_number: int
    pull_url: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrokeGlass:
    """An administrator let a pull request go without a second person."""

    pull_number: int
    by: str
    reason: str


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
class Reopened:
    """A closed pull request is open again."""

    pull_number: int


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
class Serving:
    """Every group has answered a real completion; `first_token` in seconds, the slowest group."""

    name: str
    groups: int
    first_token: float


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


# Questions to models.


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks a model; the answer streams below."""

    by: str
    name: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Footer:
    """The end of an answer. Times in seconds; `finish` is the engine's own reason.

    `broken` says where and why a stream stopped, empty when it ended well; `only_thought` says that
    nothing but reasoning came, `thought` how many characters of it were folded away.
    """

    model: str
    first_token: float
    tokens: int
    tokens_per_second: float
    finish: str
    prompt_tokens: int = 0
    broken: str = ""
    only_thought: bool = False
    thought: int = 0


# Answers to the person who typed, and nobody else.


@dataclass(frozen=True, slots=True)
class Refused:
    """One clear line for the person who typed, and nobody else."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one can type: words of our own, shown as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The answer stands in another channel or thread; `url` leads there."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A table; `more` is the command for the next page, empty on the last one."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    page: int = 1
    pages: int = 1
    more: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Named facts, and texts to copy (commands, JSON) below them."""

    title: str
    facts: tuple[tuple[str, str], ...]
    copy: tuple[str, ...] = ()


OfPull = (
    Planned
    | Proposed
    | Amended
    | Attached
    | Reviewed
    | ChecksFailed
    | BrokeGlass
    | Merged
    | Closed
    | Reopened
)
"""From a plan to the end of its pull request."""

OfRollout = Applied | NotApplied | Removed | Missing | Progress | Unreachable | Reachable
"""From the merge to groups that could answer."""

OfGroup = Proved | Serving | Degraded | Restarted | Recovered
"""Whether groups answer."""

OfAnswer = Asked | Footer | Denied | Refused | Usage | Elsewhere | Listing | Facts
"""What somebody asked to know."""

Notice = Card | OfPull | OfRollout | OfGroup | OfAnswer

BROADCAST = (NotApplied, Missing, Serving, Degraded, Restarted, Recovered, BrokeGlass)
"""Replies that a channel must see too; the others stay in the thread."""
