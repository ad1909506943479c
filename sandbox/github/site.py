"""What one repository on this GitHub is: its place, accounts, objects, pull requests, statuses."""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.clock import Time
from sandbox.github.errors import RefusedError, not_found
from sandbox.github.hooks import Hooks
from sandbox.github.objects import Person
from sandbox.github.protection import Protection
from sandbox.github.pulls import Pull, PullRequests
from sandbox.github.repository import Repository


@dataclass(frozen=True, slots=True)
class Account:
    """Who a token belongs to; `permissions` are those of an installation token (None: all)."""

    login: str
    is_bot: bool = False
    permissions: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the repository is: its folder, its name on this GitHub, and how it merges."""

    path: Path
    owner: str = "acme"
    name: str = "gitops"
    default_branch: str = "main"
    merge_methods: tuple[str, ...] = ("merge",)


@dataclass(frozen=True, slots=True)
class Status:
    """A commit status."""

    id: int
    user: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """A check run of somebody's CI, begun `at`; without a conclusion until it is completed."""

    id: int
    name: str
    conclusion: str | None
    at: datetime
    status: str = "completed"
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A branch that stands somewhere else now; None is where it was not, or is no more."""

    branch: str
    before: str | None
    sha: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """What webhooks tell: the event, who did it, and the things it is about as they were then."""

    event: str
    action: str | None
    by: str
    about: Mapping[str, Any]


@dataclass(slots=True)
class Site:
    """The state behind the API; callers hold `lock` over each act."""

    place: Place
    time: Time
    repository: Repository
    hooks: Hooks
    people: frozenset[str] = frozenset()
    protection: Protection = field(default_factory=Protection)
    pulls: PullRequests = field(default_factory=PullRequests)
    statuses: defaultdict[str, list[Status]] = field(default_factory=lambda: defaultdict(list))
    checks: defaultdict[str, list[Check]] = field(default_factory=lambda: defaultdict(list))
    moves: list[Move] = field(default_factory=list)
    listener: Callable[[Happening], object] = lambda happening: None  # noqa: ARG005 - nobody yet
    lock: threading.RLock = field(default_factory=threading.RLock)

    def commit(self, name: str) -> str:
        """Return the commit that a branch or id names, or refuse as `GET commits/x` does."""
        found = self.repository.commit_of(name)
        if found is None:
            raise RefusedError(422, f"No commit found for SHA: {name}")
        return found

    def branch(self, name: str) -> str | None:
        """Return where a branch stands."""
        ref = self.repository.ref(f"refs/heads/{name}")
        return ref.sha if ref else None

    def pull(self, number: str) -> Pull:
        """Return a pull request, its head brought up to date."""
        found = self.pulls.get(int(number))
        if found is None:
            raise not_found()
        return self.fresh(found)

    def fresh(self, pull: Pull, by: str | None = None) -> Pull:
        """Let the head of an open pull request follow its branch."""
        sha = self.branch(pull.head) if pull.state == "open" else None
        if sha and sha != pull.head_sha:
            before, pull.head_sha, pull.updated_at = pull.head_sha, sha, self.time.now()
            if self.protection.dismiss_stale:
                pull.dismiss_approvals()
            ends = {"before": before, "after": sha}
            self.pull_happened("synchronize", pull, by or pull.user, **ends)
        return pull

    def person(self, login: str, given: Mapping[str, Any] | None = None) -> Person:
        """Return an author: as given in a request, else the caller, now."""
        given = given or {}
        try:
            at = datetime.fromisoformat(given["date"]) if given.get("date") else self.time.now()
        except ValueError as error:
            raise RefusedError(422, "Invalid request.\n\nInvalid date.") from error
        email = given.get("email") or f"{login}@users.noreply.github.com"
        return Person(given.get("name") or login, email, at)

    def moved(self, move: Move, by: str) -> None:
        """Tell that a branch moved: its pull requests follow, or close when it is gone."""
        self.moves.append(move)
        self.happened("push", None, by, move=move)
        for pull in self.pulls.open_for(move.branch):
            if move.sha is None:
                pull.head_sha = move.before or pull.head_sha
                self.close(pull, by)
            else:
                self.fresh(pull, by)

        self._notice_merges(move, by)

    def _notice_merges(self, move: Move, by: str) -> None:
        # A push that brings the head of a pull request into its base merges it.
        found = self.pulls.open_on(move.branch)
        if not found or move.sha is None or move.before is None:
            return
        contained = self.repository.branch_tips_in(move.sha)
        for pull in found:
            if pull.head_sha in contained:
                pull.merged_by, pull.merge_commit_sha = by, move.sha
                pull.base_sha = move.before
                self.close(pull, by)

    def close(self, pull: Pull, by: str) -> None:
        """Close a pull request, merged or not."""
        pull.close(self.time.now())
        self.pull_happened("closed", pull, by)

    def happened(self, event: str, action: str | None, by: str, **about: object) -> None:
        """Tell the webhooks."""
        self.listener(Happening(event, action, by, about))

    def pull_happened(self, action: str, pull: Pull, by: str, **more: object) -> None:
        """Tell the webhooks about a pull request."""
        self.happened("pull_request", action, by, pull=pull, **more)

    def is_protected(self, name: str) -> bool:
        """Say whether a ref is the default branch."""
        return name == f"refs/heads/{self.place.default_branch}"

    def files_of(self, pull: Pull) -> tuple[str, str]:
        """Return the two commits between which a pull request changes files."""
        base = pull.base_sha if pull.merged else self.branch(pull.base) or pull.base_sha
        return self.repository.merge_base(base, pull.head_sha) or base, pull.head_sha
