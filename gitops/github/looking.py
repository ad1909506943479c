"""Looking at a deployment's branch and pull requests, before anything is written.

The branch is asked for first: where it is not, no pull request of it can be open, since GitHub
closes them with it. Sources: docs.github.com/rest, git/refs, commits ("Compare two commits") and
pulls.
"""

import dataclasses
import itertools

from github import UnknownObjectException
from github.Commit import Commit as GithubCommit
from github.PullRequest import PullRequest as GithubPullRequest
from github.Repository import Repository

from gitops.forge import PullRequest, Review, Revision
from gitops.github.connection import Connection
from gitops.github.decision import Commit, Standing
from gitops.github.reading import Reader
from gitops.plan import Plan
from gitops.pull_request import metadata_of, trailers_of

_ONE_PAGE = 30  # pull requests of one branch that are looked at, newest first
_MOST_OPEN = 300  # of all branches; ten pages
_MOST_COMMITS = 250  # what a comparison lists at once; a branch of ours has a handful


def find_head(repository: Repository, branch: str) -> str | None:
    """Return the commit that a branch ends in; None where there is no such branch."""
    try:
        return repository.get_git_ref(f"heads/{branch}").object.sha
    except UnknownObjectException:
        return None


def find_pulls(connection: Connection, branch: str) -> list[GithubPullRequest]:
    """Return the pull requests of a branch into main: the open one first, then the newest."""
    found = connection.repository.get_pulls(
        "all",
        sort="created",
        direction="desc",
        base=connection.main,
        head=f"{connection.owner}:{branch}",
    )
    first = [pull for pull in itertools.islice(found, _ONE_PAGE) if _is_from_here(pull)]
    return sorted(first, key=lambda pull: pull.state != "open")


def find_open(connection: Connection) -> list[GithubPullRequest]:
    """Return the open pull requests into main, newest first; those of forks are left out."""
    found = connection.repository.get_pulls(
        "open", sort="created", direction="desc", base=connection.main
    )
    return [pull for pull in itertools.islice(found, _MOST_OPEN) if _is_from_here(pull)]


def stand(
    reader: Reader, connection: Connection, plan: Plan, head: str, base: Revision
) -> tuple[Standing, GithubPullRequest | None]:
    """Return how a branch that ends in `head` stands towards main at `base`."""
    pull = next(iter(find_pulls(connection, plan.branch)), None)
    try:
        standing = _towards(reader, connection.repository, plan.folder, head, base)
    except UnknownObjectException:  # not a commit in common with main, so none of ours
        standing = Standing(Commit(head), behind=True)
    return dataclasses.replace(standing, pull=value(pull) if pull else None), pull


def _towards(
    reader: Reader, repository: Repository, folder: str, head: str, base: Revision
) -> Standing:
    compared = repository.compare(base.commit, head)
    behind, ahead = compared.behind_by, compared.total_commits
    fork = compared.merge_base_commit
    listed = list(itertools.islice(compared.commits, _MOST_COMMITS)) if ahead else [fork]
    commits = [commit_of(each) for each in listed]
    earlier = sum(each.ours for each in commits[:-1])
    return Standing(
        head=commits[-1] if commits[-1].sha == head else Commit(head),
        contained=ahead == 0,
        behind=behind > 0,
        moved=behind > 0 and _differs(reader, folder, fork.commit.tree.sha, base.tree),
        earlier=earlier,
        others=len(commits) - 1 - earlier,
    )


def value(pull: GithubPullRequest, *, listed: bool = False) -> PullRequest:
    """Return a pull request as the port has it.

    A list does not say who merged one, and to ask would be a call for each.
    """
    merged = pull.merged_at is not None
    told = merged and not listed
    opened = Review.OPEN if pull.state == "open" else Review.CLOSED
    return PullRequest(
        number=pull.number,
        url=pull.html_url,
        review=Review.MERGED if merged else opened,
        merged_by=pull.merged_by.login if told and pull.merged_by else "",
        title=pull.title,
        branch=pull.head.ref,
        head=pull.head.sha,
        base=pull.base.ref,
        author=pull.user.login if pull.user else "",
        draft=bool(pull.draft),
        merge_commit=(pull.merge_commit_sha or "") if merged else "",
        metadata=metadata_of(pull.body or ""),
    )


def commit_of(found: GithubCommit) -> Commit:
    """Return a commit as far as it matters whose it is."""
    written = found.commit
    author = found.author.login if found.author else written.author.name
    return Commit(found.sha, written.tree.sha, author or "", trailers_of(written.message))


def _is_from_here(pull: GithubPullRequest) -> bool:
    """Say whether its branch is the repository's own: an owner's fork may name one alike."""
    return bool(pull.head.repo) and pull.head.repo.id == pull.base.repo.id


def _differs(reader: Reader, folder: str, before: str, after: str) -> bool:
    return reader.files(folder, before) != reader.files(folder, after)
