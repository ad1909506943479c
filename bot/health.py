"""Edge: `/healthz`, `/readyz` and `/metrics` of a process, on a port of their own.

A thread that may hang says so often that it is alive; a role says when it is ready, and names what
it cannot do without. `/healthz` answers 503 when a thread is silent, which asks for a restart;
`/readyz` when a role is not ready yet or something it needs does not answer, which asks to send
nothing here. What else is away only shows in the metrics: an outage of GitHub must not keep
commands from being taken.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from prometheus_client import make_wsgi_app

from bot import metrics
from bot.errors import BotError
from bot.serving import Bounds, Environ, HttpServer, Start

BOUNDS = Bounds(threads=2, body=1024)
"""Probes and scrapes come every few seconds, one at a time, without a body."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pulse:
    """When a thread was last heard, and after how many seconds of silence it counts as hung."""

    at: float
    within: float


@dataclass(slots=True)
class Health:
    """How the roles of one process are. Shared between threads. Times are steady seconds."""

    roles: tuple[str, ...]
    now: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pulses: dict[str, _Pulse] = field(default_factory=dict)
    _ready: set[str] = field(default_factory=set)
    _needs: dict[str, Callable[[], object]] = field(default_factory=dict)

    def beat(self, thread: str, within: float = 30.0) -> None:
        """Say that a thread is alive, and that it will say so again within so many seconds."""
        with self._lock:
            self._pulses[thread] = _Pulse(self.now(), within)

    def rest(self, thread: str) -> None:
        """Say that a thread has ended as it should; nobody waits for it any more."""
        with self._lock:
            self._pulses.pop(thread, None)

    def needs(self, name: str, ask: Callable[[], object]) -> None:
        """Name what the process cannot do without; `ask` raises BotError within a second or so."""
        with self._lock:
            self._needs[name] = ask

    def ready(self, role: str, **facts: object) -> None:
        """Say that a role has begun its work; the log says so too, with the facts."""
        with self._lock:
            self._ready.add(role)
        told = "".join(f" {name}={value}" for name, value in facts.items())
        _log.info("ready role=%s%s", role, told)

    def silent(self) -> list[str]:
        """Return what `/healthz` complains of, a line a thread."""
        with self._lock:
            heard = {name: (self.now() - p.at, p.within) for name, p in self._pulses.items()}
        return [
            f"{name}: silent for {age:.0f} s, expected within {within:.0f} s"
            for name, (age, within) in sorted(heard.items())
            if age > within
        ]

    def missing(self) -> list[str]:
        """Return what `/readyz` complains of: roles not ready, and needs that do not answer."""
        with self._lock:
            waiting = [f"{role}: not ready yet" for role in self.roles if role not in self._ready]
            needs = dict(self._needs)
        return waiting + [line for name, ask in needs.items() if (line := _complaint(name, ask))]


def _complaint(name: str, ask: Callable[[], object]) -> str:
    try:
        with metrics.reaching(name):
            ask()
    except BotError as error:
        return f"{name}: {error}"
    return ""


class Probes:
    """The WSGI application of the three paths."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._metrics = make_wsgi_app()

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Answer a probe or a scrape."""
        match environ.get("PATH_INFO"):
            case "/metrics":
                shown: Iterable[bytes] = self._metrics(environ, start_response)
                return shown
            case "/healthz":
                return _answer(self._health.silent(), start_response)
            case "/readyz":
                found = self._health.silent() + self._health.missing()
                return _answer(found, start_response)
            case _:
                start_response("404 Not Found", [("Content-Type", "text/plain")])
                return [b"there are /healthz, /readyz and /metrics\n"]


def _answer(complaints: list[str], start_response: Start) -> Iterable[bytes]:
    status = "503 Service Unavailable" if complaints else "200 OK"
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return ["\n".join(complaints or ["ok"]).encode() + b"\n"]


def serve(health: Health, host: str, port: int, stop: threading.Event) -> int:
    """Open the port, answer in a thread of its own until `stop`, and return the port.

    Raises:
        UsageError: the port cannot be opened.
    """
    server = HttpServer(Probes(health), host, port, BOUNDS)
    threading.Thread(target=server.run, args=(stop,), name="health", daemon=True).start()
    return server.port
