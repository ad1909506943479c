"""The repository, its branches, commits, comparisons and contents, to read.

Source: docs.github.com/rest, pages repos, branches, commits, repos/contents.
"""

import base64

from sandbox.github.calls import Call, Pages, Reply, Routes
from sandbox.github.errors import RefusedError, not_found
from sandbox.github.objects import Entry
from sandbox.github.repository import EMPTY_TREE
from sandbox.github.shapes import Json
from sandbox.github.site import Site


def get_repository(site: Site, call: Call) -> Reply:
    """GET /repos/OWNER/NAME."""
    return Reply(200, call.shapes.repository(site.time.now()))


def list_branches(site: Site, call: Call) -> Reply:
    """GET branches."""
    names = [ref.name.removeprefix("refs/heads/") for ref in site.repository.refs("refs/heads/")]
    return Reply(200, [_branch(site, call, name) for name in names], paged=True)


def get_branch(site: Site, call: Call, branch: str) -> Reply:
    """GET branches/BRANCH."""
    return Reply(200, _branch(site, call, branch))


def list_commits(site: Site, call: Call) -> Reply:
    """GET commits: those that lead to `sha`, the newest first; only those of `path` if given."""
    name = call.query.get("sha") or site.place.default_branch
    start = site.repository.commit_of(name)
    if start is None:
        raise not_found()
    found = site.repository.log(start, call.query.get("path", ""))
    shown = Pages(found, lambda sha: call.shapes.commit(site.repository.commit(sha)))
    return Reply(200, shown, paged=True)


def get_commit(site: Site, call: Call, ref: str) -> Reply:
    """GET commits/REF: a branch, tag or id, with the files it changed."""
    commit = site.repository.commit(site.commit(ref))
    before = commit.parents[0] if commit.parents else EMPTY_TREE
    files = site.repository.diff(before, commit.sha)
    added, removed = sum(f.additions for f in files), sum(f.deletions for f in files)
    return Reply(
        200,
        {
            **call.shapes.commit(commit),
            "stats": {"additions": added, "deletions": removed, "total": added + removed},
            "files": [call.shapes.file(diff, commit.sha) for diff in files],
        },
    )


def compare(site: Site, call: Call, base: str, head: str) -> Reply:
    """GET compare/BASE...HEAD."""
    old, new = site.repository.commit_of(base), site.repository.commit_of(head)
    fork = site.repository.merge_base(old, new) if old and new else None
    if old is None or new is None or fork is None:
        raise not_found()
    ahead = site.repository.commits_between(old, new)
    behind = site.repository.commits_between(new, old)
    commit = site.repository.commit
    return Reply(
        200,
        {
            "url": f"{call.shapes.here}/compare/{base}...{head}",
            "html_url": f"{call.shapes.page}/compare/{base}...{head}",
            "status": _standing(len(ahead), len(behind)),
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "base_commit": call.shapes.commit(commit(old)),
            "merge_base_commit": call.shapes.commit(commit(fork)),
            "commits": [call.shapes.commit(commit(sha)) for sha in ahead],
            "files": [call.shapes.file(diff, new) for diff in site.repository.diff(fork, new)],
        },
    )


def get_contents(site: Site, call: Call, path: str = "") -> Reply:
    """GET contents/PATH: a file with its bytes, or the list of a folder."""
    ref, path = call.query.get("ref") or site.place.default_branch, path.strip("/")
    commit = site.repository.commit_of(ref)
    if commit is None:
        raise RefusedError(404, f"No commit found for the ref {ref}")
    entries = site.repository.tree(commit, recursive=True)
    found = next((entry for entry in entries if entry.path == path), None)
    if path and found is None:
        raise not_found()
    if found is not None and found.kind == "blob":
        return Reply(200, _file(site, call, found, ref))
    inside = [entry for entry in entries if entry.path.rpartition("/")[0] == path]
    return Reply(200, [call.shapes.content(entry, ref) for entry in inside])


def _branch(site: Site, call: Call, name: str) -> Json:
    sha = site.branch(name)
    if sha is None:
        raise RefusedError(404, "Branch not found")
    return call.shapes.branch(name, site.repository.commit(sha))


def _file(site: Site, call: Call, entry: Entry, ref: str) -> Json:
    content = base64.encodebytes(site.repository.blob(entry.sha)).decode()
    return {**call.shapes.content(entry, ref), "content": content, "encoding": "base64"}


def _standing(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    if ahead:
        return "ahead"
    return "behind" if behind else "identical"


ROUTES: Routes = (
    ("GET", r"", get_repository),
    ("GET", r"branches", list_branches),
    ("GET", r"branches/(?P<branch>.+)", get_branch),
    ("GET", r"commits", list_commits),
    ("GET", r"commits/(?P<ref>.+)", get_commit),
    ("GET", r"compare/(?P<base>.+?)\.\.\.(?P<head>.+)", compare),
    ("GET", r"contents/?", get_contents),
    ("GET", r"contents/(?P<path>.+)", get_contents),
)
