"""Ends a call to an engine when its time is up or nobody waits for it: from a thread of its own.

A blocked read is not woken by closing its socket from another thread, but by shutting it down.
Times are real seconds: they are about sockets, not about what people wait for.
"""

import contextlib
import socket
import threading
import time
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Self

from bot.relay import Call

LOOK = 0.25
"""Seconds between two looks; a cancelled answer ends within one second."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an engine may take, in seconds, and how much it may say.

    `connect` to a listening port, `first` from then to the first token (a cold engine's takes 30 s,
    a long prompt's more), `idle` between tokens, `total` for all. `characters` of an answer: the
    most that fits into the messages that Slack lets one start in a minute.
    """

    connect: float = 5.0
    first: float = 60.0
    idle: float = 15.0
    total: float = 600.0
    characters: int = 220_000


PATIENCE = Patience()


class Guard:
    """One call, watched for the length of a `with` block by a thread of `watchers`.

    The threads are kept: to start one would add a millisecond to the first token.
    """

    def __init__(self, patience: Patience, call: Call, watchers: Executor) -> None:
        self._watchers = watchers
        self._patience = patience
        self._call = call
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._over = threading.Event()
        self._begun = self._seen = time.monotonic()
        self._has_begun = False
        self.cancelled = False
        self.verdict = ""

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._watchers.submit(self._watch)
        return self

    def __exit__(self, *raised: object) -> None:
        """Watch no more."""
        self._over.set()

    @property
    def cut(self) -> bool:
        """Say whether the connection was cut off by us; `verdict` says why, unless cancelled."""
        return self.cancelled or bool(self.verdict)

    def piece(self) -> None:
        """Note that a token has come."""
        self._has_begun, self._seen = True, time.monotonic()

    def trace(self, event: str, about: dict[str, Any]) -> None:
        """Learn of the connection: the trace hook of the HTTP client."""
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        with self._lock:
            self._socket = about["return_value"].get_extra_info("socket")
            if self.cut:  # while it was connecting
                self._shut()

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            self.verdict = self._too_long()
            self.cancelled = not self.verdict and self._call.cancelled()
            if self.cut:
                with self._lock:
                    self._shut()
                return

    def _too_long(self) -> str:
        """Return why the call has lasted for too long, or nothing."""
        now, limits = time.monotonic(), self._patience
        if now - self._begun > limits.total:
            return f"the answer takes longer than {limits.total:g} s"
        if not self._has_begun and now - self._begun > limits.first:
            return f"no first token within {limits.first:g} s; it may be loading or busy"
        if self._has_begun and now - self._seen > limits.idle:
            return f"no further token within {limits.idle:g} s"
        return ""

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
