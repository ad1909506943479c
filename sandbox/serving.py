"""One loopback HTTP server a world: threaded, on a free port, with journal and faults around it."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from gitops.errors import UsageError
from sandbox.faults import Fault, Faults, strike

Answer = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class World:
    """What one server is: its name, how it names a call, and how it answers.

    `call_of` gives the name that journal and faults use, such as `chat.postMessage`.
    """

    name: str
    call_of: Callable[[Request], str]
    answer: Answer


class _Quiet(WSGIRequestHandler):
    """Logs nothing (the journal does) and closes the socket when a world hangs up."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Stay silent."""

    def connection_dropped(
        self,
        error: BaseException,  # noqa: ARG002 - werkzeug's signature
        environ: dict[str, Any] | None = None,  # noqa: ARG002 - as above
    ) -> None:
        """Close the socket without an answer; werkzeug calls this when a world hangs up."""
        self.close_connection = True
        with contextlib.suppress(OSError):  # the caller may be gone already
            self.connection.shutdown(socket.SHUT_RDWR)


def claim(port: int) -> int:
    """Return a port that was free a moment ago: this one, or any for 0.

    Raises:
        UsageError: somebody listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"port {port}: {error.strerror}; name another --port") from error
        return int(probe.getsockname()[1])


class Server:
    """A running world on a port; 0 is any that is free."""

    def __init__(self, world: World, faults: Faults, port: int = 0) -> None:
        claim(port)
        self._world = world
        self._faults = faults
        self._server = make_server(
            "127.0.0.1", port, self._serve, threaded=True, request_handler=_Quiet
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name=world.name, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stop taking calls and free the port."""
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 - WSGI
        request = Request(environ)
        response = answer(self._world, self._faults, request)
        return response(environ, start_response)


def answer(world: World, faults: Faults, request: Request) -> Response:
    """Answer one request to a world, with the faults that strike it.

    Raises:
        HungUp: the connection ends without an answer.
    """
    fault = faults.take(world.name, world.call_of(request))
    if fault and fault.moment == "before":
        return strike(fault, request)
    response = world.answer(request)
    if fault:
        return _after(fault, request, response)
    return response


def _after(fault: Fault, request: Request, response: Response) -> Response:
    response.get_data()  # the world has acted to the end
    return strike(fault, request)


@contextlib.contextmanager
def serving(world: World, faults: Faults, port: int = 0) -> Iterator[Server]:
    """Run one world for the length of a `with` block."""
    server = Server(world, faults, port)
    try:
        yield server
    finally:
        faults.release_all()
        server.stop()
