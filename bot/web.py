"""Edge: the one HTTP server that requests from outside arrive at, and which path goes where."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping

from bot.serving import Bounds, Environ, HttpServer, Start, Wsgi

__all__ = ["Environ", "Start", "Wsgi", "body_of", "by_path", "plain", "serve"]

_LENGTH = re.compile(r"[0-9]{1,12}\Z")

BODY_LIMIT = 1024 * 1024
"""Largest request body, in bytes; GitHub's webhooks are the largest that are read."""

THREADS = 16
"""Threads that answer requests; each is busy for about a millisecond."""


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
    """Return a request's body; None when it is larger than `limit` bytes, or does not say."""
    said = str(environ.get("CONTENT_LENGTH") or "0")
    length = int(said) if _LENGTH.match(said) else limit + 1  # the server refuses those before
    if length > limit:
        return None
    body: bytes = environ["wsgi.input"].read(length)
    return body


def serve(
    app: Wsgi,
    host: str,
    port: int,
    ready: Callable[[int], None],
    stop: threading.Event,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Serve until `stop` is set; `ready` is told the port once it is open.

    `beat` is called about once a second while the server is alive.
    """
    server = HttpServer(app, host, port, Bounds(THREADS, BODY_LIMIT))
    ready(server.port)
    server.run(stop, beat)
