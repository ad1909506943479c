"""Port: what people and checks say of a pull request, and Leadline's own word on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

TWO_PERSON = "llm/two-person"
"""The commit status that a second person stands behind a pull request of Leadline's."""


class Verdict(StrEnum):
    """What a review says."""

    APPROVED = "approved"
    CHANGES = "changes requested"
    COMMENTED = "commented"
    DISMISSED = "dismissed"


class State(StrEnum):
    """How a check stands."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Given:
    """A review that somebody gave `at` a time, of the pull request as it stood at `commit`."""

    id: int
    by: str
    verdict: Verdict
    comment: str
    commit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """A check or status on a commit."""

    name: str
    state: State


class Reviews(Protocol):
    """Reviews and checks on a Git host."""

    def given(self, number: int) -> Sequence[Given]:
        """Return the reviews of a pull request, oldest first."""
        ...

    def checks(self, commit: str) -> Sequence[Check]:
        """Return the checks and statuses of a commit, by name, each as it stands now."""
        ...

    def paths(self, commit: str) -> Sequence[str] | None:
        """Return the files that a commit would change on main; None when too many.

        Moved ones come twice. Main it is, whatever a pull request says that it goes to.
        """
        ...

    def trailers(self, number: int) -> Sequence[Mapping[str, str]]:
        """Return the trailers of Leadline's own commits on a pull request, oldest first.

        Unlike its text nobody can edit them. As many commits as a few pages hold.
        """
        ...

    def mark(self, commit: str, state: State, text: str) -> None:
        """Make Leadline's own status TWO_PERSON of a commit stand so; nothing when it does."""
        ...


def standing(given: Sequence[Given], head: str) -> dict[str, Verdict]:
    """Return each person's newest word on the head commit, comments aside.

    A review of an older commit does not count: what it judged is not what would be merged.
    """
    words: dict[str, Verdict] = {}
    for review in given:
        if review.verdict is Verdict.COMMENTED:
            continue
        words[review.by] = review.verdict if review.commit == head else Verdict.DISMISSED
    return words
