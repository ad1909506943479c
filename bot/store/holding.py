"""Ports: jobs in the hands of workers, and locks."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.store import Fence, Lane, Taken


@dataclass(frozen=True, slots=True)
class Begun:
    """Which try of a job this is, from 1, and when the first one began, which may be this one.

    Tries that were given back or excused do not count. `again` says that an earlier one began all
    the same, `put_off` that the job was put off before; by any worker.
    """

    tries: int
    first: datetime
    again: bool = False
    put_off: bool = False


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
        """Say that we still work on a job; False when another has or had it.

        Raises:
            LostError: nobody has it; Redis was emptied.
        """
        ...


class Runs(Protocol):
    """Beginning and end of a job. All of them refuse a job that is no longer ours."""

    def begin(self, taken: Taken, attempt: str, at: datetime) -> Begun:
        """Count a try; the same word of an `attempt` counts once, since an answer may be lost.

        Raises:
            StaleError: the job is in other hands; so do the others.
            LostError: nobody has it; Redis was emptied. So do the others.
        """
        ...

    def end(self, taken: Taken) -> None:
        """Forget a job that has ended."""
        ...

    def park(self, taken: Taken, reason: str) -> None:
        """Put a job aside for people to look at, as it is given here; it is not run again."""
        ...

    def give_back(self, taken: Taken) -> None:
        """Leave a job to any worker at once; its last try does not count."""
        ...

    def excuse(self, taken: Taken) -> None:
        """Keep a job that is put off in our hands and its place; its last try does not count."""
        ...


class Locks(Protocol):
    """One holder at a time for a key, with a token that proves who came last."""

    def acquire(self, key: str, holder: str, seconds: float) -> Fence | None:
        """Take the lock for so long; None when another holds it. The same holder gets it again."""
        ...

    def renew(self, fence: Fence, seconds: float) -> bool:
        """Hold on for so long; False when another has had the lock since, or Redis has lost it."""
        ...

    def release(self, fence: Fence) -> None:
        """Let the lock go, if it is still ours."""
        ...


@dataclass(frozen=True, slots=True)
class Hall:
    """What a worker needs to hold jobs: its name and the ports.

    `beat` is called at each round of a lane, at least every 10 s while Redis answers.
    """

    name: str
    claims: Claims
    runs: Runs
    locks: Locks
    beat: Callable[[str], None] = lambda _: None
