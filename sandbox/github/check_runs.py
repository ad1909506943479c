"""Check runs of somebody's CI, another App: read through the API, told by webhooks.

Sources: docs.github.com/rest/checks/runs ("List check runs for a Git reference") and "Webhook
events and payloads", check_run.
"""

from sandbox.github.calls import Call, Reply, Routes
from sandbox.github.pulls import Pull
from sandbox.github.shapes import Json, Shapes, moment, number_of
from sandbox.github.site import Check, Site

CI = "ci-app[bot]"
"""Who runs the checks."""

STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = (
    "action_required", "cancelled", "failure", "neutral", "skipped", "success", "timed_out",
)  # fmt: skip


def run(site: Site, ref: str, name: str, conclusion: str, status: str) -> None:
    """Let CI make a check run of that name, or bring its last one on that is not completed.

    Raises:
        ValueError: a status or conclusion that GitHub does not have.
    """
    done = status == "completed"
    if status not in STATUSES or (done and conclusion not in CONCLUSIONS):
        known = ", ".join((*STATUSES, *CONCLUSIONS))
        raise ValueError(f"no check run is {status} {conclusion}; there are: {known}")
    sha, now = site.commit(ref), site.time.now()
    runs = site.checks[sha]
    last = next((n for n, one in enumerate(runs) if one.name == name and not one.conclusion), None)
    begun = runs.pop(last) if last is not None else None
    number, at = (begun.id, begun.at) if begun else (site.pulls.next_id(), now)
    made = Check(number, name, conclusion if done else None, at, status, now if done else None)
    runs.append(made)
    action = "completed" if done else "created"
    site.happened("check_run", action, CI, check=made, sha=sha)


def list_runs(site: Site, call: Call, ref: str) -> Reply:
    """GET commits/REF/check-runs: the last run of each name, or all with `filter=all`."""
    sha, query = site.commit(ref), call.query
    runs = site.checks[sha][::-1]
    if query.get("filter", "latest") == "latest":
        runs = list({one.name: one for one in reversed(runs)}.values())
    for name, wanted in (("check_name", "name"), ("status", "status")):
        runs = [one for one in runs if query.get(name) in (None, getattr(one, wanted))]
    shown = [run_json(site, call.shapes, one, sha) for one in runs]
    return Reply(200, {"total_count": len(shown), "check_runs": shown}, paged="check_runs")


def run_json(site: Site, shapes: Shapes, check: Check, sha: str) -> Json:
    """Return a check run; `pull_requests` are the open ones that end in its commit."""
    pulls = [pull for pull in site.pulls if pull.state == "open" and pull.head_sha == sha]
    return {
        "id": check.id,
        "node_id": f"CR_{check.id}",
        "name": check.name,
        "head_sha": sha,
        "external_id": "",
        "status": check.status,
        "conclusion": check.conclusion,
        "url": f"{shapes.here}/check-runs/{check.id}",
        "html_url": f"{shapes.page}/runs/{check.id}",
        "details_url": f"{shapes.page}/runs/{check.id}",
        "started_at": moment(check.at),
        "completed_at": moment(check.completed_at),
        "check_suite": {"id": number_of(sha)},
        "pull_requests": [_pull(shapes, pull) for pull in pulls],
    }


def _pull(shapes: Shapes, pull: Pull) -> Json:
    name = shapes.place.name
    repo = {"id": number_of(f"{shapes.place.owner}/{name}"), "url": shapes.here, "name": name}
    return {
        "id": 1_000_000 + pull.number,
        "number": pull.number,
        "url": f"{shapes.here}/pulls/{pull.number}",
        "head": {"ref": pull.head, "sha": pull.head_sha, "repo": repo},
        "base": {"ref": pull.base, "sha": pull.base_sha, "repo": repo},
    }


ROUTES: Routes = (("GET", r"commits/(?P<ref>.+)/check-runs", list_runs),)
