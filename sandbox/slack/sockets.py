"""Socket Mode: WebSocket connections that carry envelopes to the app and acknowledgements back.

Source: docs.slack.dev/apis/events-api/using-socket-mode: an address is used once, an app has up to
ten connections, each payload goes to one of them, `hello` opens and `disconnect` announces an end
(`warning`, `refresh_requested`, `link_disabled`). `too_many_websockets` is from slackapi/bolt-js
issues 2225 and 2238. Guesses: payloads go round the connections in turn; a used ticket is a 401; a
connection that ends answers what it had not acknowledged with failure at once. A connection is
renewed only when `disconnect` is called, never by age.
"""

import itertools
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, wait
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from sandbox.journal import Journal
from sandbox.slack.delivery import NOBODY_THERE, TOO_LATE, Delivery, Parcel
from sandbox.slack.records import Json

MOST_CONNECTIONS = 10
_LIFETIME = 18_060  # seconds, as hello names it; 360 when the client asks for debug_reconnects
_LIFETIME_IN_DEBUG = 360
_PATIENCE = 3.0  # real seconds in which a connection that ends may still acknowledge
_HOST = "applink-sandbox"
_QUIET = logging.getLogger("sandbox.slack.sockets")


@dataclass(slots=True, eq=False)
class _Line:
    """One connection; `is_leaving` once it was told to go, so that nothing more is sent to it."""

    number: int
    socket: ServerConnection
    is_leaving: bool = False
    unanswered: dict[str, "Future[Json | None]"] = field(default_factory=dict)


class Sockets:
    """The WebSocket server of one workspace's app."""

    def __init__(self, app_id: str, journal: Journal) -> None:
        self._app_id = app_id
        self._journal = journal
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        _QUIET.setLevel(logging.CRITICAL)  # a client that hangs up is no news
        self._server = serve(
            self._talk,
            "127.0.0.1",
            port,
            compression=None,
            process_request=self._admit,
            logger=_QUIET,
            close_timeout=1,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and free the port."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        for line in self._open_lines():
            line.socket.close()
        self._thread.join(5)
        self._server = self._thread = None

    def new_url(self) -> str:
        """Return an address for one connection."""
        if self._server is None:
            raise RuntimeError("start the workspace before its app connects")
        with self._lock:
            ticket = f"ticket-{next(self._numbers)}"
            self._tickets.add(ticket)
        port = self._server.socket.getsockname()[1]
        return f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id={self._app_id}"

    def count(self) -> int:
        """Return how many connections may get payloads."""
        return len([line for line in self._open_lines() if not line.is_leaving])

    def send(self, parcel: Parcel, patience: float) -> Delivery:
        """Send one envelope to one connection and wait for its acknowledgement."""
        began, line = perf_counter(), self._next_line()
        if line is None:
            return Delivery(0, NOBODY_THERE, 0.0)
        envelope = _envelope(parcel, f"envelope-{next(self._numbers)}")
        answer: Future[Json | None] = Future()
        line.unanswered[envelope["envelope_id"]] = answer
        try:
            line.socket.send(json.dumps(envelope))
            payload = answer.result(patience)
        except TimeoutError:
            return Delivery(0, TOO_LATE, perf_counter() - began)
        except (ConnectionClosed, ConnectionError):
            return Delivery(0, NOBODY_THERE, perf_counter() - began)
        finally:
            line.unanswered.pop(envelope["envelope_id"], None)
        body = "" if not payload else json.dumps(payload)
        return Delivery(200, body, perf_counter() - began, "application/json" if body else "")

    def disconnect(self, reason: str) -> int:
        """Tell every connection that it will end; return how many were told.

        `warning` comes some seconds ahead and changes nothing yet; after `refresh_requested` and
        `link_disabled` a connection gets no more payloads and is closed once it has acknowledged
        those it has.
        """
        lines = [line for line in self._open_lines() if not line.is_leaving]
        for line in lines:
            line.is_leaving = reason != "warning"
            self._tell(line, _farewell(reason))
            if line.is_leaving:
                threading.Thread(target=_see_off, args=(line,), daemon=True).start()
        self._journal.add("slack", "socket.disconnect", ok=True, reason=reason, told=len(lines))
        return len(lines)

    def drop(self) -> None:
        """Break every connection off, without a word."""
        for line in self._open_lines():
            line.socket.close_socket()

    def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        given = parse_qs(urlsplit(request.path).query).get("ticket", [""])[0]
        with self._lock:
            if given in self._tickets:
                self._tickets.remove(given)
                return None
        self._journal.add("slack", "socket.refused", ok=False, ticket=given)
        return socket.respond(HTTPStatus.UNAUTHORIZED, "ticket unknown or used\n")

    def _talk(self, socket: ServerConnection) -> None:
        with self._lock:
            line = _Line(next(self._numbers), socket)
            staying = [other for other in self._lines if not other.is_leaving]
            is_one_too_many = len(staying) >= MOST_CONNECTIONS
            if not is_one_too_many:
                self._lines.append(line)
        if is_one_too_many:
            self._tell(line, _farewell("too_many_websockets"))
            return
        self._tell(line, self._hello(socket))
        self._journal.add("slack", "socket.opened", ok=True, connections=self.count())
        self._listen(line)

    def _listen(self, line: _Line) -> None:
        try:
            for message in line.socket:
                self._acknowledge(line, message)
        except ConnectionClosed:
            pass  # broken off; what it had not acknowledged is settled below
        finally:
            with self._lock:
                self._lines.remove(line)
            for answer in list(line.unanswered.values()):
                _settle(answer.set_exception, ConnectionError("the connection ended"))
            self._journal.add("slack", "socket.closed", ok=True, connections=self.count())

    def _acknowledge(self, line: _Line, message: str | bytes) -> None:
        try:
            said = json.loads(message)
            name, payload = said["envelope_id"], said.get("payload")
        except (ValueError, KeyError, TypeError):
            self._journal.add("slack", "socket.heard", ok=False, error="not an acknowledgement")
            return
        answer = line.unanswered.get(name)
        ok = answer is not None and _settle(answer.set_result, payload)
        self._journal.add("slack", "socket.acknowledged", ok=ok, envelope_id=name, payload=payload)

    def _hello(self, socket: ServerConnection) -> Json:
        path = socket.request.path if socket.request else ""
        seconds = _LIFETIME_IN_DEBUG if "debug_reconnects=true" in path else _LIFETIME
        return {
            "type": "hello",
            "num_connections": self.count(),
            "debug_info": {
                "host": _HOST,
                "build_number": 1,
                "approximate_connection_time": seconds,
            },
            "connection_info": {"app_id": self._app_id},
        }

    def _tell(self, line: _Line, words: Json) -> None:
        try:
            line.socket.send(json.dumps(words))
        except ConnectionClosed:
            self._journal.add("slack", "socket.gone", ok=False, said=words["type"])

    def _open_lines(self) -> list[_Line]:
        with self._lock:
            return list(self._lines)

    def _next_line(self) -> _Line | None:
        with self._lock:
            for number, line in enumerate(self._lines):
                if not line.is_leaving:
                    self._lines.append(self._lines.pop(number))
                    return line
        return None


def _see_off(line: _Line) -> None:
    wait(list(line.unanswered.values()), _PATIENCE)
    line.socket.close()


def _envelope(parcel: Parcel, name: str) -> Json:
    envelope: Json = {
        "envelope_id": name,
        "type": parcel.kind,
        "accepts_response_payload": parcel.kind != "events_api",
        "payload": parcel.payload,
    }
    if parcel.kind == "events_api":
        envelope |= {"retry_attempt": parcel.attempt, "retry_reason": parcel.reason}
    return envelope


def _farewell(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": _HOST}}


def _settle(act: Callable[[Any], None], value: object) -> bool:
    """Answer a future unless it was answered already: an envelope counts once."""
    try:
        act(value)
    except InvalidStateError:
        return False
    return True
