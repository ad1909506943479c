"""Edge: the one HTTP server that requests from outside arrive at, and which path goes where."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from waitress.server import create_server

Environ = dict[str, Any]
Start = Callable[..., object]
Wsgi = Callable[[Environ, Start], Iterable[bytes]]

BODY_LIMIT = 1024 * 1024
"""Largest request body, in bytes; GitHub's webhooks are the largest that are read."""

THREADS = 16
"""Threads that answer requests; each is busy for about a millisecond."""

CONNECTIONS = 1000
"""Most open connections."""

END = 5
"""Seconds that requests in hand may take once the server is told to end."""


def by_path(apps: Mapping[str, Wsgi]) -> Wsgi:
    """Return a WSGI app that answers POSTs to known paths; everything else is a 404 or a 405."""

    def route(environ: Environ, start_response: Start) -> Iterable[bytes]:
        app = apps.get(environ.get("PATH_INFO", ""))
        if app is None:
            return plain(start_response, "404 Not Found", "nothing here")
        if environ.get("REQUEST_METHOD") != "POST":
            return plain(start_response, "405 Method Not Allowed", "POST only")
        return app(environ, start_response)

    return route


def plain(start_response: Start, status: str, line: str) -> Iterable[bytes]:
    """Answer with one line of text."""
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{line}\n".encode()]


def body_of(environ: Environ, limit: int) -> bytes | None:
    """Return a request's body; None when it is larger than `limit` bytes."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > limit:
        return None
    body: bytes = environ["wsgi.input"].read(length)
    return body


def serve(
    app: Wsgi, host: str, port: int, ready: Callable[[int], None], stop: threading.Event
) -> None:
    """Serve until `stop` is set; `ready` is told the port once it is open."""
    server = create_server(
        app,
        host=host,
        port=port,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        max_request_body_size=BODY_LIMIT,
        ident="leadline",
    )
    ready(getattr(server, "effective_port", port))  # port 0 becomes a real one
    thread = threading.Thread(target=server.run, name="http", daemon=True)
    thread.start()
    stop.wait()
    server.task_dispatcher.shutdown(cancel_pending=False, timeout=END)
    server.close()
