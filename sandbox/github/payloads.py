"""What webhooks carry.

Source: docs.github.com, "Webhook events and payloads": push, pull_request, pull_request_review,
issue_comment, status and check_run; fields that nobody here can know are left out.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.github.check_runs import run_json
from sandbox.github.objects import Commit, FileDiff
from sandbox.github.pull_shapes import comment_json, issue_json, label_json, pull_json, review_json
from sandbox.github.repository import EMPTY_TREE
from sandbox.github.shapes import Json, Shapes, moment
from sandbox.github.site import Happening, Move, Site

_NOTHING = "0" * 40
_MOST_COMMITS = 20

About = Mapping[str, Any]


def payload(site: Site, shapes: Shapes, happening: Happening) -> Json:
    """Return the body of the webhook for what happened."""
    action = {"action": happening.action} if happening.action else {}
    shape = _SHAPES[happening.event]
    return {
        **action,
        **shape(site, shapes, happening.about),
        **_pusher(happening),
        "repository": shapes.repository(site.time.now()),
        "sender": shapes.user(happening.by),
    }


def _pusher(happening: Happening) -> Json:
    if happening.event != "push":
        return {}
    email = f"{happening.by}@users.noreply.github.com"
    return {"pusher": {"name": happening.by, "email": email}}


def _push(site: Site, shapes: Shapes, about: About) -> Json:
    move: Move = about["move"]
    before, after = move.before or _NOTHING, move.sha or _NOTHING
    shown = [_commit(site, shapes, site.repository.commit(sha)) for sha in _new(site, move)]
    return {
        "ref": f"refs/heads/{move.branch}",
        "before": before,
        "after": after,
        "created": move.before is None,
        "deleted": move.sha is None,
        "forced": _forced(site, move),
        "base_ref": None,
        "compare": f"{shapes.page}/compare/{before[:12]}...{after[:12]}",
        "commits": shown,
        "head_commit": _head(site, shapes, move),
    }


def _new(site: Site, move: Move) -> list[str]:
    if move.sha is None:
        return []
    start = move.before or site.branch(site.place.default_branch)
    if start is None or move.sha == start:
        return []
    return site.repository.commits_between(start, move.sha)[-_MOST_COMMITS:]


def _forced(site: Site, move: Move) -> bool:
    if move.before is None or move.sha is None:
        return False
    return not site.repository.is_ancestor(move.before, move.sha)


def _head(site: Site, shapes: Shapes, move: Move) -> Json | None:
    return _commit(site, shapes, site.repository.commit(move.sha)) if move.sha else None


def _commit(site: Site, shapes: Shapes, commit: Commit) -> Json:
    files = site.repository.diff(commit.parents[0] if commit.parents else EMPTY_TREE, commit.sha)
    author, committer = commit.author, commit.committer
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": committer.at.isoformat(),
        "url": f"{shapes.page}/commit/{commit.sha}",
        "author": {"name": author.name, "email": author.email},
        "committer": {"name": committer.name, "email": committer.email},
        "added": _named(files, "added"),
        "removed": _named(files, "removed"),
        "modified": _named(files, "modified", "changed"),
    }


def _named(files: list[FileDiff], *statuses: str) -> list[str]:
    return [diff.path for diff in files if diff.status in statuses]


def _pull(site: Site, shapes: Shapes, about: About) -> Json:  # noqa: ARG001 - one signature
    pull = about["pull"]
    label = {"label": label_json(shapes, about["label"])} if "label" in about else {}
    ends = {name: about[name] for name in ("before", "after", "changes") if name in about}
    shown = {**pull_json(shapes, pull), "merged": pull.merged}
    by = shapes.user(pull.merged_by) if pull.merged_by else None
    whole = {**shown, "merged_by": by, "mergeable": None, "mergeable_state": "unknown"}
    return {"number": pull.number, "pull_request": whole, **label, **ends}


def _review(site: Site, shapes: Shapes, about: About) -> Json:  # noqa: ARG001 - as above
    pull, review = about["pull"], review_json(shapes, about["pull"], about["review"])
    small = {**review, "state": review["state"].lower()}  # webhooks write it in small letters
    return {"review": small, "pull_request": pull_json(shapes, pull)}


def _comment(site: Site, shapes: Shapes, about: About) -> Json:  # noqa: ARG001 - as above
    comment = comment_json(shapes, about["comment"])
    return {"issue": issue_json(shapes, about["pull"]), "comment": comment}


def _status(site: Site, shapes: Shapes, about: About) -> Json:
    status, sha = about["status"], about["sha"]
    heads = site.repository.refs("refs/heads/")
    names = [ref.name.removeprefix("refs/heads/") for ref in heads if ref.sha == sha]
    return {
        "id": status.id,
        "sha": sha,
        "name": f"{site.place.owner}/{site.place.name}",
        "state": status.state,
        "context": status.context,
        "description": status.description,
        "target_url": status.target_url,
        "branches": [{"name": name, "commit": {"sha": sha}} for name in names],
        "created_at": moment(status.at),
        "updated_at": moment(status.at),
        "commit": shapes.commit(site.repository.commit(sha)),
    }


def _check_run(site: Site, shapes: Shapes, about: About) -> Json:
    return {"check_run": run_json(site, shapes, about["check"], about["sha"])}


_SHAPES: Mapping[str, Callable[[Site, Shapes, About], Json]] = {
    "push": _push,
    "pull_request": _pull,
    "pull_request_review": _review,
    "issue_comment": _comment,
    "status": _status,
    "check_run": _check_run,
}
