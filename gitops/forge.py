"""Port: the Git host of the GitOps repository, as far as desired state needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gitops.pull_request import Metadata, Written


class Review(StrEnum):
    """Where a pull request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class Outcome(StrEnum):
    """What became of a proposal.

    OPENED: a new pull request stands. ATTACHED: somebody had proposed the same; nothing was
    written. AMENDED: the requester's own open pull request got another commit, so approvals given
    before it lapse. A run that finds its own work done says what it had done.
    """

    OPENED = "opened"
    ATTACHED = "attached"
    AMENDED = "amended"


@dataclass(frozen=True, slots=True)
class Revision:
    """The main branch as it stood at one moment: its commit and that commit's tree."""

    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request.

    `head` is the commit it ends in, `base` the branch that it goes to, `author` the login that
    opened it, `merge_commit` what main got of it, `metadata` what its body carries (None on a pull
    request that is not Leadline's).
    """

    number: int
    url: str
    review: Review
    merged_by: str = ""
    title: str = ""
    branch: str = ""
    head: str = ""
    base: str = ""
    author: str = ""
    draft: bool = False
    merge_commit: str = ""
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """The pull request of a proposal, and what became of the proposal.

    `rebased` says that main had changed the same overlay since the branch was made: the new
    commit is the plan on main as it is now. `replaced` is the title of what was amended, where that
    was another: it is no longer proposed.
    """

    pull: PullRequest
    outcome: Outcome
    rebased: bool = False
    replaced: str = ""


class Forge(Protocol):
    """A Git host. It opens pull requests; it never writes the main branch and never forces."""

    def main(self) -> Revision:
        """Return where the main branch stands now."""
        ...

    def files(self, folder: str, at: Revision | None = None) -> Mapping[str, str]:
        """Return the text files below a folder (or the file) on main, by path; empty when absent.

        The folder "" is the whole repository; ask for the folders you need instead, since each
        file is read on its own and must be text.
        `at` is the revision to read, so that several reads see one state; now when None.
        """
        ...

    def propose(self, written: Written, base: Revision | None = None) -> Proposed:
        """Make the plan's branch, commit and pull request stand, looking before each step.

        `base` is the revision the plan was made against; now when None. Called again with the
        same it finds its own work and changes nothing.

        Raises:
            ConflictError: somebody else holds the pull request, or a person's commit is on it.
            ForgeUnavailableError: the host does not answer, refuses us, or has no room for now.
        """
        ...

    def pulls(self, branch: str | None = None) -> Sequence[PullRequest]:
        """Return pull requests from this repository into main, the open ones first, then newest.

        A page of one branch's, whatever became of them; of all branches, as many open ones as a
        few pages hold, when None. Who merged one is not said.
        """
        ...

    def pull_request(self, number: int) -> PullRequest:
        """Return a pull request as it stands now."""
        ...


def newest(forge: Forge, branch: str) -> PullRequest | None:
    """Return the open pull request of a branch, else its newest; None when it has none."""
    return next(iter(forge.pulls(branch)), None)
