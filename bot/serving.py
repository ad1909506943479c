"""Edge: HTTP servers of Leadline: waitress with bounds, and an end that loses no request."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from gitops.errors import UsageError

FINISH = 5.0
"""Seconds that requests in hand may take after a stop; each takes milliseconds."""

CONNECTIONS = 1000
"""Most open connections."""

LOOK = 0.01
"""Seconds between two looks for requests in hand, after a stop."""

Environ = dict[str, Any]
Start = Callable[..., object]
Wsgi = Callable[[Environ, Start], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a server takes on: `threads` answer, and a body has at most so many bytes."""

    threads: int
    body: int


class HttpServer:
    """A server whose port is open; what arrives before `run` waits in the socket."""

    def __init__(self, app: Wsgi, host: str, port: int, bounds: Bounds) -> None:
        self._sockets: dict[int, Any] = {}
        try:
            server = create_server(
                app,
                map=self._sockets,
                host=host,
                port=port,
                threads=bounds.threads,
                connection_limit=CONNECTIONS,
                max_request_body_size=bounds.body,
                ident="leadline",
            )
        except OSError as error:
            wasyncore.close_all(self._sockets)
            raise UsageError(
                f"opening port {port} of {host}: {error.strerror}; choose another port"
            ) from error
        self._server: Any = server  # the stubs know neither its port nor its trigger

    @property
    def port(self) -> int:
        """The port that is open: a real one where 0 was asked for."""
        listening = (s for s in self._sockets.values() if isinstance(s, BaseWSGIServer))
        return int(next(getattr(server, "effective_port") for server in listening))  # noqa: B009 - not in the stubs

    def run(
        self,
        stop: threading.Event,
        beat: Callable[[], None] = lambda: None,
        finish: float = FINISH,
    ) -> None:
        """Serve until `stop` is set; then take nothing more, finish what is in hand, and return.

        `beat` is called about once a second by the loop that serves, while it is alive.
        """
        loop = threading.Thread(target=self._server.run, name="http", daemon=True)
        loop.start()
        while not stop.wait(1.0):
            if not loop.is_alive():
                raise RuntimeError("serving HTTP: the server's loop has ended; see the log above")
            self._server.trigger.pull_trigger(beat)
        self._finish(loop, finish)

    def _finish(self, loop: threading.Thread, finish: float) -> None:
        """Close the listening socket, wait for answers on their way, close the rest."""
        trigger = self._server.trigger
        trigger.pull_trigger(lambda: wasyncore.dispatcher.close(self._server))  # in its own loop
        until = time.monotonic() + finish
        while self._is_busy() and time.monotonic() < until:
            loop.join(LOOK)
        self._server.task_dispatcher.shutdown(timeout=1)
        with trigger.lock:  # so that the pipe is not closed before it was written to
            trigger.thunks.append(lambda: wasyncore.close_all(self._sockets))
            trigger.pull_trigger()
        loop.join(1.0)

    def _is_busy(self) -> bool:
        channels = list(self._server.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)
