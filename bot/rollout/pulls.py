"""Looks at pull requests, and says on GitHub whether a second person stands behind one.

A look is at most five calls while the pull request is open and none once it has ended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.chat import Directory, Person
from bot.desired import Desired
from bot.rollout.reviewing import Looked, review
from bot.rollout.step import Step
from bot.rollout.two_person import judge
from bot.store import Proposal, Rollout
from gitops.clock import Clock
from gitops.forge import Forge, PullRequest, Review
from gitops.reviews import Given, Reviews


@dataclass(frozen=True, slots=True)
class Pulls:
    """The ports that looking needs. `known` is main as it was read last."""

    forge: Forge
    reviews: Reviews
    directory: Directory
    known: Callable[[], Desired]
    clock: Clock

    def look(self, rollout: Rollout, proposal: Proposal) -> Step:
        """Return what became of the pull request since the last look.

        Raises:
            GitOpsError: the Git host does not answer.
        """
        if rollout.review == Review.MERGED:
            return Step(rollout)
        pull = self.forge.pull_request(proposal.pull_number)
        if pull.review is not Review.OPEN:
            return review(rollout, Looked(pull), self.clock.now())
        given = self.reviews.given(pull.number)
        marked = self._mark(rollout, proposal, pull, given)
        looked = Looked(pull, given, self.reviews.checks(pull.head))
        step = review(rollout, looked, self.clock.now())
        return replace(step, rollout=replace(step.rollout, marked=marked))

    def _mark(
        self, rollout: Rollout, proposal: Proposal, pull: PullRequest, given: Sequence[Given]
    ) -> str:
        """Make our status stand where the environment wants two people; return what stands."""
        if not proposal.two_person or proposal.glass == pull.head:
            return rollout.marked
        judged = judge(
            given,
            pull.head,
            proposal.requested_by,
            proposal.environment,
            self.known().roles,
            self._groups_of,
        )
        mark = f"{pull.head}:{judged.state}:{judged.text}"
        if mark != rollout.marked:
            self.reviews.mark(pull.head, judged.state, judged.text)
        return mark

    def _groups_of(self, person: str) -> frozenset[str]:
        return self.directory.groups(Person(person, ""), self.known().roles.groups)
