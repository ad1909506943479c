"""The Git database: refs, trees, commits and blobs.

Source: docs.github.com/rest/git (refs, trees, commits, blobs). A bot may not move the default
branch: docs.github.com, "About protected branches" (changes through pull requests only).
"""

import base64

from sandbox.github.calls import Call, Reply, Routes
from sandbox.github.errors import RefusedError, invalid, not_found
from sandbox.github.new_tree import new_tree
from sandbox.github.objects import Ref
from sandbox.github.site import Move, Site


def get_ref(site: Site, call: Call, ref: str) -> Reply:
    """GET git/ref/REF: the exact name."""
    found = site.repository.ref(f"refs/{ref}")
    if found is None:
        raise not_found()
    return Reply(200, call.shapes.ref(found))


def matching_refs(site: Site, call: Call, ref: str = "") -> Reply:
    """GET git/matching-refs/REF: all names that start so."""
    found = site.repository.refs(f"refs/{ref}")
    return Reply(200, [call.shapes.ref(one) for one in found], paged=True)


def create_ref(site: Site, call: Call) -> Reply:
    """POST git/refs."""
    name, sha = call.words("ref", "Reference"), call.words("sha", "Reference")
    if not name.startswith("refs/") or name.count("/") < 2 or not site.repository.is_ref_name(name):  # noqa: PLR2004 - refs/KIND/NAME
        raise invalid(f"{name} is not a valid ref name.")
    _check_protection(site, call, name)
    _check_commit(site, sha)
    if site.repository.ref(name):
        raise invalid("Reference already exists")
    if not site.repository.set_ref(name, sha, None):
        raise invalid("Reference update failed")
    _moved(site, call, name, None, sha)
    return Reply(201, call.shapes.ref(Ref(name, sha)))


def update_ref(site: Site, call: Call, ref: str) -> Reply:
    """PATCH git/refs/REF."""
    name, sha = f"refs/{ref}", call.words("sha", "Reference")
    found = _existing(site, name)
    _check_protection(site, call, name)
    _check_commit(site, sha)
    if not site.repository.is_ancestor(found.sha, sha):
        if not call.body.get("force"):
            raise invalid("Update is not a fast forward")
        _check_lasting(site, name, "force-push to")
    if not site.repository.set_ref(name, sha, found.sha):
        raise invalid("Reference update failed")
    _moved(site, call, name, found.sha, sha)
    return Reply(200, call.shapes.ref(Ref(name, sha)))


def delete_ref(site: Site, call: Call, ref: str) -> Reply:
    """DELETE git/refs/REF: closes the pull requests of the branch."""
    name = f"refs/{ref}"
    found = _existing(site, name)
    _check_protection(site, call, name)
    _check_lasting(site, name, "delete")
    if not site.repository.delete_ref(name, found.sha):
        raise invalid("Reference update failed")
    _moved(site, call, name, found.sha, None)
    return Reply(204, None)


def get_tree(site: Site, call: Call, sha: str) -> Reply:
    """GET git/trees/SHA."""
    found = site.repository.tree_of(sha)
    if found is None:
        raise not_found()
    recursive = call.query.get("recursive", "") != ""
    return Reply(200, call.shapes.tree(found, site.repository.tree(found, recursive=recursive)))


def create_tree(site: Site, call: Call) -> Reply:
    """POST git/trees."""
    made = new_tree(site.repository, call.body.get("base_tree"), call.body.get("tree"))
    return Reply(201, call.shapes.tree(made, site.repository.tree(made)))


def get_commit(site: Site, call: Call, sha: str) -> Reply:
    """GET git/commits/SHA."""
    if site.repository.kind(sha) != "commit":
        raise not_found()
    return Reply(200, call.shapes.git_commit(site.repository.commit(site.commit(sha))))


def create_commit(site: Site, call: Call) -> Reply:
    """POST git/commits: the author is the caller unless given, the committer is the author."""
    message, tree = call.words("message", "Commit"), call.words("tree", "Commit")
    parents = call.body.get("parents") or []
    if site.repository.kind(tree) != "tree":
        raise invalid("Tree SHA does not exist")
    if any(site.repository.kind(str(parent)) != "commit" for parent in parents):
        raise invalid("Parent SHA does not exist or is not a commit object")
    author = site.person(call.account.login, call.body.get("author"))
    given = call.body.get("committer")
    committer = site.person(call.account.login, given) if given else author
    sha = site.repository.write_commit(tree, parents, message, author, committer)
    return Reply(201, call.shapes.git_commit(site.repository.commit(sha)))


def get_blob(site: Site, call: Call, sha: str) -> Reply:
    """GET git/blobs/SHA."""
    if site.repository.kind(sha) != "blob":
        raise not_found()
    return Reply(200, call.shapes.blob(sha, site.repository.blob(sha)))


def create_blob(site: Site, call: Call) -> Reply:
    """POST git/blobs."""
    content = str(call.body.get("content", ""))
    encoded = call.body.get("encoding", "utf-8") == "base64"
    try:
        data = base64.b64decode(content, validate=False) if encoded else content.encode()
    except ValueError as error:
        raise invalid("content is not valid Base64") from error
    (sha,) = site.repository.write_blobs([data])
    return Reply(201, {"sha": sha, "url": f"{call.shapes.here}/git/blobs/{sha}"})


def _existing(site: Site, name: str) -> Ref:
    found = site.repository.ref(name)
    if found is None:
        raise invalid("Reference does not exist")
    return found


def _check_commit(site: Site, sha: str) -> None:
    if site.repository.kind(sha) != "commit" or site.repository.commit_of(sha) != sha:
        raise invalid("Object does not exist")


def _check_protection(site: Site, call: Call, name: str) -> None:
    account = call.account
    if not site.is_protected(name):
        return
    if not site.protection.lets_push(account.login, is_bot=account.is_bot):
        raise _protected(name, "Changes must be made through a pull request.")


def _check_lasting(site: Site, name: str, act: str) -> None:
    if site.is_protected(name):
        raise _protected(name, f"Cannot {act} this branch.")


def _protected(name: str, reason: str) -> RefusedError:
    return RefusedError(422, f"Protected branch update failed for {name}.\n{reason}")


def _moved(site: Site, call: Call, name: str, before: str | None, sha: str | None) -> None:
    if name.startswith("refs/heads/"):
        branch = name.removeprefix("refs/heads/")
        site.moved(Move(branch, before, sha), call.account.login)


ROUTES: Routes = (
    ("GET", r"git/ref/(?P<ref>.+)", get_ref),
    ("GET", r"git/matching-refs/(?P<ref>.*)", matching_refs),
    ("GET", r"git/refs", matching_refs),
    ("GET", r"git/refs/(?P<ref>.+)", get_ref),
    ("POST", r"git/refs", create_ref),
    ("PATCH", r"git/refs/(?P<ref>.+)", update_ref),
    ("DELETE", r"git/refs/(?P<ref>.+)", delete_ref),
    ("GET", r"git/trees/(?P<sha>.+)", get_tree),
    ("POST", r"git/trees", create_tree),
    ("GET", r"git/commits/(?P<sha>[^/]+)", get_commit),
    ("POST", r"git/commits", create_commit),
    ("GET", r"git/blobs/(?P<sha>[^/]+)", get_blob),
    ("POST", r"git/blobs", create_blob),
)
