"""A gate before a Redis: passes calls on one by one, journals them, and lets faults strike them.

It stands between Leadline's processes and whatever Redis they use, fakeredis or a redis-server. It
reads the protocol as far as to tell where a call and its answer end, and names each call as the
journal and the faults know it: the command, a script by its name, then the key (or channel), such
as `HSET leadline:cards` or `END leadline:jobs:change`. A pipeline or a transaction is the calls it
is made of. What a client that has died was still waiting for ends with it, as with a real server.
Source of the protocol: redis.io/docs/latest/develop/reference/protocol-spec (RESP2 and RESP3).
"""

import contextlib
import hashlib
import select
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader

from sandbox.faults import Fault, Faults
from sandbox.journal import Journal

WORLD = "redis"
"""The name of this world in the journal and in faults."""

_HELD = 60.0  # real seconds after which a held call is let go, as at the other worlds
_KEYED_BY_WORD = {"XREAD": b"STREAMS", "XREADGROUP": b"STREAMS"}
_SECOND = frozenset({"XGROUP", "XINFO", "SCRIPT", "CLIENT", "OBJECT"})
_BULK, _LIST, _MAP = b"$=!", b"*~>", b"%|"


class _GoneError(Exception):
    """One of the two sides has closed its connection."""


@dataclass(slots=True)
class Gate:
    """What the connections share. `scripts` gives a name to the text of a script."""

    target: tuple[str, int]
    journal: Journal
    faults: Faults
    scripts: Mapping[str, str]
    open: set[socket.socket] = field(default_factory=set)

    def accept(self, listening: socket.socket) -> None:
        """Give each connection a thread until the socket that listens is shut."""
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), name=WORLD, daemon=True).start()

    def close(self) -> None:
        """Break what is open."""
        for each in list(self.open):
            with contextlib.suppress(OSError):  # it has ended by itself
                each.shutdown(socket.SHUT_RDWR)

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(_GoneError, OSError), socket.create_connection(
            self.target
        ) as server:  # fmt: skip
            self.open |= {client, server}
            try:
                self._relay(client, server)
            finally:
                self.open -= {client, server}

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        with client.makefile("rb") as asks, server.makefile("rb") as answers:
            while True:
                raw, words = _call(asks)
                name = named(words, self.scripts)
                fault = self.faults.take(WORLD, name)
                self.journal.add(WORLD, name)
                if fault and fault.moment == "before":
                    _strike(fault, client)
                server.sendall(raw)
                _await(server, client)
                answer = _frame(answers)
                if fault:
                    _strike(fault, client)
                client.sendall(answer)


def _strike(fault: Fault, client: socket.socket) -> None:
    """Carry a fault out.

    Raises:
        _GoneError: always; the connection is closed, after a refusal too, as fakeredis does.
    """
    fault.reached.set()
    if fault.act == "refuse":
        client.sendall(b"-ERR refused\r\n")
    if fault.act == "hold":
        fault.released.wait(_HELD)
    raise _GoneError


def _await(server: socket.socket, client: socket.socket) -> None:
    """Wait for the beginning of an answer.

    Raises:
        _GoneError: the client has gone, so that nobody may get what the server still gives away.
    """
    ready: Sequence[socket.socket] = select.select([server, client], [], [])[0]
    if server not in ready and not client.recv(1, socket.MSG_PEEK):
        raise _GoneError


def named(words: Sequence[bytes], scripts: Mapping[str, str]) -> str:
    """Return how a call is named: its command, or its script's name, and its first key."""
    texts = [word.decode(errors="replace") for word in words]
    command, rest = texts[0].upper(), texts[1:]
    if command in {"EVAL", "EVALSHA"}:
        is_text = command == "EVAL"
        digest = hashlib.sha1(words[1]).hexdigest() if is_text else rest[0]  # noqa: S324 - Redis' own
        script = scripts.get(digest, f"{command} {digest[:8]}")
        return " ".join([script, *rest[2:3]]) if rest[1] != "0" else script
    if word := _KEYED_BY_WORD.get(command):
        at = [each.upper() for each in words].index(word)
        streams = texts[at + 1 :]
        return " ".join([command, streams[0], streams[len(streams) // 2]])
    if command in _SECOND:
        rest[0:2] = [" ".join([rest[0].upper(), *rest[1:2]])]
    return " ".join([command, *rest[:1]])


def digests(scripts: Mapping[str, str]) -> dict[str, str]:
    """Return names of scripts by the digest of their text, from texts by their name."""
    return {hashlib.sha1(text.encode()).hexdigest(): name for name, text in scripts.items()}  # noqa: S324 - Redis' own


def _call(asks: BufferedReader) -> tuple[bytes, list[bytes]]:
    """Read a call: clients send arrays of bulk strings only."""
    raw = head = _line(asks)
    words = []
    for _ in range(int(head[1:])):
        bulk = _frame(asks)
        raw += bulk
        words.append(bulk.partition(b"\r\n")[2][:-2])
    return raw, words


def _frame(stream: BufferedReader) -> bytes:
    """Read one value as it stands, with all that it holds."""
    raw = _line(stream)
    kind, size = raw[:1], raw[1:].strip()
    if kind in _BULK and size != b"-1":
        return raw + _exactly(stream, int(size) + 2)
    values = int(size) * (1 + (kind in _MAP)) if kind in _LIST + _MAP else 0
    parts = [_frame(stream) for _ in range(values)]
    if kind == b"|":  # what an attribute is about follows it
        parts.append(_frame(stream))
    return raw + b"".join(parts)


def _line(stream: BufferedReader) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise _GoneError
    return line


def _exactly(stream: BufferedReader, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise _GoneError
    return found


@contextlib.contextmanager
def gated(url: str, journal: Journal, faults: Faults, scripts: Mapping[str, str]) -> Iterator[str]:
    """Stand before the Redis at a redis:// address; yield the address to use in its place.

    `scripts` are texts by the name that their calls have in the journal.
    """
    host, _, port = url.partition("://")[2].partition("/")[0].rpartition(":")
    gate = Gate((host, int(port)), journal, faults, digests(scripts))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=gate.accept, args=(listening,), name=WORLD, daemon=True)
        accepting.start()
        try:
            yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
        finally:
            faults.release_all()
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
            gate.close()
