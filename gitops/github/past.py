"""Adapter: the Past port over GitHub's REST API.

Two calls: the closed pull requests of the branch, whose merge commits are states of main, and the
commits on main that touch the folder, of which those without our trailers are people's. A squashed
merge is in both, since its message is the repository's choice: it counts as the pull request. What
people commit to one of our branches is told from what they commit to main by nothing but its
message, so it counts too; its files are what stood in that commit. Sources: docs.github.com/rest,
"List pull requests" and "List commits"; "About merge methods on GitHub".
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from github import UnknownObjectException
from github.Commit import Commit as GithubCommit
from github.PullRequest import PullRequest as GithubPullRequest

from gitops.clock import Clock
from gitops.errors import InvalidRequestError
from gitops.forge import Revision
from gitops.github.budget import shared_budget
from gitops.github.connection import Connection
from gitops.github.reading import Reader
from gitops.past import Standing
from gitops.pull_request import STATE_TRAILER, metadata_of, trailers_of
from gitops.settings import ForgeSettings

_PAGE = 30  # of pull requests and of commits that are looked at, newest first


class GithubPast:
    """The history of one repository's main branch. For one thread, as GithubForge is."""

    def __init__(self, connection: Connection, reader: Reader) -> None:
        self._connection = connection
        self._reader = reader

    @classmethod
    def connect(cls, settings: ForgeSettings, clock: Clock) -> "GithubPast":
        """Return the past for the settings; no call is made yet."""
        connection = Connection(settings, clock, shared_budget(settings, clock))
        return cls(connection, Reader(connection))

    def standings(self, folder: str, branch: str) -> Sequence[Standing]:
        """Return the states of a folder, newest first; see the port."""
        return self._connection.run(
            f"reading the history of {folder}", lambda: self._standings(folder, branch)
        )

    def files_at(self, folder: str, commit: str) -> Mapping[str, str]:
        """Return the text files below a folder at a commit; see the port."""
        return self._connection.run(
            f"reading {folder} at {commit[:12]}", lambda: self._files_at(folder, commit)
        )

    def _standings(self, folder: str, branch: str) -> Sequence[Standing]:
        merged = list(self._merged(branch))
        known = {standing.commit for standing in merged}
        people = [s for s in self._by_people(folder) if s.commit not in known]
        return sorted([*merged, *people], key=lambda s: (s.at, s.pull or 0), reverse=True)

    def _files_at(self, folder: str, commit: str) -> Mapping[str, str]:
        try:
            found = self._connection.repository.get_git_commit(commit)
            tree = found.tree.sha
        except UnknownObjectException as error:
            raise InvalidRequestError(f"commit {commit[:12]}: not in the repository") from error
        return self._reader.texts(folder, Revision(commit, tree))

    def _merged(self, branch: str) -> Iterator[Standing]:
        pulls = self._connection.repository.get_pulls(
            "closed",
            sort="updated",
            direction="desc",
            base=self._connection.main,
            head=f"{self._connection.owner}:{branch}",
        )
        for pull in itertools.islice(pulls, _PAGE):
            if pull.merged_at:
                yield _of_pull(pull, pull.merged_at)

    def _by_people(self, folder: str) -> Iterator[Standing]:
        commits = self._connection.repository.get_commits(self._connection.main, path=folder)
        for commit in itertools.islice(commits, _PAGE):
            ours = STATE_TRAILER in trailers_of(commit.commit.message)
            if not ours and len(commit.parents) <= 1:
                yield _of_commit(commit)


def _of_pull(pull: GithubPullRequest, at: datetime) -> Standing:
    known = metadata_of(pull.body or "")
    author = pull.user.login if pull.user else ""  # their account may be gone
    by = known.requester if known and known.requester else author
    return Standing(pull.merge_commit_sha or "", pull.title, by, at, pull.number)


def _of_commit(commit: GithubCommit) -> Standing:
    written = commit.commit
    by = commit.author.login if commit.author else written.author.name
    title = written.message.partition("\n")[0]
    return Standing(commit.sha, title, by or "", written.committer.date)
