"""Reviews of pull requests, and who is asked for one.

Source: docs.github.com/rest/pulls/reviews and docs.github.com/rest/pulls/review-requests.
"""

from sandbox.github.calls import Call, Reply, Routes
from sandbox.github.errors import RefusedError, invalid_field
from sandbox.github.pull_shapes import pull_json, review_json
from sandbox.github.pulls import Pull, Review
from sandbox.github.site import Site

_EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def list_reviews(site: Site, call: Call, number: str) -> Reply:
    """GET pulls/N/reviews."""
    pull = site.pull(number)
    return Reply(200, [review_json(call.shapes, pull, one) for one in pull.reviews], paged=True)


def create_review(site: Site, call: Call, number: str) -> Reply:
    """POST pulls/N/reviews."""
    event, body = call.body.get("event", "PENDING"), str(call.body.get("body") or "")
    if event not in _EVENTS:
        raise invalid_field("PullRequestReview", "event")
    pull = site.pull(number)
    review = submit(site, pull, call.account.login, event, body)
    return Reply(200, review_json(call.shapes, pull, review))


def submit(site: Site, pull: Pull, login: str, event: str, body: str = "") -> Review:
    """Let somebody review a pull request; nobody approves what is their own."""
    if event in ("APPROVE", "REQUEST_CHANGES") and login == pull.user:
        act = "approve" if event == "APPROVE" else "request changes on"
        raise RefusedError(422, "Unprocessable Entity", [f"Can not {act} your own pull request"])
    now = site.time.now()
    review = Review(site.pulls.next_id(), login, _EVENTS[event], body, pull.head_sha, now)
    pull.reviews.append(review)
    pull.updated_at = now
    if login in pull.requested:
        pull.requested.remove(login)
    site.happened("pull_request_review", "submitted", login, pull=pull, review=review)
    return review


def list_requested(site: Site, call: Call, number: str) -> Reply:
    """GET pulls/N/requested_reviewers."""
    asked = [call.shapes.user(login) for login in site.pull(number).requested]
    return Reply(200, {"users": asked, "teams": []})


def request_reviewers(site: Site, call: Call, number: str) -> Reply:
    """POST pulls/N/requested_reviewers."""
    pull, asked = site.pull(number), _logins(call)
    if pull.user in asked:
        raise RefusedError(422, "Review cannot be requested from pull request author.")
    if set(asked) - site.people:
        reason = (
            "Reviews may only be requested from collaborators. One or more of the users or teams "
            f"you specified is not a collaborator of the {site.place.owner}/{site.place.name} "
            "repository."
        )
        raise RefusedError(422, reason)
    pull.requested += [login for login in dict.fromkeys(asked) if login not in pull.requested]
    return Reply(201, pull_json(call.shapes, pull))


def remove_reviewers(site: Site, call: Call, number: str) -> Reply:
    """DELETE pulls/N/requested_reviewers."""
    pull, gone = site.pull(number), _logins(call)
    pull.requested = [login for login in pull.requested if login not in gone]
    return Reply(200, pull_json(call.shapes, pull))


def _logins(call: Call) -> list[str]:
    given = call.body.get("reviewers")
    if not isinstance(given, list) or not all(isinstance(login, str) for login in given):
        raise invalid_field("PullRequestReviewRequest", "reviewers")
    return given


_REQUESTED = r"pulls/(?P<number>\d+)/requested_reviewers"
ROUTES: Routes = (
    ("GET", r"pulls/(?P<number>\d+)/reviews", list_reviews),
    ("POST", r"pulls/(?P<number>\d+)/reviews", create_review),
    ("GET", _REQUESTED, list_requested),
    ("POST", _REQUESTED, request_reviewers),
    ("DELETE", _REQUESTED, remove_reviewers),
)
