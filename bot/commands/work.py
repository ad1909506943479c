"""Port: what becomes of jobs, as the lanes see it."""

from dataclasses import dataclass
from typing import Protocol

from bot.store import Fence, Job


@dataclass(frozen=True, slots=True)
class Running:
    """A job that runs now: which try it is, from 1, and the fence for what it writes."""

    job: Job
    tries: int
    fence: Fence | None


class Work(Protocol):
    """What becomes of jobs."""

    def key(self, job: Job) -> str | None:
        """Return the deployment that a job changes; jobs of one deployment run in their order."""
        ...

    def perform(self, running: Running) -> None:
        """Run a job to its end, also one that died in the middle before.

        What it raises is taken for a bug, and the job is tried again; StaleError and
        StoreUnavailableError are not.
        """
        ...

    def broken(self, job: Job) -> None:
        """Tell the person that their job was put aside."""
        ...
