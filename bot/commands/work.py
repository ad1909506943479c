"""Port: what becomes of jobs, as the lanes see it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.commands.account import Account
from bot.store import Fence, Job
from bot.store.holding import Begun
from gitops.clock import Clock


@dataclass(frozen=True, slots=True)
class Running:
    """A job that runs now: which try it is, and the fence for what it writes.

    `account` is for the audit log.
    """

    job: Job
    begun: Begun
    fence: Fence | None = None
    account: Account = field(default_factory=Account)


@dataclass(frozen=True, slots=True)
class PutOff:
    """Until when a job is not to be run again: seconds by the steady time of that clock."""

    until: float
    clock: Clock


class Work(Protocol):
    """What becomes of jobs."""

    def now(self) -> datetime:
        """Return the time of day by the work's own clock, by which jobs grow old."""
        ...

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

    def lost(self, job: Job) -> None:
        """Tell the person that Redis lost their job before its end; it is not run again."""
        ...
