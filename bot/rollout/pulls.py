"""Looks at pull requests, and says on GitHub whether a second person stands behind one.

A look is four calls while the pull request is open and two when it has ended; a merged one is not
looked at again. GitHub allows 5,000 calls an hour, and what was lost of the webhook is no hurry: so
looks that no webhook asked for take turns, one in SPACING seconds, however many are open.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.chat import Directory, Person
from bot.desired import Desired
from bot.errors import BotError
from bot.rollout.reviewing import Looked, review
from bot.rollout.step import Step
from bot.rollout.two_person import BROKEN, Asked, Judged, excuse, judge
from bot.store import Proposal, Rollout
from gitops.clock import Clock
from gitops.errors import GitOpsError
from gitops.forge import Forge, PullRequest, Review
from gitops.reviews import TWO_PERSON, Check, Reviews, State

SPACING = timedelta(seconds=5)
"""Time between two looks that nobody asked for: 720 looks, or 2,880 calls, an hour."""

CLOSED = timedelta(minutes=10)
"""How often a closed pull request is looked at: somebody may have reopened it unheard."""

_SLACK = "slack:"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Turns:
    """When each deployment's pull request is looked at next, unasked."""

    _next: dict[str, tuple[int, bool, datetime]] = field(default_factory=dict)
    _last: datetime | None = None

    def take(self, rollout: Rollout, key: str, now: datetime) -> bool:
        """Return whether it is its turn, and give it the next one if so."""
        number, closed = rollout.pull_number, rollout.review == Review.CLOSED
        known = self._next.get(key)
        if known and known[:2] == (number, closed) and now < known[2]:
            return False
        if closed:
            self._next[key] = (number, closed, now + CLOSED)
            return True
        self._last = max(self._last or now, now) + SPACING
        self._next[key] = (number, closed, self._last)
        return True


@dataclass(frozen=True, slots=True)
class Pulls:
    """The ports that looking needs. `known` is main as it was read last."""

    forge: Forge
    reviews: Reviews
    directory: Directory
    known: Callable[[], Desired]
    clock: Clock
    _turns: Turns = field(default_factory=Turns)

    def look(self, rollout: Rollout, proposal: Proposal, *, woken: bool = True) -> Step:
        """Return what became of the pull request since the last look; nothing when it is no turn.

        `woken` says that a webhook told of a change, so that it is looked at in any case.

        Raises:
            GitOpsError: the Git host does not answer.
        """
        if rollout.review == Review.MERGED:
            return Step(rollout)
        now = self.clock.now()
        if not woken and not self._turns.take(rollout, proposal.key, now):
            return Step(rollout)
        pull = self.forge.pull_request(proposal.pull_number)
        if pull.review is Review.OPEN:
            return self._look_at_open(rollout, proposal, pull, now)
        ends = rollout.review == Review.OPEN  # the last word may have come just before the end
        given = self.reviews.given(pull.number) if ends else ()
        return review(rollout, Looked(pull, given), now)

    def newest(self, branch: str) -> Looked | None:
        """Return the newest pull request of a branch as it stands; None when it has none.

        Raises:
            GitOpsError: the Git host does not answer.
        """
        pull = self.forge.newest(branch)
        if pull is None:
            return None
        if pull.review is not Review.OPEN:
            return Looked(pull)
        return Looked(pull, self.reviews.given(pull.number), self.reviews.checks(pull.head))

    def _look_at_open(
        self, rollout: Rollout, proposal: Proposal, pull: PullRequest, now: datetime
    ) -> Step:
        given, checks = self.reviews.given(pull.number), self.reviews.checks(pull.head)
        looked, marked = Looked(pull, given, checks), rollout.marked
        try:
            judged = self._judged(rollout, proposal, looked)
            if judged:
                marked = self._mark(rollout, looked, judged)
                own = Check(TWO_PERSON, judged.state)
                looked = replace(looked, checks=(*_others(looked), own))
        except (BotError, GitOpsError) as error:  # what people said is told all the same
            _log.warning("status not set pull=%s error=%s", pull.number, error)
        step = review(rollout, looked, now)
        return replace(step, rollout=replace(step.rollout, marked=marked))

    def _judged(self, rollout: Rollout, proposal: Proposal, looked: Looked) -> Judged | None:
        """Return what our status should say; None where nobody asks for one."""
        pull, known = looked.pull, self.known()
        if proposal.glass == pull.head:
            return BROKEN
        if proposal.two_person:
            asked = Asked(proposal.environment, _requesters(proposal, pull))
            return judge(looked.given, pull.head, asked, known.roles, self._groups_of)
        if not any(environment.two_person for environment in known.environments):
            return None
        head, state, text = [*rollout.marked.split(":", 2), "", ""][:3]
        if head == pull.head and state == State.SUCCESS:
            return Judged(State.SUCCESS, text)  # what a commit changes does not change
        return excuse(proposal.environment, self.reviews.paths(pull.number))

    def _mark(self, rollout: Rollout, looked: Looked, judged: Judged) -> str:
        """Make our status stand, also where somebody else has set it; return what stands."""
        head = looked.pull.head
        mark = f"{head}:{judged.state}:{judged.text}"
        stands = next((c.state for c in looked.checks if c.name == TWO_PERSON), None)
        told = judged is BROKEN or mark == rollout.marked  # the glass' own words may stay
        if not told or stands is not judged.state:
            self.reviews.mark(head, judged.state, judged.text)
        return mark

    def _groups_of(self, person: str) -> frozenset[str]:
        return self.directory.groups(Person(person, ""), self.known().roles.groups)


def _others(looked: Looked) -> tuple[Check, ...]:
    return tuple(check for check in looked.checks if check.name != TWO_PERSON)


def _requesters(proposal: Proposal, pull: PullRequest) -> Collection[str]:
    """Return everybody who asked: whom we know of, and whom the pull request names."""
    named = pull.metadata.requester if pull.metadata else ""
    there = {named.removeprefix(_SLACK)} if named.startswith(_SLACK) else set()
    return {proposal.requested_by, *there}
