"""Port: what becomes of jobs, as the lanes see it."""

from dataclasses import dataclass
from typing import Protocol

from bot.store import Fence, Job
from gitops.clock import Clock


@dataclass(frozen=True, slots=True)
class Running:
    """A job that runs now: which try it is, from 1, and the fence for what it writes.

    `put_off` says that this process ran it before and put it off, so the person knows.
    """

    job: Job
    tries: int
    fence: Fence | None
    put_off: bool = False


@dataclass(frozen=True, slots=True)
class PutOff:
    """Until when a job is not to be run again: seconds by the steady time of that clock."""

    until: float
    clock: Clock


class Work(Protocol):
    """What becomes of jobs."""

    def key(self, job: Job) -> str | None:
        """Return the deployment that a job changes; jobs of one deployment run in their order."""
        ...

    def perform(self, running: Running) -> PutOff | None:
        """Run a job to its end, also one that died in the middle before.

        Returns None at its end, else when it is to be run again; such a try does not count. All
        jobs of one work are put off by one clock.

        What it raises is taken for a bug, and the job is tried again; StaleError and
        StoreUnavailableError are not.
        """
        ...

    def broken(self, job: Job) -> None:
        """Tell the person that their job was put aside."""
        ...
