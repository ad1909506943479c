"""Merging a pull request: a real merge commit on the base branch.

Source: docs.github.com/rest/pulls/pulls, "Merge a pull request". Only merge commits are allowed.
"""

from sandbox.github.errors import RefusedError
from sandbox.github.pulls import Pull
from sandbox.github.site import Site

_NOT_MERGEABLE = "Pull Request is not mergeable"


def mergeable(site: Site, pull: Pull) -> bool | None:
    """Say whether an open pull request merges without a conflict; None if it is not open."""
    base = site.branch(pull.base)
    if pull.state == "closed" or base is None:
        return None
    return site.repository.merged_tree(base, pull.head_sha) is not None


def merge(site: Site, pull: Pull, login: str, message: str | None = None) -> str:
    """Merge an open pull request and return the id of the merge commit."""
    base = site.branch(pull.base)
    if pull.state == "closed" or base is None:
        raise RefusedError(405, _NOT_MERGEABLE)
    if pull.draft:
        raise RefusedError(405, "Pull Request is still a draft")
    tree = site.repository.merged_tree(base, pull.head_sha)
    if tree is None:
        raise RefusedError(405, _NOT_MERGEABLE)
    person = site.person(login)
    words = message or _message(site, pull)
    sha = site.repository.write_commit(tree, [base, pull.head_sha], words, person, person)
    if not site.repository.set_ref(f"refs/heads/{pull.base}", sha, base):
        raise RefusedError(405, "Base branch was modified. Review and try the merge again.")
    pull.close(site.time.now())
    pull.merged_by, pull.merge_commit_sha, pull.base_sha = login, sha, base
    site.moved(pull.base, sha)
    return sha


def _message(site: Site, pull: Pull) -> str:
    return f"Merge pull request #{pull.number} from {site.place.owner}/{pull.head}\n\n{pull.title}"
