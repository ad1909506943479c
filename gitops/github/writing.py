"""Making a proposal stand: commit, branch, pull request, labels; each looked for before.

A new pull request takes five writes: tree, commit, branch, pull request, labels. A branch moves
without force, from the head just read: that is the compare-and-swap. What is written is main as it
stands plus the plan, so a branch that main has left behind gets main as its second parent.
Sources: docs.github.com/rest, git/trees, git/commits, git/refs, pulls and issues/labels.
"""

import contextlib
import dataclasses
from collections.abc import Sequence

from github import UnknownObjectException
from github.GitCommit import GitCommit
from github.GitRef import GitRef
from github.GitTree import GitTree
from github.InputGitTreeElement import InputGitTreeElement
from github.PullRequest import PullRequest as GithubPullRequest

from gitops.errors import ConflictError
from gitops.forge import Outcome, Proposed, Review, Revision
from gitops.github.connection import Connection
from gitops.github.decision import Standing, Step, decide, holds, outcome_of_own
from gitops.github.looking import find_head, stand, value
from gitops.github.reading import Reader
from gitops.plan import FileChange
from gitops.pull_request import OWN_LABELS, TREE_TRAILER, Written, replacing


class Writer:
    """Makes proposals stand in one repository."""

    def __init__(self, connection: Connection, reader: Reader) -> None:
        self._connection = connection
        self._reader = reader

    def propose(self, written: Written, base: Revision | None, *, again: bool) -> Proposed:
        """Look, and make stand what does not stand yet; see the port.

        `again` says that an earlier look was overtaken, so main may have moved since `base`.
        """
        plan = written.plan
        base = self._still(written, base) if base and again else base or self._reader.main()
        head = find_head(self._connection.repository, plan.branch)
        if head is None:
            self._create_branch(written, self._commit(written, base, [base.commit]))
            return self._open(written)
        standing, pull = stand(self._reader, self._connection, plan, head, base)
        match decide(written, standing):
            case Step.KEEP:
                return self._keep(written, standing, pull)
            case Step.APPEND:
                return self._append(written, standing, pull, base)
            case Step.RECREATE:
                commit = self._commit(written, base, [base.commit])
                self._connection.writing(self._ref(plan.branch).delete)
                self._create_branch(written, commit)
                return self._open(written)

    def _still(self, written: Written, base: Revision) -> Revision:
        """Return main as it is now, where the plan that was made against `base` still holds."""
        now, folder = self._reader.main(), written.plan.folder
        if self._reader.files(folder, now.tree) != self._reader.files(folder, base.tree):
            raise ConflictError(
                f"proposing {written.plan.branch}: main has changed {folder} since the plan was"
                " made; ask again"
            )
        return now

    def _keep(
        self, written: Written, standing: Standing, pull: GithubPullRequest | None
    ) -> Proposed:
        """Leave the commit as it is, and complete what a run that died left undone."""
        if pull is None or not standing.is_open:
            return self._open(written)
        if holds(written, standing):
            written = self._complete(written, standing, pull)
        if standing.request != written.metadata.request:
            return Proposed(value(pull), Outcome.ATTACHED)
        replaced = written.metadata.replaces
        return Proposed(value(pull), outcome_of_own(standing), replaced=replaced)

    def _append(
        self,
        written: Written,
        standing: Standing,
        pull: GithubPullRequest | None,
        base: Revision,
    ) -> Proposed:
        parents = [standing.head.sha, *([base.commit] if standing.behind else [])]
        commit = self._commit(written, base, parents)
        self._connection.writing(lambda: self._ref(written.plan.branch).edit(commit))
        if pull is None or not standing.is_open:
            return self._open(written)
        written = replacing(written, pull.title)
        self._describe(written, pull)
        amended = dataclasses.replace(value(pull), head=commit)
        if amended.review is not Review.OPEN:
            raise ConflictError(
                f"pull request #{pull.number} ({amended.url}) was {amended.review.value} while it"
                " was amended; ask again"
            )
        self._label(written, pull)
        replaced = written.metadata.replaces
        return Proposed(amended, Outcome.AMENDED, rebased=standing.moved, replaced=replaced)

    def _commit(self, written: Written, base: Revision, parents: Sequence[str]) -> str:
        repository, writing = self._connection.repository, self._connection.writing
        elements = [_element(change) for change in written.plan.changes]
        below = GitTree(repository.requester, {}, {"sha": base.tree}, completed=True)
        tree = writing(lambda: repository.create_git_tree(elements, below))
        if tree.sha == base.tree:
            raise ConflictError(
                f"proposing {written.plan.branch}: main already has it, so there is nothing to"
                " propose"
            )
        message = f"{written.message}{TREE_TRAILER}: {tree.sha}\n"
        above = [
            GitCommit(repository.requester, {}, {"sha": sha}, completed=True) for sha in parents
        ]
        return writing(lambda: repository.create_git_commit(message, tree, above)).sha

    def _create_branch(self, written: Written, commit: str) -> None:
        name, repository = f"refs/heads/{written.plan.branch}", self._connection.repository
        self._connection.writing(lambda: repository.create_git_ref(name, commit))

    def _open(self, written: Written) -> Proposed:
        made = self._connection.writing(
            lambda: self._connection.repository.create_pull(
                self._connection.main,
                written.plan.branch,
                title=written.plan.title,
                body=written.body,
            )
        )
        self._label(written, made)
        return Proposed(value(made), Outcome.OPENED)

    def _complete(self, written: Written, standing: Standing, pull: GithubPullRequest) -> Written:
        """Bring title and body up to the last commit, and a request's own up to date.

        What it replaced stands in the body, or, where that is of before, in the title.
        """
        told = value(pull).metadata
        outdated = told is None or told.state != standing.state
        written = replacing(written, told.replaces if told and not outdated else pull.title)
        own = told is not None and told.request == written.metadata.request
        if outdated or (own and told != written.metadata):
            self._describe(written, pull)
        self._label(written, pull)
        return written

    def _describe(self, written: Written, pull: GithubPullRequest) -> None:
        self._connection.writing(lambda: pull.edit(title=written.plan.title, body=written.body))

    def _label(self, written: Written, pull: GithubPullRequest) -> None:
        """Make the plan's labels stand; those of an earlier plan go, people's stay."""
        there = {label.name for label in pull.labels}
        if missing := [label for label in written.labels if label not in there]:
            self._connection.writing(lambda: pull.add_to_labels(*missing))
        for label in sorted(there - set(written.labels)):
            if label.startswith(OWN_LABELS):
                self._unlabel(pull, label)

    def _unlabel(self, pull: GithubPullRequest, label: str) -> None:
        with contextlib.suppress(UnknownObjectException):  # somebody took it off already
            self._connection.writing(lambda: pull.remove_from_labels(label))

    def _ref(self, branch: str) -> GitRef:
        # By its documented path: not every host gives it in the ref's own `url`.
        repository = self._connection.repository
        url = f"{repository.url}/git/refs/heads/{branch}"
        return GitRef(repository.requester, url=url, attributes={"ref": f"refs/heads/{branch}"})


def _element(change: FileChange) -> InputGitTreeElement:
    if change.new is None:
        return InputGitTreeElement(change.path, "100644", "blob", sha=None)
    return InputGitTreeElement(change.path, "100644", "blob", content=change.new)
