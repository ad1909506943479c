"""What the Git host is asked, and when: looks at pull requests, and at what Redis has lost.

It is asked by one reader, so that a host that is slow, or hangs, holds up nothing but other looks:
a try ends after 10 s, and a look with the first of its calls that failed four times, so that what
a webhook asked for waits for a host that hangs a minute at most. What nobody asked for is no
hurry: it takes turns, one in SPACING, however many are open, inside GitHub's 5,000 calls an hour.
Nor is one pull request looked at for each of the many webhooks of a push: what comes soon after a
look that a webhook asked for is kept until REST is over.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from bot.desired import Desired
from bot.rollout.inbox import Event, Wake
from bot.rollout.pulls import Pulls
from bot.rollout.reading import Reader
from bot.rollout.recalling import Cards, Recalled, Recalling, Strays, Traced
from bot.store import Proposal, Rollout
from gitops.clock import Clock
from gitops.forge import Review

SPACING = timedelta(seconds=5)
"""Time between two looks that nobody asked for: 720 looks, or 2,880 calls, an hour."""

CLOSED = timedelta(minutes=10)
"""How often a closed pull request is looked at: somebody may have reopened it unheard."""


REST = timedelta(milliseconds=500)
"""Least time between two looks at one pull request that webhooks asked for: a card moves within a
second of each, and what a push sets off at once is one look."""


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


@dataclass(slots=True)
class Looks:
    """What is asked for here comes back as an event: Read, Strays or Traced, or Wake, later."""

    pulls: Pulls
    clock: Clock
    reader: Reader = field(default_factory=Reader)
    _woken: dict[int, datetime] = field(default_factory=dict)
    _turns: Turns = field(default_factory=Turns)
    _recalling: Recalling = field(default_factory=Recalling)

    def answering(self, answer: Callable[[Event], None]) -> AbstractContextManager[None]:
        """Let looks be taken; each event goes to `answer`, in a thread of the reader's."""
        return self.reader.answering(answer)

    def ask(self, rollout: Rollout, proposal: Proposal, now: datetime, *, woken: bool) -> None:
        """Let a pull request be looked at: when a webhook told of a change, or in its turn.

        One that is merged is not looked at again. A webhook soon after another wakes once more
        when REST is over, so that the look then begins with what is known by then.
        """
        if rollout.review == Review.MERGED:
            return
        number = proposal.pull_number
        if woken and (before := self._resting(now).get(number)):
            due = partial(self._is_over, before + REST)
            self.reader.ask(f"wake {number}", partial(Wake, number), urgent=True, due=due)
            return
        if woken:
            self._woken[number] = now
        if woken or self._turns.take(rollout, proposal.key, now):
            look = partial(self.pulls.look, rollout, proposal)
            self.reader.ask(proposal.key, look, urgent=woken)

    def _resting(self, now: datetime) -> Mapping[int, datetime]:
        """Return when webhooks had pull requests looked at, of those that rest from it."""
        self._woken = {each: at for each, at in self._woken.items() if now - at < REST}
        return self._woken

    def _is_over(self, at: datetime) -> bool:
        return self.clock.now() >= at

    def ask_for_lost(self, desired: Desired, known: Collection[str], now: datetime) -> None:
        """Let one deployment be traced that nobody follows, and now and then open ones be listed.

        `known` are the keys of those that are followed.
        """
        if self._recalling.lists(now):
            self.reader.ask("open pull requests", self.pulls.strays)
        if lost := self._recalling.next(desired, known):
            self.reader.ask(f"lost {lost.key}", partial(self.pulls.trace, lost))

    def recall(
        self, found: Strays | Traced, desired: Callable[[], Desired], taken: Cards, now: datetime
    ) -> Recalled | None:
        """Return a lost deployment as it is followed again; None where nothing leads back yet.

        Raises:
            BotError: main is not known.
            InvalidRequestError: its llm.yaml or its environment makes no sense.
        """
        if isinstance(found, Strays):
            self._recalling.take(found, now)
            return None
        return self._recalling.recall(found, desired(), taken, now)
