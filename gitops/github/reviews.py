"""Adapter: the Reviews port over GitHub's REST API.

Checks are the newest status of each context and the newest run of each check. Sources:
docs.github.com/rest, pulls/reviews, commits/statuses ("combined status") and checks/runs.
"""

from collections.abc import Iterator, Sequence

from github.PullRequestReview import PullRequestReview

from gitops.clock import Clock
from gitops.github.budget import shared_budget
from gitops.github.connection import Connection
from gitops.reviews import TWO_PERSON, Check, Given, State, Verdict
from gitops.settings import ForgeSettings

_VERDICTS = {
    "APPROVED": Verdict.APPROVED,
    "CHANGES_REQUESTED": Verdict.CHANGES,
    "COMMENTED": Verdict.COMMENTED,
    "DISMISSED": Verdict.DISMISSED,
}
_GOOD = frozenset({"success", "neutral", "skipped"})
_DESCRIPTION = 140  # characters of a status that GitHub takes


class GithubReviews:
    """Reviews and checks of one repository. For one thread, as GithubForge is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def connect(cls, settings: ForgeSettings, clock: Clock) -> "GithubReviews":
        """Return reviews for the settings; no call is made yet."""
        return cls(Connection(settings, clock, shared_budget(settings, clock)))

    def given(self, number: int) -> Sequence[Given]:
        """Return the reviews of a pull request; see the port."""
        return self._connection.run(
            f"reading the reviews of #{number}",
            lambda: [
                _given(review)
                for review in self._connection.repository.get_pull(number).get_reviews()
                if review.state in _VERDICTS
            ],
        )

    def checks(self, commit: str) -> Sequence[Check]:
        """Return the checks of a commit; see the port."""
        return self._connection.run(
            f"reading the checks of {commit[:12]}",
            lambda: sorted(self._checks(commit), key=lambda check: check.name),
        )

    def mark(self, commit: str, state: State, text: str) -> None:
        """Make our own status stand; see the port."""
        self._connection.run(
            f"setting {TWO_PERSON} on {commit[:12]}", lambda: self._mark(commit, state, text)
        )

    def _checks(self, commit: str) -> Iterator[Check]:
        found = self._connection.repository.get_commit(commit)
        for status in found.get_combined_status().statuses:
            known = status.state if status.state in set(State) else State.FAILURE  # error
            yield Check(status.context, State(known))
        for run in found.get_check_runs():
            done = run.status == "completed"
            good = State.SUCCESS if run.conclusion in _GOOD else State.FAILURE
            yield Check(run.name, good if done else State.PENDING)

    def _mark(self, commit: str, state: State, text: str) -> None:
        found = self._connection.repository.get_commit(commit)
        shown = text[:_DESCRIPTION]
        said = {s.context: (s.state, s.description) for s in found.get_combined_status().statuses}
        if said.get(TWO_PERSON) == (state.value, shown):
            return
        self._connection.writing(
            lambda: found.create_status(state.value, description=shown, context=TWO_PERSON)
        )


def _given(review: PullRequestReview) -> Given:
    by = review.user.login if review.user else ""
    verdict = _VERDICTS[review.state]
    return Given(review.id, by, verdict, review.body or "", review.commit_id or "")
