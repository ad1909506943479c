"""Adapter: the Reviews port over GitHub's REST API.

Checks are the newest status of each context and the newest run of each check. Reviews are one call,
checks two, for each hundred of them: addresses are made here, since a lazy commit or pull request
of PyGithub's is read once more when it is asked for its own id. Sources: docs.github.com/rest,
pulls/reviews, commits/statuses ("combined status"), checks/runs and commits ("Compare two
commits").
"""

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from github import GithubException
from github.CheckRun import CheckRun
from github.Commit import Commit
from github.CommitStatus import CommitStatus
from github.File import File
from github.GithubObject import GithubObject
from github.PaginatedList import PaginatedList
from github.PullRequestReview import PullRequestReview

from gitops.clock import Clock
from gitops.github.budget import shared_budget
from gitops.github.connection import Connection
from gitops.github.looking import commit_of
from gitops.reviews import TWO_PERSON, Check, Given, State, Verdict
from gitops.settings import ForgeSettings

_VERDICTS = {
    "APPROVED": Verdict.APPROVED,
    "CHANGES_REQUESTED": Verdict.CHANGES,
    "COMMENTED": Verdict.COMMENTED,
    "DISMISSED": Verdict.DISMISSED,
}
_GOOD = frozenset({"success", "neutral", "skipped"})
_DESCRIPTION = 140  # characters of a status that GitHub takes
_PAGE = 100
_MOST = 1000  # of a list that are read: reviews, statuses or runs
_MOST_FILES = 300  # that a comparison has
_FORBIDDEN = 403
_log = logging.getLogger(__name__)

T = TypeVar("T", bound=GithubObject)


class GithubReviews:
    """Reviews and checks of one repository. For one thread, as GithubForge is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def connect(cls, settings: ForgeSettings, clock: Clock) -> "GithubReviews":
        """Return reviews for the settings; no call is made yet."""
        return cls(Connection(settings, clock, shared_budget(settings, clock)))

    def given(self, number: int) -> Sequence[Given]:
        """Return the reviews of a pull request; see the port."""
        return self._connection.run(
            f"reading the reviews of #{number}",
            lambda: [
                _given(review)
                for review in self._list(PullRequestReview, f"pulls/{number}/reviews")
                if review.state in _VERDICTS and review.submitted_at
            ],
        )

    def checks(self, commit: str) -> Sequence[Check]:
        """Return the checks of a commit; see the port."""
        return self._connection.run(
            f"reading the checks of {commit[:12]}",
            lambda: sorted(self._checks(commit), key=lambda check: check.name),
        )

    def paths(self, commit: str) -> Sequence[str] | None:
        """Return the files that a commit would change on main; see the port."""
        connection = self._connection
        return connection.run(
            f"reading what {commit[:12]} changes",
            lambda: _paths(connection.repository.compare(connection.main, commit).files),
        )

    def trailers(self, number: int) -> Sequence[Mapping[str, str]]:
        """Return the trailers of our own commits on a pull request; see the port."""
        found = self._connection.run(
            f"reading the commits of #{number}",
            lambda: [commit_of(each) for each in self._list(Commit, f"pulls/{number}/commits")],
        )
        return [commit.trailers for commit in found if commit.ours]

    def mark(self, commit: str, state: State, text: str) -> None:
        """Make our own status stand; see the port."""
        self._connection.run(
            f"setting {TWO_PERSON} on {commit[:12]}", lambda: self._mark(commit, state, text)
        )

    def _checks(self, commit: str) -> Iterator[Check]:
        for status in self._statuses(commit):
            known = status.state if status.state in set(State) else State.FAILURE  # error
            yield Check(status.context, State(known))
        for run in self._runs(commit):
            done = run.status == "completed"
            good = State.SUCCESS if run.conclusion in _GOOD else State.FAILURE
            yield Check(run.name, good if done else State.PENDING)

    def _mark(self, commit: str, state: State, text: str) -> None:
        shown = text[:_DESCRIPTION]
        said = {s.context: (s.state, s.description) for s in self._statuses(commit)}
        if said.get(TWO_PERSON) == (state.value, shown):
            return
        repository = self._connection.repository
        known = {"sha": commit, "url": f"{repository.url}/commits/{commit}"}
        found = Commit(repository.requester, {}, known, completed=True)
        self._connection.writing(
            lambda: found.create_status(state.value, description=shown, context=TWO_PERSON)
        )

    def _statuses(self, commit: str) -> list[CommitStatus]:
        return self._list(CommitStatus, f"commits/{commit}/status", "statuses")

    def _runs(self, commit: str) -> list[CheckRun]:
        """Return the newest check runs; none where we may not read them, as with some tokens."""
        try:
            return self._list(CheckRun, f"commits/{commit}/check-runs", "check_runs")
        except GithubException as error:
            if error.status != _FORBIDDEN or "not accessible" not in str(error.data):
                raise
            _log.warning("check runs left out commit=%s; GitHub refuses: checks=read", commit[:12])
            return []

    def _list(self, kind: type[T], path: str, item: str = "items") -> list[T]:
        repository = self._connection.repository
        found = PaginatedList(
            kind,
            repository.requester,
            f"{repository.url}/{path}",
            {"per_page": _PAGE},
            list_item=item,
        )
        return list(itertools.islice(found, _MOST))


def _paths(files: Sequence[File]) -> Sequence[str] | None:
    if len(files) >= _MOST_FILES:
        return None
    names = ((file.filename, file.previous_filename) for file in files)
    return [name for pair in names for name in pair if name]


def _given(review: PullRequestReview) -> Given:
    by = review.user.login if review.user else ""
    verdict = _VERDICTS[review.state]
    body, commit = review.body or "", review.commit_id or ""
    return Given(review.id, by, verdict, body, commit, review.submitted_at)
