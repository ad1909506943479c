"""Port: the Git host of the GitOps repository, as far as desired state needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gitops.plan import Plan


class Review(StrEnum):
    """Where a pull request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request of ours; `state` is the desired state it proposes."""

    number: int
    url: str
    review: Review
    merged_by: str = ""


class Forge(Protocol):
    """A Git host. It opens pull requests; it never writes the main branch and never forces."""

    def files(self, folder: str) -> Mapping[str, str]:
        """Return the text files of a folder on the main branch, by path; empty when absent."""
        ...

    def propose(
        self, plan: Plan, message: str, body: str, labels: Sequence[str] = ()
    ) -> PullRequest:
        """Make the plan's branch, commit and pull request stand, looking before each step.

        Called again with the same plan it finds its own work and changes nothing.
        """
        ...

    def newest(self, branch: str) -> PullRequest | None:
        """Return the newest pull request that came from a branch, whatever became of it."""
        ...

    def pull_request(self, number: int) -> PullRequest:
        """Return a pull request as it stands now."""
        ...
