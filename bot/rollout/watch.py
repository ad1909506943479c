"""The watcher: pull requests and clusters in, notices and cards out; one thread decides.

Other threads only read (clusters, the Git host, the time, wake-up calls) or ask engines; what they
find goes through one bounded queue to the thread that decides, speaks and remembers. It speaks
before it remembers: after a kill in between, the same news has the same key and is not said again.
What could not be said is looked at again with the next tick.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bot import metrics
from bot.chat import Place
from bot.cluster import Clusters, Contact, Found, Observation, Unit
from bot.desired import Desired
from bot.errors import BotError
from bot.notice import Card, Closed, Merged, Notice, Reopened
from bot.rollout import advance
from bot.rollout.ages import Ages
from bot.rollout.blame import failure, unit_of
from bot.rollout.card import card, note, phase, same
from bot.rollout.followed import Followed, about, follow
from bot.rollout.ground import Ground, places, scopes, survey
from bot.rollout.groups import lose
from bot.rollout.inbox import Event, Inbox, Tick, Wake, ticks
from bot.rollout.looks import Looks
from bot.rollout.proving import Proof, Prover
from bot.rollout.reach import reach
from bot.rollout.recalling import Strays, Traced
from bot.rollout.reviewing import Read, anew, review
from bot.rollout.sight import Sight
from bot.rollout.step import Step
from bot.rollout.watches import Watches
from bot.speaker import Speaker
from bot.store import Cards, Fence, Proposal, Records, Rollout, Wakes
from gitops.clock import Clock
from gitops.errors import GitOpsError
from gitops.forge import Review

PULSE = 120.0
"""Seconds within which the thread that decides gives a sign of life; Slack may make it wait."""

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
    looks: Looks
    records: Records
    cards: Cards
    wakes: Wakes
    speaker: Speaker
    prover: Prover
    clock: Clock


@dataclass(slots=True)
class Watcher:
    """One watch over all clusters, under `fence`: the newest watcher's word counts.

    `alive` is called as long as it goes on, `ages` follows how long clusters have been silent.
    """

    ports: Ports
    poll_seconds: float
    fence: Fence | None = None
    alive: Callable[[], None] = lambda: None
    ages: Ages = field(default_factory=Ages)
    _sight: Sight = field(default_factory=Sight)
    _ground: Ground | None = None
    _followed: Followed = field(default_factory=Followed)
    _rollouts: dict[str, Rollout] = field(default_factory=dict)
    _shown: dict[str, Card] = field(default_factory=dict)

    def run(self, *stops: threading.Event) -> None:
        """Watch until one of the events is set."""
        inbox = Inbox(self.ports.clock)
        watches = Watches(self.ports.clusters, inbox.put)
        inbox.read("time", lambda: ticks(self.ports.clock, self.poll_seconds))
        inbox.read("wakes", lambda: map(Wake, self.ports.wakes.numbers()))
        self._shown = dict(self._said("reading cards", self.ports.cards.cards) or {})
        try:
            with self.ports.prover.answering(inbox.put), self.ports.looks.answering(inbox.put):
                while not any(stop.is_set() for stop in stops):
                    self.alive()
                    self.handle(inbox.take(), watches)
        finally:
            inbox.close()
            watches.end()

    def handle(self, events: Sequence[Event], watches: Watches) -> None:
        """Take note of events in their order; proposals are read once for all of them."""
        # Clusters and engines tell much, and can wait for what a tick or a wake-up reads.
        known = all(isinstance(event, Found | Proof) for event in events) or self._read_proposals()
        for event in events:
            self.alive()
            if isinstance(event, Tick):
                self._survey(self._followed.all, watches, lost=known)
            elif isinstance(event, Strays | Traced):
                self._said("recalling", self._recall, event)
            elif isinstance(event, Found) and not self._take(event, watches):
                continue
            for proposal in about(event, self._followed, self._context):
                self._said(proposal.key, self._look, event, proposal)
                self._said(proposal.key, self._show, proposal, isinstance(event, Tick | Read))

    def _read_proposals(self) -> bool:
        """Read every proposal, and return whether that worked; else those of before count."""
        read = self._said("reading proposals", self.ports.records.proposals)
        self._followed = self._followed if read is None else follow(read)
        return read is not None

    def _survey(self, known: Collection[Proposal], watches: Watches, *, lost: bool) -> None:
        """Watch what main says now; while that is not known, what it said before.

        `lost` says to look for what nobody follows: one deployment a tick.
        """
        desired = self._said("reading main", self.ports.desired)
        if desired is not None:
            self._ground = survey(desired, self._ground)
        if self._ground is not None:
            self.ages.watch(places(self._ground, known))
            for scope in watches.keep(scopes(self._ground, known)):
                self._sight.forget(scope)
        if desired is not None and lost:
            self.ports.looks.ask_for_lost(desired, {p.key for p in known}, self.ports.clock.now())

    def _recall(self, event: Strays | Traced) -> None:
        """Follow again what was found of a lost deployment, unless a worker was faster."""
        now, looks, records = self.ports.clock.now(), self.ports.looks, self.ports.records
        taken = {(proposal.channel, proposal.card) for proposal in self._followed.all}
        found = looks.recall(event, self.ports.desired, taken, now)
        if found is None or not records.recall(found.proposal, found.rollout, self.fence):
            return
        self._rollouts[found.proposal.key] = found.rollout
        _log.info("recalled key=%s pull=%s", found.proposal.key, found.proposal.pull_number)
        self._followed = follow((*self._followed.all, found.proposal))

    def _take(self, found: Found, watches: Watches) -> bool:
        """Keep what a cluster showed, unless its watch has ended; return whether it did."""
        if not watches.hold(found):
            return False
        self._sight.take(found, self.ports.clock.now)
        if isinstance(found, Contact) and found.ok:
            self.ages.hear((found.context, found.namespace))
        return True

    def _look(self, event: Event, proposal: Proposal) -> None:
        if isinstance(event, Proof):
            self._take_proof(proposal, event)
            return
        if isinstance(event, Tick | Wake):
            now, woken = self.ports.clock.now(), isinstance(event, Wake)
            self.ports.looks.ask(self._rollout(proposal), proposal, now, woken=woken)
        if isinstance(event, Read) and self._rollout(proposal).review != Review.MERGED:
            now = self.ports.clock.now()  # one from before the merge would come too late
            self._tell(proposal, review(self._rollout(proposal), event.looked, now))
        if isinstance(event, Tick | Unit):
            self._wait(proposal)
        if isinstance(event, Tick):
            self._reach(proposal)
        self._look_at_cluster(event, proposal)

    def _wait(self, proposal: Proposal) -> None:
        now, main = self.ports.clock.now(), self._main(proposal)
        rollout = advance.expect(self._rollout(proposal), proposal, now, main)
        mains = {rollout.merge} if rollout.merge else set()
        if self._ground and main is not None:
            mains.add(self._ground.commit)
        since = replace(rollout, merged_at=rollout.behind)  # for what is awaited, whoever asked
        said = failure(self._unit(proposal), since, mains, now)
        self._tell(proposal, advance.wait(rollout, proposal, now, said, main))

    def _reach(self, proposal: Proposal) -> None:
        context = self._context(proposal)
        if context is None or not self._sight.tried(context, proposal.namespace):
            return
        lost, now = self._sight.lost_at(context, proposal.namespace), self.ports.clock.now()
        self._tell(proposal, reach(self._rollout(proposal), proposal, lost, now))

    def _look_at_cluster(self, event: Event, proposal: Proposal) -> None:
        seen, main = self._seen(proposal), self._main(proposal)
        if seen is None:
            return
        self._tell(proposal, advance.observe(self._rollout(proposal), proposal, seen, main))
        if isinstance(event, Tick):
            self._tell(proposal, lose(self._rollout(proposal), seen, self.ports.clock.now()))
        self._ask(proposal, seen)

    def _ask(self, proposal: Proposal, seen: Observation) -> None:
        """Let leaders be asked: those that have not answered, and the others on their schedule."""
        if seen.deleted:
            return
        rollout = self._rollout(proposal)
        for leader in advance.unproved(rollout, seen):
            self.ports.prover.ask(proposal.environment, seen, leader)
        for leader in advance.proved(rollout, seen):
            self.ports.prover.ask_again(proposal.environment, seen, leader)

    def _take_proof(self, proposal: Proposal, proof: Proof) -> None:
        seen, rollout = self._seen(proposal), self._rollout(proposal)
        if seen is None:
            return
        if proof.first_token is None:
            unanswered = advance.shut if proof.shut else advance.unanswered
            step = unanswered(rollout, seen, proof.group, proof.leader, proof.why)
        else:
            step = advance.prove(rollout, seen, proof.group, proof.leader, proof.first_token)
        self._tell(proposal, step)

    def _context(self, proposal: Proposal) -> str | None:
        return self._ground.context(proposal.environment) if self._ground else None

    def _main(self, proposal: Proposal) -> str | None:
        """Return the state that main has of a deployment; None where it was read too long ago."""
        ground, since = self._ground, self._rollout(proposal).merged_at
        return ground.state(proposal.key, since) if ground else None

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
        known, number = self._known(proposal), proposal.pull_number
        if known is None:
            return Rollout(number)
        return known if known.pull_number == number else anew(known, number)

    def _tell(self, proposal: Proposal, step: Step) -> None:
        thread = Place(proposal.channel, proposal.card)
        for news in step.news:
            self.ports.speaker.say(thread, news.key, news.notice)
            if ended := _ENDS.get(type(news.notice)):
                metrics.pulled(ended)
        if step.rollout != self._known(proposal):
            self.ports.records.advance(proposal.key, step.rollout, self.fence)
            self._rollouts[proposal.key] = step.rollout

    def _show(self, proposal: Proposal, now: bool) -> None:  # noqa: FBT001 - passed on by _said
        """Edit the card: at once when its phase or its pull request has changed, else with a tick.

        A rollout changes pods many times a second, and Slack allows 50 edits a minute. After a
        start, a card of what runs waits for the cluster's first answer.
        """
        shown, rollout = self._shown.get(proposal.key), self._rollout(proposal)
        seen, main = self._seen(proposal), self._main(proposal)
        if shown and not now and shown.phase == phase(proposal, rollout, seen, main):
            return
        wanted = self._wanted(proposal)
        if wanted is None or (shown and same(wanted, shown)):
            return
        self.ports.speaker.chat.update(Place(proposal.channel), proposal.card, wanted)
        self.ports.cards.show(proposal.key, wanted)
        self._shown[proposal.key] = wanted

    def _wanted(self, proposal: Proposal) -> Card | None:
        """Return the card as it should read; None while what it should say is not known."""
        seen, rollout, unit = self._seen(proposal), self._rollout(proposal), self._unit(proposal)
        said = unit.failure if unit and (rollout.merged_at or rollout.awaits) else ""
        if seen is None and (rollout.uid or rollout.recalled):
            shown = self._shown.get(proposal.key)
            return replace(shown, note=note(rollout, None, said)) if shown else None
        ground = self._ground
        main = ground.outline(proposal.key, rollout.merged_at) if ground else None
        return card(proposal, rollout, seen, said, main, self._main(proposal))

    def _said(self, what: str, look: Callable[..., T], *given: object) -> T | None:
        """Look; what is unreachable is logged, and the next tick looks again."""
        try:
            return look(*given)
        except (BotError, GitOpsError) as error:
            _log.warning("watching what=%s error=%s", what, error)
            return None
