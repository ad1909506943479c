"""Pull requests over the API: open, list, change, merge.

Source: docs.github.com/rest/pulls/pulls.
"""

from sandbox.github.calls import Call, Reply, Routes
from sandbox.github.errors import RefusedError, invalid_field, invalid_for
from sandbox.github.gate import code_owners, standing
from sandbox.github.merging import merge
from sandbox.github.pull_shapes import pull_json, whole_pull_json
from sandbox.github.pulls import Pull
from sandbox.github.shapes import Json
from sandbox.github.site import Site

_RESOURCE = "PullRequest"
_METHODS = ("merge", "squash", "rebase")
_SORTS = {
    "created": lambda pull: (pull.created_at, pull.number),
    "updated": lambda pull: (pull.updated_at, pull.number),
}


def list_pulls(site: Site, call: Call) -> Reply:
    """GET pulls: `head` filters only in the form OWNER:BRANCH, as on GitHub."""
    query = call.query
    state, base = query.get("state", "open"), query.get("base")
    owner, colon, branch = query.get("head", "").partition(":")
    found = [
        site.fresh(pull)
        for pull in site.pulls
        if state in ("all", pull.state)
        and base in (None, "", pull.base)
        and (not colon or (owner, branch) == (site.place.owner, pull.head))
    ]
    key = _SORTS.get(query.get("sort", "created"), _SORTS["created"])
    default = "desc" if query.get("sort", "created") == "created" else "asc"
    found.sort(key=key, reverse=query.get("direction", default) == "desc")
    return Reply(200, [pull_json(call.shapes, pull) for pull in found], paged=True)


def create_pull(site: Site, call: Call) -> Reply:
    """POST pulls."""
    title, base = call.words("title", _RESOURCE), call.words("base", _RESOURCE)
    head = call.words("head", _RESOURCE).removeprefix(f"{site.place.owner}:")
    body = call.text("body", _RESOURCE)
    head_sha, base_sha = site.branch(head), site.branch(base)
    if head_sha is None:
        raise invalid_field(_RESOURCE, "head")
    if base_sha is None:
        raise invalid_field(_RESOURCE, "base")
    _check_new(site, head, base)
    now = site.time.now()
    pull = Pull(
        number=site.pulls.next_number(),
        title=title,
        body=body,
        head=head,
        base=base,
        user=call.account.login,
        head_sha=head_sha,
        base_sha=base_sha,
        created_at=now,
        updated_at=now,
        draft=bool(call.body.get("draft")),
    )
    site.pulls.add(pull)
    if not pull.draft:
        ask_code_owners(site, pull)
    site.pull_happened("opened", pull, call.account.login)
    return Reply(201, _whole(site, call, pull))


def get_pull(site: Site, call: Call, number: str) -> Reply:
    """GET pulls/N."""
    return Reply(200, _whole(site, call, site.pull(number)))


def update_pull(site: Site, call: Call, number: str) -> Reply:
    """PATCH pulls/N: title, body, state, base."""
    pull, by = site.pull(number), call.account.login
    if call.body.get("state") not in (None, pull.state):
        _set_state(site, pull, str(call.body["state"]), by)
    changes = _edit(site, call, pull)
    if changes:
        site.pull_happened("edited", pull, by, changes=changes)
    pull.updated_at = site.time.now()
    return Reply(200, _whole(site, call, pull))


def list_files(site: Site, call: Call, number: str) -> Reply:
    """GET pulls/N/files."""
    pull = site.pull(number)
    files = site.repository.diff(*site.files_of(pull))
    return Reply(200, [call.shapes.file(diff, pull.head_sha) for diff in files], paged=True)


def list_commits(site: Site, call: Call, number: str) -> Reply:
    """GET pulls/N/commits."""
    commits = site.repository.commits_between(*site.files_of(site.pull(number)))
    shown = [call.shapes.commit(site.repository.commit(sha)) for sha in commits]
    return Reply(200, shown, paged=True)


def get_merged(site: Site, call: Call, number: str) -> Reply:  # noqa: ARG001 - one signature
    """GET pulls/N/merge: 204 if merged, else 404."""
    if not site.pull(number).merged:
        raise RefusedError(404, "Not Found")
    return Reply(204, None)


def put_merge(site: Site, call: Call, number: str) -> Reply:
    """PUT pulls/N/merge."""
    pull, body = site.pull(number), call.body
    method = str(body.get("merge_method") or "merge")
    if method not in _METHODS:
        raise invalid_field(_RESOURCE, "merge_method")
    if body.get("sha") not in (None, pull.head_sha) and pull.state == "open":
        raise RefusedError(409, "Head branch was modified. Review and try the merge again.")
    lines = [body.get("commit_title"), body.get("commit_message")]
    message = "\n\n".join(line for line in lines if line)
    sha = merge(site, pull, call.account.login, message, method)
    return Reply(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def ask_code_owners(site: Site, pull: Pull) -> None:
    """Request a review of every code owner of a change but its author."""
    owners = {login for group in code_owners(site, pull) for login in group}
    pull.requested += sorted(owners - {pull.user, *pull.requested})


def _check_new(site: Site, head: str, base: str) -> None:
    if site.pulls.open_for(head, base):
        reason = f"A pull request already exists for {site.place.owner}:{head}."
        raise invalid_for(_RESOURCE, reason)
    if not site.repository.commits_between(f"refs/heads/{base}", f"refs/heads/{head}"):
        raise invalid_for(_RESOURCE, f"No commits between {base} and {head}")


def _set_state(site: Site, pull: Pull, state: str, by: str) -> None:
    if state not in ("open", "closed"):
        raise invalid_field(_RESOURCE, "state")
    if state == "closed":
        site.close(pull, by)
        return
    head = site.branch(pull.head)
    if pull.merged or head is None:
        reason = "state cannot be changed. The pull request cannot be reopened."
        raise invalid_for(_RESOURCE, reason)
    _check_new(site, pull.head, pull.base)
    if not site.repository.is_ancestor(pull.head_sha, head):
        # GitHub's staff: the head must be a descendant of what it was when it was closed.
        reason = f"state cannot be changed. The {pull.head} branch was force-pushed or recreated."
        raise invalid_for(_RESOURCE, reason)
    pull.state, pull.closed_at, pull.head_sha = "open", None, head
    site.pull_happened("reopened", pull, by)


def _edit(site: Site, call: Call, pull: Pull) -> Json:
    old = {"title": pull.title, "body": pull.body, "base": pull.base}
    if "title" in call.body:
        pull.title = call.words("title", _RESOURCE)
    if "body" in call.body:
        pull.body = call.text("body", _RESOURCE)
    if "base" in call.body:
        pull.base = _new_base(site, call)
    new = {"title": pull.title, "body": pull.body, "base": pull.base}
    return {name: {"from": was} for name, was in old.items() if new[name] != was}


def _new_base(site: Site, call: Call) -> str:
    base = call.words("base", _RESOURCE)
    if site.branch(base) is None:
        raise invalid_field(_RESOURCE, "base")
    return base


def _whole(site: Site, call: Call, pull: Pull) -> Json:
    ends = site.files_of(pull)
    files = site.repository.diff(*ends)
    changed = {
        "commits": len(site.repository.commits_between(*ends)),
        "additions": sum(diff.additions for diff in files),
        "deletions": sum(diff.deletions for diff in files),
        "changed_files": len(files),
    }
    return whole_pull_json(call.shapes, pull, changed, standing(site, pull))


ROUTES: Routes = (
    ("GET", r"pulls", list_pulls),
    ("POST", r"pulls", create_pull),
    ("GET", r"pulls/(?P<number>\d+)", get_pull),
    ("PATCH", r"pulls/(?P<number>\d+)", update_pull),
    ("GET", r"pulls/(?P<number>\d+)/files", list_files),
    ("GET", r"pulls/(?P<number>\d+)/commits", list_commits),
    ("GET", r"pulls/(?P<number>\d+)/merge", get_merged),
    ("PUT", r"pulls/(?P<number>\d+)/merge", put_merge),
)
