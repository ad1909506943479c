"""Labels and the conversation of pull requests, which GitHub keeps as issues.

Source: docs.github.com/rest/issues (issues, labels, comments).
"""

from sandbox.github.calls import Call, Reply, Routes
from sandbox.github.errors import RefusedError, invalid_field, not_found
from sandbox.github.pull_shapes import comment_json, issue_json, label_json
from sandbox.github.pulls import Comment, Pull
from sandbox.github.site import Site


def get_issue(site: Site, call: Call, number: str) -> Reply:
    """GET issues/N."""
    return Reply(200, issue_json(call.shapes, site.pull(number)))


def list_labels(site: Site, call: Call, number: str) -> Reply:
    """GET issues/N/labels."""
    return _labels(call, site.pull(number), 200)


def add_labels(site: Site, call: Call, number: str) -> Reply:
    """POST issues/N/labels: adds to what is there."""
    pull, given = site.pull(number), call.body.get("labels")
    if not isinstance(given, list) or not all(isinstance(label, str) for label in given):
        raise invalid_field("Label", "name")
    for label in dict.fromkeys(given):
        if label not in pull.labels:
            pull.labels.append(label)
            site.pull_happened("labeled", pull, call.account.login, label=label)
    return _labels(call, pull, 200)


def remove_label(site: Site, call: Call, number: str, name: str) -> Reply:
    """DELETE issues/N/labels/NAME."""
    pull = site.pull(number)
    if name not in pull.labels:
        raise RefusedError(404, "Label does not exist")
    pull.labels.remove(name)
    site.pull_happened("unlabeled", pull, call.account.login, label=name)
    return _labels(call, pull, 200)


def list_comments(site: Site, call: Call, number: str) -> Reply:
    """GET issues/N/comments: the oldest first."""
    comments = site.pull(number).comments
    return Reply(200, [comment_json(call.shapes, one) for one in comments], paged=True)


def create_comment(site: Site, call: Call, number: str) -> Reply:
    """POST issues/N/comments."""
    pull, now = site.pull(number), site.time.now()
    comment = Comment(
        id=site.pulls.next_id(),
        number=pull.number,
        user=call.account.login,
        body=call.words("body", "IssueComment"),
        created_at=now,
        updated_at=now,
    )
    pull.comments.append(comment)
    pull.updated_at = now
    site.happened("issue_comment", "created", comment.user, pull=pull, comment=comment)
    return Reply(201, comment_json(call.shapes, comment))


def get_comment(site: Site, call: Call, comment_id: str) -> Reply:
    """GET issues/comments/ID."""
    return Reply(200, comment_json(call.shapes, _comment(site, comment_id)))


def update_comment(site: Site, call: Call, comment_id: str) -> Reply:
    """PATCH issues/comments/ID: only one's own."""
    comment = _comment(site, comment_id)
    if comment.user != call.account.login:
        raise RefusedError(403, "Must have admin rights to Repository.")
    comment.body, comment.updated_at = call.words("body", "IssueComment"), site.time.now()
    pull = site.pull(str(comment.number))
    site.happened("issue_comment", "edited", comment.user, pull=pull, comment=comment)
    return Reply(200, comment_json(call.shapes, comment))


def _labels(call: Call, pull: Pull, status: int) -> Reply:
    return Reply(status, [label_json(call.shapes, label) for label in pull.labels], paged=True)


def _comment(site: Site, comment_id: str) -> Comment:
    found = site.pulls.comment(int(comment_id))
    if found is None:
        raise not_found()
    return found


ROUTES: Routes = (
    ("GET", r"issues/(?P<number>\d+)", get_issue),
    ("GET", r"issues/(?P<number>\d+)/labels", list_labels),
    ("POST", r"issues/(?P<number>\d+)/labels", add_labels),
    ("DELETE", r"issues/(?P<number>\d+)/labels/(?P<name>.+)", remove_label),
    ("GET", r"issues/(?P<number>\d+)/comments", list_comments),
    ("POST", r"issues/(?P<number>\d+)/comments", create_comment),
    ("GET", r"issues/comments/(?P<comment_id>\d+)", get_comment),
    ("PATCH", r"issues/comments/(?P<comment_id>\d+)", update_comment),
)
