"""Port: what stood in a deployment's folder on main before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

SHORT = 7
"""Shortest beginning of a commit id; fewer digits are a count."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One state of a deployment's folder on main, since `at`.

    `commit` is a commit whose tree holds it; `pull` the pull request that brought it, None for what
    people changed without one of ours; `by` who asked for it, or who wrote it.
    """

    commit: str
    title: str
    by: str
    at: datetime
    pull: int | None = None


class Past(Protocol):
    """The history of main, as far as deployments need it."""

    def standings(self, folder: str, branch: str) -> Sequence[Standing]:
        """Return the states of a folder, newest first: merges of `branch`, and people's commits.

        As many as one page of each on the Git host holds.
        """
        ...

    def files_at(self, folder: str, commit: str) -> Mapping[str, str]:
        """Return the text files below a folder at a commit, by path; empty when absent.

        Raises:
            InvalidRequestError: there is no such commit.
        """
        ...


def find(standings: Sequence[Standing], to: str) -> Standing | None:
    """Return what `N`, `#PULL` or the beginning of a commit id means; None when nothing fits.

    N counts changes back: 0 is what stands, 1 what stood before it.
    """
    if to.startswith("#"):
        return next((s for s in standings if s.pull and str(s.pull) == to[1:]), None)
    if to.isascii() and to.isdigit() and len(to) < SHORT:
        return standings[int(to)] if int(to) < len(standings) else None
    fits = [s for s in standings if s.commit.startswith(to.lower())] if len(to) >= SHORT else []
    return fits[0] if len(fits) == 1 else None
