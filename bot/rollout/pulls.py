"""Looks at pull requests, and says on GitHub whether a second person stands behind one.

A look is four calls while the pull request is open and two when it has ended. It belongs to the
thread that reads: nothing is told or remembered here, what was found goes on as a value.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from bot import metrics
from bot.chat import Directory, Person
from bot.desired import Desired
from bot.errors import BotError
from bot.rollout.recalling import Lost, Strays, Traced, name_of
from bot.rollout.reviewing import Looked, Read
from bot.rollout.two_person import BROKEN, Asked, Judged, elsewhere, excuse, judge
from bot.store import Proposal, Rollout
from gitops.clock import Clock
from gitops.errors import GitOpsError, InvalidRequestError
from gitops.forge import Forge, PullRequest, Review, newest
from gitops.past import Past
from gitops.reviews import TWO_PERSON, Check, Reviews, State

_SLACK = "slack:"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pulls:
    """The ports that looking needs. `known` is main as it was read last, `main` its branch."""

    forge: Forge
    reviews: Reviews
    past: Past
    directory: Directory
    known: Callable[[], Desired]
    main: str
    clock: Clock

    def look(self, rollout: Rollout, proposal: Proposal) -> Read:
        """Return how a pull request stands; `rollout` is what is remembered of it.

        Our own status is made to stand on it.

        Raises:
            GitOpsError: the Git host does not answer.
        """
        with metrics.reaching("github"):
            pull = self.forge.pull_request(proposal.pull_number)
        if pull.review is Review.OPEN:
            return Read(pull.number, self._look_at_open(rollout, proposal, pull))
        ends = rollout.review == Review.OPEN  # the last word may have come just before the end
        return Read(pull.number, Looked(pull, self.reviews.given(pull.number) if ends else ()))

    def strays(self) -> Strays:
        """Return the deployments of all open pull requests.

        Raises:
            GitOpsError: the Git host does not answer.
        """
        with metrics.reaching("github"):
            pulls = self.forge.pulls()
        named = [name_of(pull) for pull in pulls]
        return Strays([name for name in named if name])

    def trace(self, lost: Lost) -> Traced:
        """Return what the Git host has of a deployment that nobody follows.

        Raises:
            GitOpsError: the Git host does not answer.
        """
        pull = newest(self.forge, lost.branch)
        if pull is None or pull.metadata is None:
            return Traced(lost)
        trailers = self.reviews.trailers(pull.number)
        if pull.review is not Review.OPEN:
            return Traced(lost, Looked(pull), trailers)
        given, checks = self.reviews.given(pull.number), self.reviews.checks(pull.head)
        return Traced(lost, Looked(pull, given, checks), trailers, self._files(lost, pull))

    def _files(self, lost: Lost, pull: PullRequest) -> Mapping[str, str]:
        """Return what stands at the head; nothing where it is not what one of ours holds."""
        try:
            return self.past.files_at(lost.folder, pull.head)
        except InvalidRequestError as error:
            _log.warning("files left out pull=%s error=%s", pull.number, error)
            return {}

    def _look_at_open(self, rollout: Rollout, proposal: Proposal, pull: PullRequest) -> Looked:
        given, checks = self.reviews.given(pull.number), self.reviews.checks(pull.head)
        looked = Looked(pull, given, checks)
        try:
            judged = self._judged(rollout, proposal, looked)
            if judged is None:
                return looked
            looked = replace(looked, refused=judged.refused)
            marked = self._mark(rollout, looked, judged)
        except (BotError, GitOpsError) as error:  # what people said is told all the same
            _log.warning("status not set pull=%s error=%s", pull.number, error)
            return looked
        own = Check(TWO_PERSON, judged.state)
        return replace(looked, checks=(*_others(looked), own), marked=marked)

    def _judged(self, rollout: Rollout, proposal: Proposal, looked: Looked) -> Judged | None:
        """Return what our status should say; None where nobody asks for one."""
        pull, known = looked.pull, self.known()
        asked = proposal.two_person or _asks(known, proposal.environment)
        if not asked and not any(environment.two_person for environment in known.environments):
            return None
        if pull.base != self.main:  # what is shown and approved there is another change
            return elsewhere(pull.base, self.main)
        if proposal.glass == pull.head:
            return BROKEN
        if asked:
            people = {*_requesters(proposal, pull), *rollout.requesters}
            return self._judge(proposal.environment, people, looked, known)
        head, state, text = [*rollout.marked.split(":", 2), "", ""][:3]
        if head == pull.head and state == State.SUCCESS:
            return Judged(State.SUCCESS, text)  # what a commit changes does not change
        return excuse(proposal.environment, self.reviews.paths(pull.head))

    def _judge(
        self, environment: str, people: Collection[str], looked: Looked, known: Desired
    ) -> Judged:
        asked = Asked(environment, people, self.clock.now(), known.approvers(environment))
        return judge(looked.given, looked.pull.head, asked, known.roles, self._groups_of)

    def _mark(self, rollout: Rollout, looked: Looked, judged: Judged) -> str:
        """Make our status stand, also where somebody else has set it; return what stands."""
        head = looked.pull.head
        mark = f"{head}:{judged.state}:{judged.text}"
        stands = next((c.state for c in looked.checks if c.name == TWO_PERSON), None)
        told = judged is BROKEN or mark == rollout.marked  # the glass' own words may stay
        if not told or stands is not judged.state:
            self.reviews.mark(head, judged.state, judged.text)
        return mark

    def _groups_of(self, person: str, among: frozenset[str]) -> frozenset[str]:
        return self.directory.groups(Person(person, ""), among)


def _asks(known: Desired, environment: str) -> bool:
    """Say whether an environment wants two people now: it may not have when this was proposed.

    Raises:
        InvalidRequestError: its environment.yaml is wrong, so nobody knows.
    """
    there = environment in known.copy.environments()
    return there and known.copy.environment(environment).two_person


def _others(looked: Looked) -> tuple[Check, ...]:
    return tuple(check for check in looked.checks if check.name != TWO_PERSON)


def _requesters(proposal: Proposal, pull: PullRequest) -> Collection[str]:
    """Return everybody who asked: whom we know of, and whom the pull request names."""
    named = pull.metadata.requester if pull.metadata else ""
    there = {named.removeprefix(_SLACK)} if named.startswith(_SLACK) else set()
    return {proposal.requested_by, *there}
