"""Pull requests, reviews, labels and comments as GitHub sends them.

Source: docs.github.com/rest, pages pulls, pulls/reviews, issues, issues/labels, issues/comments.
"""

from sandbox.github.gate import Standing
from sandbox.github.pulls import Comment, Pull, Review
from sandbox.github.shapes import Json, Shapes, moment, number_of


def pull_json(shapes: Shapes, pull: Pull) -> Json:
    """Return a pull request as lists show it."""
    number, closed = pull.number, moment(pull.closed_at)
    return {
        **_addresses(shapes, number),
        "id": 1_000_000 + number,
        "node_id": f"PR_{number}",
        "number": number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "body": pull.body,
        "user": shapes.user(pull.user),
        "labels": [label_json(shapes, label) for label in pull.labels],
        "draft": pull.draft,
        "created_at": moment(pull.created_at),
        "updated_at": moment(pull.updated_at),
        "closed_at": closed,
        "merged_at": closed if pull.merged else None,
        "merge_commit_sha": pull.merge_commit_sha,
        "assignees": [],
        "requested_reviewers": [shapes.user(login) for login in pull.requested],
        "requested_teams": [],
        "milestone": None,
        "auto_merge": None,
        "author_association": "MEMBER",
        "head": _end(shapes, pull.head, pull.head_sha),
        "base": _end(shapes, pull.base, pull.base_sha),
    }


def whole_pull_json(shapes: Shapes, pull: Pull, changed: Json, standing: Standing) -> Json:
    """Return a pull request as `GET pulls/N` shows it; `changed` counts files and lines."""
    return {
        **pull_json(shapes, pull),
        "merged": pull.merged,
        "merged_by": shapes.user(pull.merged_by) if pull.merged_by else None,
        "mergeable": standing.mergeable,
        "mergeable_state": standing.state,
        "rebaseable": standing.mergeable,
        "comments": len(pull.comments),
        "review_comments": 0,
        "maintainer_can_modify": False,
        **changed,
    }


def issue_json(shapes: Shapes, pull: Pull) -> Json:
    """Return a pull request as the issues API shows it."""
    kept = ("id", "number", "state", "title", "body", "user", "labels", "html_url", "locked")
    dates = ("created_at", "updated_at", "closed_at")
    whole = pull_json(shapes, pull)
    links = ("url", "html_url")
    return {
        "url": whole["issue_url"],
        "comments_url": whole["comments_url"],
        "comments": len(pull.comments),
        **{name: whole[name] for name in (*kept, *dates)},
        "pull_request": {**{name: whole[name] for name in links}, "merged_at": whole["merged_at"]},
    }


def label_json(shapes: Shapes, name: str) -> Json:
    """Return a label."""
    return {
        "id": number_of(f"label {name}"),
        "node_id": f"LA_{number_of(name)}",
        "url": f"{shapes.here}/labels/{name}",
        "name": name,
        "color": "ededed",
        "default": False,
        "description": None,
    }


def review_json(shapes: Shapes, pull: Pull, review: Review) -> Json:
    """Return a review."""
    return {
        "id": review.id,
        "node_id": f"PRR_{review.id}",
        "user": shapes.user(review.user),
        "body": review.body,
        "state": review.state,
        "html_url": f"{shapes.page}/pull/{pull.number}#pullrequestreview-{review.id}",
        "pull_request_url": f"{shapes.here}/pulls/{pull.number}",
        "commit_id": review.commit_id,
        "submitted_at": moment(review.submitted_at),
        "author_association": "MEMBER",
    }


def comment_json(shapes: Shapes, comment: Comment) -> Json:
    """Return a comment in the conversation."""
    return {
        "id": comment.id,
        "node_id": f"IC_{comment.id}",
        "url": f"{shapes.here}/issues/comments/{comment.id}",
        "html_url": f"{shapes.page}/pull/{comment.number}#issuecomment-{comment.id}",
        "issue_url": f"{shapes.here}/issues/{comment.number}",
        "user": shapes.user(comment.user),
        "body": comment.body,
        "created_at": moment(comment.created_at),
        "updated_at": moment(comment.updated_at),
        "author_association": "MEMBER",
    }


def _addresses(shapes: Shapes, number: int) -> Json:
    pull, issue = f"{shapes.here}/pulls/{number}", f"{shapes.here}/issues/{number}"
    page = f"{shapes.page}/pull/{number}"
    return {
        "url": pull,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": f"{pull}/commits",
        "review_comments_url": f"{pull}/comments",
        "comments_url": f"{issue}/comments",
    }


def _end(shapes: Shapes, branch: str, sha: str) -> Json:
    owner = shapes.place.owner
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": shapes.user(owner),
        "repo": {
            "id": number_of(f"{owner}/{shapes.place.name}"),
            "name": shapes.place.name,
            "full_name": f"{owner}/{shapes.place.name}",
            "owner": shapes.user(owner),
            "url": shapes.here,
            "html_url": shapes.page,
            "default_branch": shapes.place.default_branch,
        },
    }
