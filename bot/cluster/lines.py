"""The lines of a watch, from whatever pieces the connection brings."""

from collections.abc import Iterator

import urllib3

from bot.cluster.server import BrokenError

LONGEST = 8 * 1024 * 1024
"""Most bytes of one line; the API server's objects are at most 1.5 MiB."""

_PIECE = 65_536  # bytes


def lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the lines of a watch as they come; a cut last line is dropped.

    Raises:
        BrokenError: a line has no end.
    """
    rest = b""
    for chunk in _chunks(answer):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
        if len(rest) > LONGEST:
            raise BrokenError(f"a line of more than {LONGEST} bytes")


def _chunks(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    if answer.chunked:
        yield from answer.stream(amt=None)
        return
    while chunk := answer.read1(_PIECE):  # a proxy may have taken the chunks apart
        yield chunk
