"""An API server that answers from a script, byte by byte: what no well-behaved server sends."""

import contextlib
import json
import socket
import threading
import urllib.parse
from collections import deque

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
KINDS = {
    "leaderworkersets": "sets",
    "pods": "pods",
    "controllerrevisions": "revisions",
    "events": "warnings",
}


def page(*items, version="1", token=""):
    """Return the answer to a list."""
    metadata = {"resourceVersion": version, "continue": token}
    return status(200, json.dumps({"metadata": metadata, "items": items}).encode())


def status(code, body=b"", **headers):
    """Return an answer that is sent whole."""
    more = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    head = f"HTTP/1.1 {code} Said\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    return lambda connection, _closed: connection.sendall(head.encode() + body)


def stream(*pieces, end=True):
    """Return a chunked answer, a chunk a piece; without its end it breaks off."""

    def send(connection, _closed):
        connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if end:
            connection.sendall(b"0\r\n\r\n")

    return send


def plain(*pieces):
    """Return an answer that ends with its connection, as behind a proxy of HTTP/1.0."""

    def send(connection, _closed):
        connection.sendall(OK + b"\r\n")
        for piece in pieces:
            connection.sendall(piece)

    return send


def silent(*pieces):
    """Return a chunked answer that says nothing more and is never closed."""

    def send(connection, closed):
        stream(*pieces, end=False)(connection, closed)
        closed.wait()

    return send


class ApiServer:
    """Answers each kind's calls with what is next in its script; then a list, or silence."""

    def __init__(self, **script):
        self.script = {kind: deque(answers) for kind, answers in script.items()}
        self.calls = []  # (kind, query)
        self.paths = set()
        self.called = threading.Condition()
        self.closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.refuse()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def refuse(self):
        """Listen no longer: connections are refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def count(self, kind, **query):
        """Return how many calls of a kind had these words in their query."""
        return len(
            [1 for name, words in self.calls if name == kind and query.items() <= words.items()]
        )

    def wait(self, decided, at_most=10):
        """Wait until something is true of the calls."""
        with self.called:
            assert self.called.wait_for(decided, at_most), self.calls

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            kind, query = self._note(head)
            if kind == "sets" and "watch" not in query:
                self.wait(lambda: self.count("pods", watch="true"))  # the same order each time
            self._answer(kind, query)(connection, self.closed)

    def _note(self, head):
        target = urllib.parse.urlsplit(head.split(b" ")[1].decode())
        last = target.path.rpartition("/")[2]
        kind, query = KINDS.get(last, last), dict(urllib.parse.parse_qsl(target.query))
        with self.called:
            self.calls.append((kind, query))
            self.paths.add(target.path)
            self.called.notify_all()
        return kind, query

    def _answer(self, kind, query):
        with self.called:
            if script := self.script.get(kind):
                return script.popleft()
        return silent() if "watch" in query else page()
