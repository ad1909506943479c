"""Commit statuses.

Source: docs.github.com/rest/commits/statuses.
"""

from sandbox.github.calls import Call, Reply, Routes
from sandbox.github.errors import invalid_field
from sandbox.github.site import Site, Status

_STATES = ("error", "failure", "pending", "success")


def create_status(site: Site, call: Call, sha: str) -> Reply:
    """POST statuses/SHA."""
    state = call.words("state", "Status")
    if state not in _STATES:
        raise invalid_field("Status", "state")
    commit = site.commit(sha)
    status = Status(
        id=site.pulls.next_id(),
        user=call.account.login,
        state=state,
        context=str(call.body.get("context") or "default"),
        description=call.body.get("description"),
        target_url=call.body.get("target_url"),
        at=site.time.now(),
    )
    site.statuses[commit].append(status)
    site.happened("status", None, call.account.login, status=status, sha=commit)
    return Reply(201, call.shapes.status(status, commit))


def list_statuses(site: Site, call: Call, ref: str) -> Reply:
    """GET commits/REF/statuses: the newest first."""
    sha = site.commit(ref)
    shown = [call.shapes.status(status, sha) for status in reversed(site.statuses[sha])]
    return Reply(200, shown, paged=True)


def combined_status(site: Site, call: Call, ref: str) -> Reply:
    """GET commits/REF/status: the last status of each context, and what they make together."""
    sha = site.commit(ref)
    last = {status.context: status for status in site.statuses[sha]}
    return Reply(
        200,
        {
            "state": _together({status.state for status in last.values()}),
            "sha": sha,
            "total_count": len(last),
            "statuses": [call.shapes.status(status, sha) for status in last.values()],
            "repository": call.shapes.repository(site.time.now()),
            "commit_url": f"{call.shapes.here}/commits/{sha}",
            "url": f"{call.shapes.here}/commits/{sha}/status",
        },
        paged="statuses",
    )


def _together(states: set[str]) -> str:
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


ROUTES: Routes = (
    ("GET", r"commits/(?P<ref>.+)/status", combined_status),
    ("GET", r"commits/(?P<ref>.+)/statuses", list_statuses),
    ("POST", r"statuses/(?P<sha>[^/]+)", create_status),
    ("GET", r"statuses/(?P<ref>.+)", list_statuses),
)
