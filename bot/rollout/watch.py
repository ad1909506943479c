"""The watcher: pull requests and clusters in, notices and cards out; one thread decides.

Other threads only read (clusters, the time, wake-up calls) or ask engines; everything they find
goes through one bounded queue to the thread that decides, speaks and remembers. It speaks before it
remembers: after a kill in between, the same news has the same key and is not said again. What could
not be said is looked at again with the next tick.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bot import metrics
from bot.chat import Place
from bot.cluster import Clusters, Contact, Found, Observation, Unit
from bot.desired import Desired
from bot.errors import BotError
from bot.notice import Card, Closed, Merged, Notice, Reopened
from bot.rollout import advance
from bot.rollout.blame import failure, unit_of
from bot.rollout.card import card, note
from bot.rollout.ground import Ground, scopes, survey
from bot.rollout.inbox import Event, Inbox, Tick, Wake, is_about
from bot.rollout.proving import Proof, Prover
from bot.rollout.pulls import Pulls
from bot.rollout.reach import reach
from bot.rollout.recalling import Recalling, keep
from bot.rollout.sight import Sight
from bot.rollout.step import Step
from bot.rollout.watches import Watches
from bot.speaker import Speaker
from bot.store import Cards, Fence, Proposal, Records, Rollout, Wakes
from gitops.clock import Clock
from gitops.errors import GitOpsError

PULSE = 120.0
"""Seconds within which the thread that decides gives a sign of life; Slack may make it wait."""

_OF_PULL = (
    "review", "head", "reviews", "failed", "checks", "marked", "merged_at", "merge", "late",
    "closes",
)  # fmt: skip
_ENDS: Mapping[type[Notice], metrics.Pull] = {
    Merged: metrics.Pull.MERGED,
    Closed: metrics.Pull.CLOSED,
    Reopened: metrics.Pull.REOPENED,
}
_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the watcher reaches; `desired` is main as it was published last."""

    clusters: Clusters
    desired: Callable[[], Desired]
    pulls: Pulls
    records: Records
    cards: Cards
    wakes: Wakes
    speaker: Speaker
    prover: Prover
    clock: Clock


@dataclass(slots=True)
class Watcher:
    """One watch over all clusters, under `fence`: the newest watcher's word counts.

    `alive` is called as long as it goes on, `heard` with an environment whose cluster has answered.
    """

    ports: Ports
    poll_seconds: float
    fence: Fence | None = None
    alive: Callable[[], None] = lambda: None
    heard: Callable[[str], None] = lambda environment: None  # noqa: ARG005 - nobody listens
    _sight: Sight = field(default_factory=Sight)
    _ground: Ground | None = None
    _rollouts: dict[str, Rollout] = field(default_factory=dict)
    _shown: dict[str, Card] = field(default_factory=dict)
    _recalling: Recalling = field(default_factory=Recalling)

    def run(self, *stops: threading.Event) -> None:
        """Watch until one of the events is set."""
        inbox = Inbox(self.ports.clock)
        watches = Watches(self.ports.clusters, inbox.put)
        inbox.read("time", self._read_time)
        inbox.read("wakes", self._read_wakes)
        self._shown = dict(self._said("reading cards", self.ports.cards.cards) or {})
        try:
            with self.ports.prover.answering(inbox.put):
                while not any(stop.is_set() for stop in stops):
                    self.alive()
                    self.handle(inbox.take(), watches)
        finally:
            inbox.close()
            watches.end()

    def _read_time(self) -> Iterator[Event]:
        while True:
            yield Tick()
            self.ports.clock.sleep(self.poll_seconds)

    def _read_wakes(self) -> Iterator[Event]:
        return (Wake(number) for number in self.ports.wakes.numbers())

    def handle(self, events: Sequence[Event], watches: Watches) -> None:
        """Take note of events in their order; proposals are read once for all of them."""
        if not events:
            return
        known = self._said("reading proposals", self.ports.records.proposals)
        proposals = tuple(known or ())
        for event in events:
            self.alive()
            tick, woken = isinstance(event, Tick), isinstance(event, Wake)
            if tick:
                desired = self._survey(proposals, watches)
                if desired is not None and known is not None:
                    proposals += self._said("recalling", self._recall, desired, proposals) or ()
            elif isinstance(event, Found) and not self._take(event, watches):
                continue
            for proposal in proposals:
                if is_about(event, proposal, self._context):
                    self._said(proposal.key, self._look, event, proposal)
                    self._said(proposal.key, self._show, proposal, tick or woken)

    def _survey(self, proposals: Collection[Proposal], watches: Watches) -> Desired | None:
        """Watch what main says now; while that is not known, what it said before."""
        desired = self._said("reading main", self.ports.desired)
        if desired is not None:
            self._ground = survey(desired, self._ground)
        if self._ground is not None:
            for scope in watches.keep(scopes(self._ground, proposals)):
                self._sight.forget(scope)
        return desired

    def _recall(self, desired: Desired, known: Collection[Proposal]) -> tuple[Proposal, ...]:
        """Follow again what main holds and Redis has lost; one deployment a tick."""
        keys, now = {proposal.key for proposal in known}, self.ports.clock.now()
        found = self._recalling.recall(desired, keys, self.ports.pulls, now)
        if found is None or not keep(found, self.ports.records, self.fence):
            return ()
        self._rollouts[found.proposal.key] = found.rollout
        _log.info("recalled key=%s pull=%s", found.proposal.key, found.proposal.pull_number)
        return (found.proposal,)

    def _take(self, found: Found, watches: Watches) -> bool:
        """Keep what a cluster showed, unless its watch has ended; return whether it did."""
        if not watches.hold(found):
            return False
        self._sight.take(found, self.ports.clock.now)
        if isinstance(found, Contact) and found.ok and self._ground:
            for environment in self._ground.of_context(found.context):
                self.heard(environment)
        return True

    def _look(self, event: Event, proposal: Proposal) -> None:
        if isinstance(event, Proof):
            self._take_proof(proposal, event)
            return
        if isinstance(event, Tick | Wake):
            self._look_at_pull(proposal, woken=isinstance(event, Wake))
        if isinstance(event, Tick | Unit):
            self._wait(proposal)
        if isinstance(event, Tick):
            self._reach(proposal)
        self._look_at_cluster(proposal)

    def _look_at_pull(self, proposal: Proposal, *, woken: bool) -> None:
        """Look on GitHub; when that does not answer, the cluster is looked at all the same."""

        def look() -> None:
            rollout = self._rollout(proposal)
            self._tell(proposal, self.ports.pulls.look(rollout, proposal, woken=woken))

        self._said(f"pull request {proposal.pull_number}", look)

    def _wait(self, proposal: Proposal) -> None:
        rollout, now = self._rollout(proposal), self.ports.clock.now()
        mains = {rollout.merge} if rollout.merge else set()
        ground = self._ground
        if ground and rollout.merged_at and ground.at.isoformat() >= rollout.merged_at:
            mains.add(ground.commit)
        said = failure(self._unit(proposal), rollout, mains, now)
        self._tell(proposal, advance.wait(rollout, proposal, now, said))

    def _reach(self, proposal: Proposal) -> None:
        context = self._context(proposal)
        if context is None or not self._sight.tried(context, proposal.namespace):
            return
        lost = self._sight.lost_at(context, proposal.namespace)
        now = self.ports.clock.now()
        self._tell(proposal, reach(self._rollout(proposal), proposal, lost, now))

    def _look_at_cluster(self, proposal: Proposal) -> None:
        seen = self._seen(proposal)
        if seen is None:
            return
        self._tell(proposal, advance.observe(self._rollout(proposal), proposal, seen))
        self._ask(proposal, seen)

    def _ask(self, proposal: Proposal, seen: Observation) -> None:
        """Let leaders be asked: those that have not answered, and the others on their schedule."""
        if seen.deleted:
            return
        rollout = self._rollout(proposal)
        for leader in advance.unproved(rollout, seen):
            self.ports.prover.ask(seen, leader)
        for leader in advance.proved(rollout, seen):
            self.ports.prover.ask_again(seen, leader)

    def _take_proof(self, proposal: Proposal, proof: Proof) -> None:
        seen = self._seen(proposal)
        if seen is None:
            return
        rollout = self._rollout(proposal)
        if proof.first_token is None:
            step = advance.unanswered(rollout, seen, proof.group, proof.leader, proof.why)
        else:
            step = advance.prove(rollout, seen, proof.group, proof.leader, proof.first_token)
        self._tell(proposal, step)

    def _context(self, proposal: Proposal) -> str | None:
        return self._ground.context(proposal.environment) if self._ground else None

    def _seen(self, proposal: Proposal) -> Observation | None:
        context = self._context(proposal)
        if context is None:
            return None
        return self._sight.seen(context, proposal.namespace, proposal.name)

    def _unit(self, proposal: Proposal) -> Unit | None:
        context = self._context(proposal)
        return None if context is None else unit_of(self._sight.units_of(context), proposal)

    def _known(self, proposal: Proposal) -> Rollout | None:
        """Return what is remembered; nobody else writes it, so it is read once."""
        known = self._rollouts.get(proposal.key) or self.ports.records.rollout(proposal.key)
        if known is not None:
            self._rollouts[proposal.key] = known
        return known

    def _rollout(self, proposal: Proposal) -> Rollout:
        known, fresh = self._known(proposal), Rollout(proposal.pull_number)
        if known is None or known.pull_number == proposal.pull_number:
            return known or fresh
        anew = {name: getattr(fresh, name) for name in _OF_PULL}
        return replace(known, pull_number=fresh.pull_number, **anew)  # what runs goes on

    def _tell(self, proposal: Proposal, step: Step) -> None:
        thread = Place(proposal.channel, proposal.card)
        for news in step.news:
            self.ports.speaker.say(thread, news.key, news.notice)
            if ended := _ENDS.get(type(news.notice)):
                metrics.pulled(ended)
        if step.rollout != self._known(proposal):
            self.ports.records.advance(proposal.key, step.rollout, self.fence)
            self._rollouts[proposal.key] = step.rollout

    def _show(self, proposal: Proposal, tick: bool) -> None:  # noqa: FBT001 - passed on by _said
        """Edit the card: at once when its phase or its pull request has changed, else with a tick.

        A rollout changes pods many times a second, and Slack allows 50 edits a minute. After a
        start, a card of what runs waits for the cluster's first answer.
        """
        shown, wanted = self._shown.get(proposal.key), self._wanted(proposal)
        if wanted is None or wanted == shown:
            return
        if tick or shown is None or shown.phase != wanted.phase:
            self.ports.speaker.chat.update(Place(proposal.channel), proposal.card, wanted)
            self.ports.cards.show(proposal.key, wanted)
            self._shown[proposal.key] = wanted

    def _wanted(self, proposal: Proposal) -> Card | None:
        """Return the card as it should read; None while what it should say is not known."""
        seen, rollout, unit = self._seen(proposal), self._known(proposal), self._unit(proposal)
        merged = rollout is not None and bool(rollout.merged_at)
        said = unit.failure if unit and merged else ""
        if seen is None and rollout and (rollout.uid or rollout.recalled):
            shown = self._shown.get(proposal.key)
            return replace(shown, note=note(rollout, None, said)) if shown else None
        return card(proposal, rollout, seen, said)

    def _said(self, what: str, look: Callable[..., T], *given: object) -> T | None:
        """Look; what is unreachable is logged, and the next tick looks again."""
        try:
            return look(*given)
        except (BotError, GitOpsError) as error:
            _log.warning("watching what=%s error=%s", what, error)
            return None
