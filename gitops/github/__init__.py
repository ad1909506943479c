"""Adapter: the Forge port over GitHub's REST API, through PyGithub.

Every step looks first and then makes it so: only that order converges from a kill at any point. A
new pull request takes at most eight calls, its look-ups, labels and the reading of a new folder
included. No GraphQL. Source of the limits: docs.github.com, "Rate limits for the REST API".
"""

import itertools
from collections.abc import Mapping, Sequence

from gitops.clock import Clock, SystemClock
from gitops.forge import Proposed, PullRequest, Revision
from gitops.github.budget import ContentBudget, shared_budget
from gitops.github.connection import Connection
from gitops.github.looking import find_open, find_pulls, value
from gitops.github.reading import Reader
from gitops.github.signing import TIMEOUT
from gitops.github.writing import Writer
from gitops.pull_request import Written
from gitops.settings import ForgeSettings

__all__ = ["GithubForge"]


class GithubForge:
    """One repository on GitHub.

    For one thread: PyGithub promises nothing between threads. Give each worker its own; they
    share the budget of writes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reader = Reader(connection)
        self._writer = Writer(connection, self._reader)

    @classmethod
    def connect(
        cls,
        settings: ForgeSettings,
        clock: Clock | None = None,
        budget: ContentBudget | None = None,
        timeout: int = TIMEOUT,
    ) -> "GithubForge":
        """Return a forge for the settings; no call is made yet.

        `clock` is what waits between attempts; the machine's when None. `budget` counts the
        writes; the one this process shares when None. `timeout` is the longest wait for one
        answer, in seconds.
        """
        clock = clock or SystemClock()
        return cls(Connection(settings, clock, budget or shared_budget(settings, clock), timeout))

    def main(self) -> Revision:
        """Return where the main branch stands now."""
        return self._connection.run(f"reading {self._connection.main}", self._reader.main)

    def files(self, folder: str, at: Revision | None = None) -> Mapping[str, str]:
        """Return the text files below a folder on main; see the port."""
        return self._connection.run(
            f"reading {folder}", lambda: self._reader.texts(folder, at or self._reader.main())
        )

    def propose(self, written: Written, base: Revision | None = None) -> Proposed:
        """Make branch, commit and pull request stand; see the port."""
        looks = itertools.count()
        return self._connection.run(
            f"proposing {written.plan.branch}",
            lambda: self._writer.propose(written, base, again=next(looks) > 0),
        )

    def pulls(self, branch: str | None = None) -> Sequence[PullRequest]:
        """Return pull requests into main; see the port."""
        act = f"looking for pull requests of {branch}" if branch else "listing open pull requests"
        return self._connection.run(act, lambda: self._pulls(branch))

    def pull_request(self, number: int) -> PullRequest:
        """Return a pull request as it stands now."""
        return self._connection.run(f"reading pull request #{number}", lambda: self._pull(number))

    def _pulls(self, branch: str | None) -> Sequence[PullRequest]:
        found = find_pulls(self._connection, branch) if branch else find_open(self._connection)
        return [value(pull, listed=True) for pull in found]

    def _pull(self, number: int) -> PullRequest:
        return value(self._connection.repository.get_pull(number))
