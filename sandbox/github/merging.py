"""Merging a pull request: a merge commit, one squashed commit, or its commits replayed.

Sources: docs.github.com/rest/pulls/pulls, "Merge a pull request"; "About merge methods on GitHub".
"""

from sandbox.github.errors import RefusedError
from sandbox.github.gate import standing
from sandbox.github.pulls import Pull
from sandbox.github.site import Move, Site

_NOT_MERGEABLE = "Pull Request is not mergeable"
BASE_MODIFIED = "Base branch was modified. Review and try the merge again."
"""What a merge says that lost the race for its base."""


def merge(
    site: Site, pull: Pull, login: str, message: str | None = None, method: str = "merge"
) -> str:
    """Merge an open pull request and return the id of the commit that the base stands at."""
    _check(site, pull, method)
    base = site.branch(pull.base)
    if base is None:
        raise RefusedError(405, _NOT_MERGEABLE)
    make = {"merge": _merged, "squash": _squashed, "rebase": _rebased}[method]
    sha = make(site, pull, login, base, message)
    if not site.repository.set_ref(f"refs/heads/{pull.base}", sha, base):
        raise RefusedError(405, BASE_MODIFIED)
    pull.merged_by, pull.merge_commit_sha, pull.base_sha = login, sha, base
    pull.close(site.time.now())
    site.moved(Move(pull.base, base, sha), login)
    site.pull_happened("closed", pull, login)
    return sha


def _check(site: Site, pull: Pull, method: str) -> None:
    found = standing(site, pull)
    if found.mergeable is None:
        raise RefusedError(405, _NOT_MERGEABLE)
    if pull.draft:
        raise RefusedError(405, "Pull Request is still a draft")
    if method not in site.place.merge_methods:
        name = "Merge commits" if method == "merge" else f"{method.capitalize()} merges"
        raise RefusedError(405, f"{name} are not allowed on this repository.")
    if not found.mergeable:
        raise RefusedError(405, _NOT_MERGEABLE)
    if found.lacks:
        raise RefusedError(405, found.lacks[0])
    if found.state == "behind":
        raise RefusedError(405, "Head branch is out of date. Review and try the merge again.")


def _merged(site: Site, pull: Pull, login: str, base: str, message: str | None) -> str:
    title = f"Merge pull request #{pull.number} from {site.place.owner}/{pull.head}"
    person = site.person(login)
    words = message or f"{title}\n\n{pull.title}"
    tree = _tree(site, pull, base)
    return site.repository.write_commit(tree, [base, pull.head_sha], words, person, person)


def _squashed(site: Site, pull: Pull, login: str, base: str, message: str | None) -> str:
    words = message or f"{pull.title} (#{pull.number})\n\n{pull.body or ''}".rstrip()
    author, committer = site.person(pull.user), site.person(login)
    return site.repository.write_commit(_tree(site, pull, base), [base], words, author, committer)


def _rebased(site: Site, pull: Pull, login: str, base: str, message: str | None) -> str:  # noqa: ARG001 - its commits keep their messages
    git, tip = site.repository, base
    for sha in git.commits_between(base, pull.head_sha):
        commit = git.commit(sha)
        tree = git.rebased_tree(tip, commit)
        if tree is None:
            raise RefusedError(405, _NOT_MERGEABLE)
        committer = site.person(login)
        tip = git.write_commit(tree, [tip], commit.message, commit.author, committer)
    return tip


def _tree(site: Site, pull: Pull, base: str) -> str:
    tree = site.repository.merged_tree(base, pull.head_sha)
    if tree is None:
        raise RefusedError(405, _NOT_MERGEABLE)
    return tree
