"""The watcher: pull requests and cluster in, notices and cards out; one thread decides.

Two threads only read (the cluster, the time); everything they see goes through one bounded queue
to the thread that decides, speaks and remembers. It speaks before it remembers: after a kill in
between, the same news has the same key and is not said again.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bot.chat import Place
from bot.cluster import Cluster, Observation, Pod
from bot.errors import BotError, EngineUnavailableError
from bot.notice import Card
from bot.relay import Endpoint, Question
from bot.rollout.advance import Step, observe, prove, review, unproved
from bot.rollout.card import card
from bot.speaker import Speaker
from bot.store import Proposal, Records, Rollout
from gitops.clock import Clock
from gitops.errors import GitOpsError
from gitops.forge import Forge

PROOF = Question("Say yes.", max_tokens=8, temperature=0.0)
"""The completion that proves a group; short, so that it costs little on a busy engine."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Tick:
    """Time to look at the pull requests and at groups that wait for their proof."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the watcher reaches."""

    cluster: Cluster
    forge: Forge
    records: Records
    speaker: Speaker
    endpoint: Endpoint
    clock: Clock


@dataclass(slots=True)
class Watcher:
    """One watch over one cluster. Run one at a time."""

    ports: Ports
    poll_seconds: float
    _seen: dict[tuple[str, str], Observation] = field(default_factory=dict)
    _cards: dict[str, Card] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set."""
        inbox: queue.Queue[Observation | Tick] = queue.Queue(maxsize=1000)
        for read in (self._read_cluster, self._read_time):
            threading.Thread(target=read, args=(inbox,), name=read.__name__, daemon=True).start()
        while not stop.is_set():
            with contextlib.suppress(queue.Empty):
                self._handle(inbox.get(timeout=0.5))

    def _read_cluster(self, inbox: queue.Queue[Observation | Tick]) -> None:
        for observation in self.ports.cluster.changes():
            inbox.put(observation)

    def _read_time(self, inbox: queue.Queue[Observation | Tick]) -> None:
        while True:
            inbox.put(Tick())
            self.ports.clock.sleep(self.poll_seconds)

    def _handle(self, event: Observation | Tick) -> None:
        if isinstance(event, Observation):
            self._seen[event.namespace, event.name] = event
        for proposal in self._said("reading proposals", self.ports.records.proposals) or ():
            seen = self._seen.get((proposal.namespace, proposal.name))
            if isinstance(event, Tick):
                self._said(proposal.key, self._look_at_review, proposal)
            elif seen is not event:
                continue
            self._said(proposal.key, self._look_at_cluster, proposal, seen)
            self._said(proposal.key, self._show, proposal, seen, isinstance(event, Tick))

    def _said(self, what: str, look: Callable[..., T], *given: object) -> T | None:
        """Look; what is unreachable is logged, and the next tick looks again."""
        try:
            return look(*given)
        except (BotError, GitOpsError) as error:
            _log.warning("watching what=%s error=%s", what, error)
            return None

    def _look_at_review(self, proposal: Proposal) -> None:
        rollout = self._rollout(proposal)
        if rollout.review == "open":
            pull = self.ports.forge.pull_request(proposal.pull_number)
            self._tell(proposal, review(rollout, pull))

    def _look_at_cluster(self, proposal: Proposal, seen: Observation | None) -> None:
        if seen is not None:
            self._tell(proposal, observe(self._rollout(proposal), proposal, seen))
            for leader in unproved(self._rollout(proposal), seen):
                self._prove(proposal, seen, leader)

    def _prove(self, proposal: Proposal, seen: Observation, leader: Pod) -> None:
        host = f"{leader.name}.{seen.name}.{seen.namespace}"
        try:
            first_token = self._first_token(host)
        except EngineUnavailableError as error:  # not serving yet: the next tick asks again
            _log.info("no proof host=%s error=%s", host, error)
            return
        proof = prove(self._rollout(proposal), seen, leader.group, leader.uid, first_token)
        self._tell(proposal, proof)

    def _first_token(self, host: str) -> float:
        """Ask one completion to its end; return the seconds to its first token."""
        endpoint, clock = self.ports.endpoint, self.ports.clock
        asked = clock.monotonic()
        arrivals = [
            clock.monotonic() - asked
            for piece in endpoint.stream(host, endpoint.model(host), PROOF)
            if piece.text
        ]
        if not arrivals:
            raise EngineUnavailableError(f"asking {host}: the answer was empty")
        return arrivals[0]

    def _rollout(self, proposal: Proposal) -> Rollout:
        known = self.ports.records.rollout(proposal.key)
        if known is None:
            return Rollout(proposal.pull_number)
        if known.pull_number != proposal.pull_number:  # what runs goes on under a newer proposal
            return replace(known, pull_number=proposal.pull_number, review="open")
        return known

    def _tell(self, proposal: Proposal, step: Step) -> None:
        thread = Place(proposal.channel, proposal.card)
        for news in step.news:
            self.ports.speaker.say(thread, news.key, news.notice)
        if step.rollout != self.ports.records.rollout(proposal.key):
            self.ports.records.advance(proposal.key, step.rollout)

    def _show(self, proposal: Proposal, seen: Observation | None, tick: bool) -> None:  # noqa: FBT001 - passed on by _said
        """Edit the card: at once when its phase has changed, else with the next tick.

        A rollout changes pods many times a second, and Slack allows 50 edits a minute.
        """
        wanted, shown = card(proposal, self._rollout(proposal), seen), self._cards.get(proposal.key)
        if wanted == shown or not (tick or shown is None or shown.phase != wanted.phase):
            return
        self.ports.speaker.chat.update(Place(proposal.channel), proposal.card, wanted)
        self._cards[proposal.key] = wanted
