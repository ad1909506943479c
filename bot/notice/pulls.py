"""Pure: what is said from a plan to the end of its pull request."""

from dataclasses import dataclass


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
    """The requester changed an open pull request; approvals given before it no longer count.

    `replaced` is what it was called where that was another change, which is gone from it.
    """

    title: str
    pull_number: int
    pull_url: str
    by: str
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """Somebody asked for just what an open pull request proposes."""

    pull_number: int
    pull_url: str
    by: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Somebody reviewed on GitHub; `verdict` is approved, changes requested or commented.

    `refused` is why an approval does not count as a second person's, empty where it does.
    """

    pull_number: int
    by: str
    verdict: str
    comment: str = ""
    refused: str = ""


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
