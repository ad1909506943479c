"""Pure: what to do with a deployment's branch, from how it stands.

A commit is ours when it carries our trailers and the id of its own tree: whoever changes a commit
of ours, or adds one, makes it a person's, and a person's commit is never written over. Who holds a
pull request is read from its last commit, which nobody can edit; the body only stands in for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from gitops.errors import ConflictError
from gitops.forge import Outcome, PullRequest, Review
from gitops.pull_request import (
    REQUEST_TRAILER,
    REQUESTER_TRAILER,
    STATE_TRAILER,
    TREE_TRAILER,
    Metadata,
    Written,
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as far as it matters whose it is."""

    sha: str
    tree: str = ""
    author: str = ""
    trailers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Whether Leadline made it and nobody changed it."""
        return bool(self.tree) and self.trailers.get(TREE_TRAILER) == self.tree


@dataclass(frozen=True, slots=True)
class Standing:
    """How a deployment's branch and pull request stand.

    `contained`: main has all its commits. `behind`: main has commits that it lacks. `moved`: among
    them is a change of the same overlay. `earlier`: Leadline's commits below the head. `others`:
    commits below it that are neither Leadline's nor of main as it was planned against.
    """

    head: Commit
    contained: bool = False
    behind: bool = False
    moved: bool = False
    earlier: int = 0
    others: int = 0
    pull: PullRequest | None = None

    @property
    def is_open(self) -> bool:
        """Whether its pull request is open."""
        return self.pull is not None and self.pull.review is Review.OPEN

    @property
    def state(self) -> str:
        """The desired state that stands on it."""
        return self.head.trailers.get(STATE_TRAILER, "") if self.head.ours else self._told.state

    @property
    def requester(self) -> str:
        """Who holds it."""
        if self.head.ours:
            return self.head.trailers.get(REQUESTER_TRAILER, "")
        return self._told.requester

    @property
    def request(self) -> str:
        """The delivery that its last commit answers."""
        return self.head.trailers.get(REQUEST_TRAILER, "") if self.head.ours else self._told.request

    @property
    def _told(self) -> Metadata:
        found = self.pull.metadata if self.pull and self.is_open else None
        return found or Metadata("", "", "", "")


class Step(Enum):
    """What is to be done with a branch that stands."""

    KEEP = auto()
    APPEND = auto()
    RECREATE = auto()


def decide(written: Written, standing: Standing) -> Step:
    """Say what makes the plan stand.

    Raises:
        ConflictError: a person's commit is on the branch, or somebody else holds it.
    """
    if not standing.is_open:
        return _decide_leftover(written, standing)
    same, mine = standing.state == written.plan.state, holds(written, standing)
    if same and not (standing.moved and mine and standing.head.ours):
        return Step.KEEP
    if not standing.head.ours:
        raise ConflictError(_pushed(standing))
    if not mine:
        raise ConflictError(_held(standing))
    return _append(written, standing)


def holds(written: Written, standing: Standing) -> bool:
    """Say whether the requester is who holds the branch."""
    return standing.requester == written.metadata.requester


def outcome_of_own(standing: Standing) -> Outcome:
    """Say what an earlier run of the same request had done."""
    return Outcome.AMENDED if standing.earlier else Outcome.OPENED


def _decide_leftover(written: Written, standing: Standing) -> Step:
    """Decide over a branch without an open pull request.

    A merge or a close left it behind, or a run died before its pull request.
    """
    head, pull = standing.head, standing.pull
    if not head.ours:
        raise ConflictError(_left(written, standing))
    if standing.contained or (pull is not None and pull.head == head.sha):
        return Step.RECREATE
    if standing.state == written.plan.state and not standing.moved:
        return Step.KEEP
    return _append(written, standing)


def _append(written: Written, standing: Standing) -> Step:
    if standing.others:  # what is appended would undo them
        raise ConflictError(
            f"branch {written.plan.branch} holds newer commits of main than the plan was made"
            " against; ask again"
        )
    return Step.APPEND


def _pushed(standing: Standing) -> str:
    return (
        f"{_called(standing)} ends in a commit of {_author(standing)}, which Leadline does not"
        " write over; merge or close it, or take that commit off, and ask again"
    )


def _held(standing: Standing) -> str:
    return (
        f"{_called(standing)} is still open and {standing.requester or 'somebody else'} holds it;"
        " agree with them, or merge or close it, and ask again"
    )


def _left(written: Written, standing: Standing) -> str:
    where = f" (left by {standing.pull.url})" if standing.pull else ""
    return (
        f"branch {written.plan.branch}{where} ends in a commit of {_author(standing)};"
        " merge it or delete the branch, and ask again"
    )


def _called(standing: Standing) -> str:
    pull = standing.pull
    return f"pull request #{pull.number} of this deployment ({pull.url})" if pull else "the branch"


def _author(standing: Standing) -> str:
    who = standing.head.author or "somebody else"
    return f"{who} ({standing.head.sha[:7]})"
