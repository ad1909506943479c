"""What a fault makes of an answer on its way: streams and whole bodies, spoiled.

Source: the kinds of `sandbox.engine.troubles`.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from werkzeug.wrappers import Response

from sandbox.engine.callers import Caller
from sandbox.engine.complaints import died
from sandbox.engine.profile import Profile
from sandbox.engine.shapes import DONE, Piece, event
from sandbox.engine.troubles import EngineFault
from sandbox.faults import HungUp

SLOW = 1.0
"""Seconds between tokens, and between bytes of a trickle."""

_HUGE = 100_000_000  # bytes of a huge line
_BLOCK = b"x" * 65_536
_ENDLESS = 100_000  # tokens; no caller should still listen
_HEADERS = 100  # of 1 KiB each
_METADATA = "http://169.254.169.254/latest/meta-data/"
_PAGE = "<!DOCTYPE html>\n<html><body><h1>Welcome</h1><p>Please sign in.</p></body></html>\n"
_NO_UPSTREAM = "no healthy upstream"
_MID_STREAM = frozenset(
    ("stall", "reset", "cut", "error", "invalid_utf8", "broken_json", "huge_line", "endless")
)
_GO_ON = frozenset(("invalid_utf8", "broken_json", "huge_line"))  # the stream continues after it


@dataclass(frozen=True, slots=True)
class Spoiler:
    """One fault at work on one answer; `healed` says whether it is still in force."""

    fault: EngineFault
    profile: Profile
    caller: Caller
    healed: Callable[[], bool]

    def instead(self) -> Response | None:
        """Return what comes in place of an answer; None if the fault lets one begin."""
        match self.fault.kind:
            case "hang":
                self.caller.hang(self.healed)
            case "unavailable":
                return Response(_NO_UPSTREAM, 503, mimetype="text/plain")
            case "redirect":
                return Response("", 307, headers={"Location": _METADATA})
            case "html":
                return Response(_PAGE, mimetype="text/html")
            case _:
                pass
        return None

    def headers(self) -> dict[str, str]:
        """Return the headers that the fault adds to an answer."""
        if self.fault.kind != "big_headers":
            return {}
        padding = {f"X-Padding-{number}": "x" * 1024 for number in range(_HEADERS)}
        return {"Set-Cookie": "session=sandbox; Path=/", **padding}

    def stream(self, lines: Iterator[Piece]) -> Iterator[Piece]:
        """Return a stream as the fault lets it through."""
        match self.fault.kind:
            case "comments":
                return _commented(lines)
            case "no_finish":
                return (each for each in lines if b'"finish_reason": "' not in each.line)
            case "no_done":
                return (each for each in lines if each.line != DONE)
            case "trickle":
                return self._trickled(lines)
            case kind if kind in _MID_STREAM:
                return self._broken(lines)
            case _:
                return lines

    def body(self, body: bytes) -> bytes:
        """Return a whole answer as the fault lets it through; a Complaint for `error`."""
        match self.fault.kind:
            case "stall":
                self.caller.hang(self.healed)
            case "reset":
                self.caller.reset()
            case "cut":
                raise HungUp("cut")
            case "error":
                raise died()
            case "broken_json":
                return body[: len(body) // 2]
            case "invalid_utf8":
                return _soiled(body)
            case "huge_line":
                return body[:-1] + b" " * _HUGE + body[-1:]
            case _:
                pass
        return body

    def _broken(self, lines: Iterator[Piece]) -> Iterator[Piece]:
        spoken = 0
        for each in lines:
            if spoken >= self.fault.after_tokens:
                yield from self._strike(each)
                break
            spoken += each.counts
            yield each
        if self.fault.kind in _GO_ON:
            yield from lines

    def _strike(self, piece: Piece) -> Iterator[Piece]:
        """Yield what comes in place of one piece of a stream."""
        match self.fault.kind:
            case "stall":
                self.caller.hang(self.healed)
            case "reset":
                self.caller.reset()
            case "error":
                yield Piece(event(died().event(self.profile)))
                yield Piece(DONE)
            case "endless":
                yield from itertools.repeat(Piece(piece.line, counts=True), _ENDLESS)
            case "broken_json":
                yield Piece(piece.line[: len(piece.line) // 2] + b"\n\n", counts=True)
            case "invalid_utf8":
                yield Piece(_soiled(piece.line), counts=True)
            case "huge_line":
                yield Piece(b"data: ")
                yield from itertools.repeat(Piece(_BLOCK), _HUGE // len(_BLOCK))
            case _:  # cut: the stream ends here
                return

    def _trickled(self, lines: Iterator[Piece]) -> Iterator[Piece]:
        for each in lines:
            yield Piece(each.line[:1], counts=each.counts)
            for place in range(1, len(each.line)):
                self.caller.wait(SLOW)
                yield Piece(each.line[place : place + 1])


def _soiled(line: bytes) -> bytes:
    """Return the bytes with some that are no UTF-8 inside of their first text."""
    before, found, after = line.partition(b'"content": "')
    return before + found + b"\xc0\xaf\xff" + after if found else b"\xc0\xaf\xff" + line


def _commented(lines: Iterator[Piece]) -> Iterator[Piece]:
    for each in lines:
        yield Piece(b": keep-alive\n\n")
        yield each
