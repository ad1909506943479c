"""Asks leaders for their proof, a completion, without holding up the thread that decides.

A group that waits for its first proof is asked at every look; one that has answered is asked again
on a schedule, because an idle engine whose worker has died looks healthy until it is asked. The
schedule differs a little from leader to leader, so that they are not all asked at once.
"""

import contextlib
import logging
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from bot.cluster import Observation, Pod
from bot.errors import EngineUnavailableError
from bot.relay import Endpoint, Question
from gitops.clock import Clock

PROOF = Question("Say yes.", max_tokens=8, temperature=0.0)
"""The completion that proves a group; short, so that it costs little on a busy engine."""

AGAIN = 60.0
"""Most seconds between two proofs of a group that serves."""

SPREAD = 0.25
"""By how much of that time the proofs of groups are apart."""

FORGET = 10
"""After so many times AGAIN without a proof, a leader is forgotten: it has gone."""

AT_ONCE = 8
"""Most leaders that are asked at the same time."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a leader (by its pod's uid) answered: the seconds to its first token, or why nothing."""

    context: str
    namespace: str
    name: str
    group: int
    leader: str
    first_token: float | None = None
    why: str = ""


def host_of(seen: Observation, leader: Pod) -> str:
    """Return the in-cluster name of a leader pod, under the headless Service that it has."""
    service = leader.name if seen.own_subdomains else seen.name
    return f"{leader.name}.{service}.{seen.namespace}"


def interval(leader: str, again: float) -> float:
    """Return the seconds between two proofs of a leader, by its pod's uid: at most `again`."""
    return again * (1 - SPREAD * zlib.crc32(leader.encode()) / 2**32)


@dataclass(slots=True)
class Prover:
    """Asks each leader once at a time."""

    endpoint: Endpoint
    clock: Clock
    again: float = AGAIN
    _asking: set[str] = field(default_factory=set)
    _asked: dict[str, float] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _pool: ThreadPoolExecutor | None = None
    _answer: Callable[[Proof], None] | None = None

    @contextlib.contextmanager
    def answering(self, answer: Callable[[Proof], None]) -> Iterator[None]:
        """Let leaders be asked; each proof goes to `answer`, in a thread of ours."""
        self._answer = answer
        self._pool = ThreadPoolExecutor(AT_ONCE, "prove")
        try:
            yield
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, seen: Observation, leader: Pod) -> None:
        """Ask a leader, unless it is being asked."""
        with self._turn:
            if leader.uid in self._asking or self._pool is None:
                return
            self._asking.add(leader.uid)
            self._note(leader.uid, self.clock.monotonic())
        self._pool.submit(self._prove, seen, leader)

    def ask_again(self, seen: Observation, leader: Pod) -> None:
        """Ask a leader that has answered, when its time has come."""
        asked = self._asked.get(leader.uid)
        if asked is None or self.clock.monotonic() - asked >= interval(leader.uid, self.again):
            self.ask(seen, leader)

    def _note(self, leader: str, now: float) -> None:
        """Remember when a leader was asked; the longest silent stand first."""
        self._asked.pop(leader, None)
        self._asked[leader] = now
        oldest = next(iter(self._asked))
        if now - self._asked[oldest] > FORGET * self.again:
            del self._asked[oldest]

    def _prove(self, seen: Observation, leader: Pod) -> None:
        host = host_of(seen, leader)
        proof = Proof(seen.context, seen.namespace, seen.name, leader.group, leader.uid)
        try:
            proof = self._asked_at(host, proof)
        except EngineUnavailableError as error:
            _log.info("no proof host=%s error=%s", host, error)
            proof = replace(proof, why=str(error))
        finally:
            with self._turn:
                self._asking.discard(leader.uid)
        if self._answer:
            self._answer(proof)

    def _asked_at(self, host: str, proof: Proof) -> Proof:
        """Ask one completion to its end; note the seconds to its first token."""
        asked = self.clock.monotonic()
        arrivals = [
            self.clock.monotonic() - asked
            for piece in self.endpoint.stream(host, self.endpoint.model(host), PROOF)
            if piece.text
        ]
        if not arrivals:
            raise EngineUnavailableError(f"asking {host}: the answer was empty")
        return replace(proof, first_token=arrivals[0])
