"""One file at a time: `PUT` and `DELETE contents/PATH`, a commit each.

Source: docs.github.com/rest/repos/contents. The texts of 409 are from general knowledge.
"""

import base64

from sandbox.github.calls import Call, Reply, Routes
from sandbox.github.errors import RefusedError, invalid, not_found
from sandbox.github.objects import Change, Entry
from sandbox.github.repository import EMPTY_TREE
from sandbox.github.site import Move, Site


def put_contents(site: Site, call: Call, path: str) -> Reply:
    """PUT contents/PATH: `sha` must be that of the file it replaces."""
    branch, found = _standing(site, call, path)
    given = call.body.get("sha")
    if found and not given:
        raise invalid('Invalid request.\n\n"sha" wasn\'t supplied.')
    if given and (found is None or found.sha != given):
        raise _stale(path, given)
    message = call.words("message", "Commit")
    (blob,) = site.repository.write_blobs([_bytes(call)])
    commit = _commit(site, call, branch, Change(path, "100644", blob), message)
    entry = Entry(path, "100644", "blob", blob, len(site.repository.blob(blob)))
    content = call.shapes.content(entry, branch)
    return Reply(200 if found else 201, {"content": content, "commit": _shown(site, call, commit)})


def delete_contents(site: Site, call: Call, path: str) -> Reply:
    """DELETE contents/PATH."""
    branch, found = _standing(site, call, path)
    if found is None:
        raise not_found()
    given = call.words("sha", "Content")
    if given != found.sha:
        raise _stale(path, given)
    message = call.words("message", "Commit")
    commit = _commit(site, call, branch, Change(path, "0", None), message)
    return Reply(200, {"content": None, "commit": _shown(site, call, commit)})


def _standing(site: Site, call: Call, path: str) -> tuple[str, Entry | None]:
    default = site.place.default_branch
    branch = str(call.body.get("branch") or call.query.get("branch") or default)
    tip, account = site.branch(branch), call.account
    if tip is None:
        raise RefusedError(404, f"Branch {branch} not found")
    may = site.protection.lets_push(account.login, is_bot=account.is_bot)
    if branch == default and not may:
        reason = "Changes must be made through a pull request."
        raise RefusedError(409, f"Could not update file: {reason}")
    found = (entry for entry in site.repository.files(tip) if entry.path == path)
    return branch, next(found, None)


def _commit(site: Site, call: Call, branch: str, change: Change, message: str) -> str:
    git, login = site.repository, call.account.login
    before = site.branch(branch)
    tree = git.write_tree(before or EMPTY_TREE, [change])
    author = site.person(login, call.body.get("author"))
    committer = site.person(login, call.body.get("committer"))
    sha = git.write_commit(tree, [before] if before else [], message, author, committer)
    if not git.set_ref(f"refs/heads/{branch}", sha, before):
        raise RefusedError(409, f"is at {site.branch(branch)} but expected {before}")
    site.moved(Move(branch, before, sha), login)
    return sha


def _shown(site: Site, call: Call, sha: str) -> object:
    return call.shapes.git_commit(site.repository.commit(sha))


def _bytes(call: Call) -> bytes:
    try:
        return base64.b64decode(str(call.body.get("content", "")), validate=False)
    except ValueError as error:
        raise invalid("content is not valid Base64") from error


def _stale(path: str, sha: object) -> RefusedError:
    return RefusedError(409, f"{path} does not match {sha}")


ROUTES: Routes = (
    ("PUT", r"contents/(?P<path>.+)", put_contents),
    ("DELETE", r"contents/(?P<path>.+)", delete_contents),
)
