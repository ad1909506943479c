"""Pull requests, their reviews, labels and comments, in memory.

Source: docs.github.com/rest/pulls and docs.github.com/rest/issues.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal


@dataclass(slots=True)
class Comment:
    """A comment in the conversation of a pull request."""

    id: int
    number: int
    user: str
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A review of one commit."""

    id: int
    user: str
    state: str
    body: str
    commit_id: str
    submitted_at: datetime


@dataclass(slots=True)
class Pull:
    """A pull request; `head_sha` follows the branch while it is open."""

    number: int
    title: str
    body: str | None
    head: str
    base: str
    user: str
    head_sha: str
    base_sha: str
    created_at: datetime
    updated_at: datetime
    draft: bool = False
    state: Literal["open", "closed"] = "open"
    closed_at: datetime | None = None
    merged_by: str | None = None
    merge_commit_sha: str | None = None
    labels: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    @property
    def merged(self) -> bool:
        """Say whether it was merged."""
        return self.merged_by is not None

    def close(self, at: datetime) -> None:
        """Close it as it stands."""
        self.state, self.closed_at, self.updated_at = "closed", at, at

    def verdicts(self) -> dict[str, str]:
        """Return the last verdict of each reviewer; a comment does not change it."""
        return {one.user: one.state for one in self.reviews if one.state != "COMMENTED"}

    def dismiss_approvals(self) -> None:
        """Let all approvals lapse."""
        self.reviews = [
            replace(one, state="DISMISSED") if one.state == "APPROVED" else one
            for one in self.reviews
        ]

    def as_state(self) -> dict[str, Any]:
        """Return what tests look at."""
        return {
            "number": self.number,
            "title": self.title,
            "body": self.body,
            "head": self.head,
            "base": self.base,
            "head_sha": self.head_sha,
            "user": self.user,
            "draft": self.draft,
            "state": self.state,
            "merged": self.merged,
            "merged_by": self.merged_by,
            "merge_commit_sha": self.merge_commit_sha,
            "labels": self.labels.copy(),
            "requested_reviewers": self.requested.copy(),
            "reviews": [
                {"user": r.user, "state": r.state, "body": r.body, "commit_id": r.commit_id}
                for r in self.reviews
            ],
            "comments": [{"id": c.id, "user": c.user, "body": c.body} for c in self.comments],
        }


class PullRequests:
    """All pull requests of a repository, by number."""

    def __init__(self) -> None:
        self._pulls: dict[int, Pull] = {}
        self._ids = itertools.count(1)

    def __iter__(self) -> Iterator[Pull]:
        return iter(self._pulls.values())

    def next_number(self) -> int:
        """Return the number of the pull request to come."""
        return len(self._pulls) + 1

    def next_id(self) -> int:
        """Return a new id for a comment, review or status."""
        return next(self._ids)

    def add(self, pull: Pull) -> None:
        """Take in a new pull request."""
        self._pulls[pull.number] = pull

    def get(self, number: int) -> Pull | None:
        """Return one by number."""
        return self._pulls.get(number)

    def open_for(self, head: str, base: str | None = None) -> list[Pull]:
        """Return the open ones from a branch."""
        return [
            pull
            for pull in self
            if pull.state == "open" and pull.head == head and base in (None, pull.base)
        ]

    def open_on(self, base: str) -> list[Pull]:
        """Return the open ones onto a branch."""
        return [pull for pull in self if pull.state == "open" and pull.base == base]

    def comment(self, comment_id: int) -> Comment | None:
        """Return one comment by id."""
        return next((c for pull in self for c in pull.comments if c.id == comment_id), None)
