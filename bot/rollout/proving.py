"""Asks leaders for their proof, a completion, without holding up the thread that decides.

A group that waits for its first proof is asked at every look; one that has answered is asked again
on a schedule, because an idle engine whose worker has died looks healthy until it is asked. The
schedule differs a little from leader to leader, so that they are not all asked at once.
"""

import contextlib
import logging
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from bot.cluster import Observation, Pod
from bot.desired import Desired
from bot.errors import (
    BotError,
    ClusterUnavailableError,
    EngineShutError,
    EngineUnavailableError,
    EngineUnknownError,
)
from bot.relay import Call, Engines, Question
from gitops.clock import Clock
from gitops.errors import GitOpsError, InvalidRequestError

PROOF = Question("Say yes.", max_tokens=8, temperature=0.0)
"""The completion that proves a group; short, so that it costs little on a busy engine."""

AGAIN = 60.0
"""Most seconds between two proofs of a group that serves."""

SPREAD = 0.25
"""By how much of that time the proofs of groups are apart."""

FORGET = 10
"""After so many times AGAIN without a proof, a leader is forgotten: it has gone."""

AT_ONCE = 32
"""Most leaders that are asked at the same time."""

SHARE = 4
"""Most of one deployment that are asked at the same time, and as many again of its groups that have
never answered: an engine that hangs holds its thread for a minute, and no other deployment's."""

_SHUT = (EngineShutError, EngineUnknownError, ClusterUnavailableError)
"""What a person has to change; a group that is ready has had a name for long."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a leader (by its pod's uid) answered: the seconds to its first token, or why nothing.

    `shut` says that it will answer nothing until a person changes something, such as a key.
    """

    context: str
    namespace: str
    name: str
    group: int
    leader: str
    first_token: float | None = None
    why: str = ""
    shut: bool = False


def host_of(seen: Observation, leader: Pod) -> str:
    """Return the in-cluster name of a leader pod, under the headless Service that it has."""
    service = leader.name if seen.own_subdomains else seen.name
    return f"{leader.name}.{service}.{seen.namespace}.svc"


@dataclass(frozen=True, slots=True)
class _Lane:
    """First proofs, or later ones, of one deployment."""

    context: str
    namespace: str
    name: str
    first: bool


@dataclass(slots=True)
class _Load:
    """How many of a lane are being asked, and the others in turn."""

    asked: int = 0
    waiting: deque[tuple[str, Observation, Pod]] = field(default_factory=deque)


def interval(leader: str, again: float) -> float:
    """Return the seconds between two proofs of a leader, by its pod's uid: at most `again`."""
    return again * (1 - SPREAD * zlib.crc32(leader.encode()) / 2**32)


@dataclass(slots=True)
class Prover:
    """Asks each leader once at a time; `desired` is main, which names the Secrets of API keys."""

    engines: Callable[[str], Engines]
    desired: Callable[[], Desired]
    clock: Clock
    again: float = AGAIN
    _asking: set[str] = field(default_factory=set)
    _asked: dict[str, float] = field(default_factory=dict)
    _lanes: dict[_Lane, _Load] = field(default_factory=dict)
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
            with self._turn:
                pool, self._pool = self._pool, None
            pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, environment: str, seen: Observation, leader: Pod) -> None:
        """Ask a leader that has not answered yet, unless it is being asked."""
        self._ask(environment, seen, leader, first=True)

    def ask_again(self, environment: str, seen: Observation, leader: Pod) -> None:
        """Ask a leader that has answered, when its time has come."""
        asked = self._asked.get(leader.uid)
        if asked is None or self.clock.monotonic() - asked >= interval(leader.uid, self.again):
            self._ask(environment, seen, leader, first=False)

    def _ask(self, environment: str, seen: Observation, leader: Pod, *, first: bool) -> None:
        lane = _Lane(seen.context, seen.namespace, seen.name, first)
        with self._turn:
            if leader.uid in self._asking or self._pool is None:
                return
            self._asking.add(leader.uid)
            self._note(leader.uid, self.clock.monotonic())
            self._lanes.setdefault(lane, _Load()).waiting.append((environment, seen, leader))
            self._send(lane)

    def _send(self, lane: _Lane) -> None:
        """Ask the next of a lane, where it has its share free; forget one that is empty."""
        load = self._lanes[lane]
        if self._pool is not None and load.waiting and load.asked < SHARE:
            load.asked += 1
            self._pool.submit(self._prove, lane, *load.waiting.popleft())
        elif not load.waiting and not load.asked:
            del self._lanes[lane]

    def _done(self, lane: _Lane, leader: Pod) -> None:
        with self._turn:
            self._asking.discard(leader.uid)
            self._lanes[lane].asked -= 1
            self._send(lane)

    def _note(self, leader: str, now: float) -> None:
        """Remember when a leader was asked; the longest silent stand first."""
        self._asked.pop(leader, None)
        self._asked[leader] = now
        oldest = next(iter(self._asked))
        if now - self._asked[oldest] > FORGET * self.again:
            del self._asked[oldest]

    def _prove(self, lane: _Lane, environment: str, seen: Observation, leader: Pod) -> None:
        host = host_of(seen, leader)
        try:
            proof = self._proof(environment, seen, leader, host)
        except (BotError, GitOpsError) as error:  # of ours, such as Redis: it says nothing of it
            _log.warning("not asked host=%s error=%s", host, error)
            return
        except Exception:  # noqa: BLE001 - nobody looks at the future of the pool
            _log.exception("not asked host=%s", host)
            return
        finally:
            self._done(lane, leader)
        if self._answer:
            self._answer(proof)

    def _proof(self, environment: str, seen: Observation, leader: Pod, host: str) -> Proof:
        """Ask, and return what came of it."""
        proof = Proof(seen.context, seen.namespace, seen.name, leader.group, leader.uid)
        try:
            engines = self.engines(seen.context)
            api_key = self._key(engines, environment, seen.name)
            return replace(proof, first_token=self._first_token(engines, host, Call(api_key)))
        except (EngineUnavailableError, ClusterUnavailableError) as error:
            _log.info("no proof host=%s error=%s", host, error)
            shut = isinstance(error, _SHUT)
            # What keeps us out is the same for each group, and is told once.
            why = str(error).replace(host, f"{environment}/{seen.name}") if shut else str(error)
            return replace(proof, why=why, shut=shut)

    def _key(self, engines: Engines, environment: str, name: str) -> str:
        """Return the API key that a deployment's llm.yaml on main wants, if it wants one."""
        main = self.desired()
        try:
            secret = main.copy.deployment(name, environment).api_key_secret
        except InvalidRequestError:  # its removal is merged
            return ""
        return engines.keys.key(environment, name, secret) if secret else ""

    def _first_token(self, engines: Engines, host: str, call: Call) -> float:
        """Ask one completion to its end; return the seconds to its first token."""
        asked, endpoint = self.clock.monotonic(), engines.endpoint
        arrivals = [
            self.clock.monotonic() - asked
            for piece in endpoint.stream(host, endpoint.model(host, call.api_key), PROOF, call)
            if piece.text
        ]
        if not arrivals:
            raise EngineUnavailableError(f"asking {host}: the answer was empty")
        return arrivals[0]
