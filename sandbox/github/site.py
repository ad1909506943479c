"""What one repository on this GitHub is: its place, accounts, objects, pull requests, statuses."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.clock import Time
from sandbox.github.errors import RefusedError, not_found
from sandbox.github.objects import Person
from sandbox.github.pulls import Pull, PullRequests
from sandbox.github.repository import Repository


@dataclass(frozen=True, slots=True)
class Account:
    """Who a token belongs to; a bot may not touch the default branch."""

    login: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where the repository is: its folder, and its name on this GitHub."""

    path: Path
    owner: str = "acme"
    name: str = "gitops"
    default_branch: str = "main"


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
class Move:
    """A branch that stands somewhere else now."""

    branch: str
    sha: str


@dataclass(slots=True)
class Site:
    """The state behind the API; callers hold `lock` over each act."""

    place: Place
    time: Time
    repository: Repository
    pulls: PullRequests = field(default_factory=PullRequests)
    statuses: defaultdict[str, list[Status]] = field(default_factory=lambda: defaultdict(list))
    moves: list[Move] = field(default_factory=list)
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

    def fresh(self, pull: Pull) -> Pull:
        """Let the head of an open pull request follow its branch."""
        if pull.state == "open":
            sha = self.branch(pull.head)
            if sha and sha != pull.head_sha:
                pull.head_sha, pull.updated_at = sha, self.time.now()
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

    def moved(self, branch: str, sha: str) -> None:
        """Remember that a branch moved, for those who listen to pushes."""
        self.moves.append(Move(branch, sha))

    def files_of(self, pull: Pull) -> tuple[str, str]:
        """Return the two commits between which a pull request changes files."""
        base = pull.base_sha if pull.merged else self.branch(pull.base) or pull.base_sha
        return self.repository.merge_base(base, pull.head_sha) or base, pull.head_sha
