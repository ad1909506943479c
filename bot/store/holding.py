"""Ports: jobs in the hands of workers, and locks."""

from collections.abc import Collection, Sequence
from typing import Protocol

from bot.store import Fence, Lane, Taken


class Claims(Protocol):
    """Which jobs are in the hands of this process. Two processes never hold the same one."""

    def inherit(self, lane: Lane) -> Sequence[Taken]:
        """Take up at once what earlier processes of this worker's name left unfinished."""
        ...

    def take(self, lane: Lane, most: int, wait: float) -> Sequence[Taken]:
        """Take new jobs in their order; wait that many seconds at most when there are none."""
        ...

    def adopt(self, lane: Lane, most: int, known: Collection[str]) -> Sequence[Taken]:
        """Take jobs that nobody works on.

        Those are jobs of this process that are not among the `known` receipts (an answer may be
        lost on its way), and jobs of processes that have not renewed theirs for too long.
        """
        ...

    def line(self, lane: Lane) -> Sequence[Taken]:
        """Return every job that is in anybody's hands, in the order in which they were put."""
        ...

    def renew(self, taken: Taken) -> bool:
        """Say that we still work on a job; False when it is no longer ours."""
        ...


class Runs(Protocol):
    """Beginning and end of a job. All of them refuse a job that is no longer ours."""

    def begin(self, taken: Taken) -> int:
        """Count a try and return its number, from 1.

        Raises:
            StaleError: the job is in other hands; so do the others.
        """
        ...

    def end(self, taken: Taken) -> None:
        """Forget a job that has ended."""
        ...

    def park(self, taken: Taken, reason: str) -> None:
        """Put a job aside for people to look at; it is not run again."""
        ...

    def give_back(self, taken: Taken) -> None:
        """Leave a job to any worker at once; for a change, the try does not count."""
        ...

    def excuse(self, taken: Taken) -> None:
        """Keep a job in our hands, at its place in the line; its last try does not count."""
        ...


class Locks(Protocol):
    """One holder at a time for a key, with a token that proves who came last."""

    def acquire(self, key: str, holder: str, seconds: float) -> Fence | None:
        """Take the lock for so long; None when another holds it. The same holder gets it again."""
        ...

    def renew(self, fence: Fence, seconds: float) -> bool:
        """Hold on for so long; False when another has had the lock since."""
        ...

    def release(self, fence: Fence) -> None:
        """Let the lock go, if it is still ours."""
        ...
