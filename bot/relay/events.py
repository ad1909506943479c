"""Pure: the bytes of a stream of server-sent events as the data of each event.

Lines are split on LF in bytes, before anything is decoded: a text may hold U+2028 or U+0085, which
Python's and httpx's line readers take for the end of a line. Source: the HTML standard,
"Server-sent events", parsing an event stream; of its line ends, a lone CR is not taken for one.
"""

from collections.abc import Iterable, Iterator

LINE = 1024 * 1024
"""Most bytes of one event; an engine's have some hundred."""

TOTAL = 64 * 1024 * 1024
"""Most bytes of a stream: 32,768 tokens, the most one may ask for, have at most 16 MiB."""

_FIELD = b"data:"


def events(chunks: Iterable[bytes], line: int = LINE, total: int = TOTAL) -> Iterator[bytes]:
    """Yield the data of each event, however the bytes are cut into chunks.

    Comments and other fields are passed over. A stream that ends without the blank line after an
    event gives that event all the same.

    Raises:
        ValueError: an event or the stream is longer than its limit.
    """
    data: list[bytes] = []
    size = 0
    for text in lines(chunks, line, total):
        if text.startswith(_FIELD):
            value = text[6:] if text[5:6] == b" " else text[5:]
            size += len(value)
            if size > line:
                raise _too_long(line)
            data.append(value)
        elif not text and data:
            yield data[0] if len(data) == 1 else b"\n".join(data)
            data.clear()
            size = 0
    if data:
        yield b"\n".join(data)


def lines(chunks: Iterable[bytes], line: int = LINE, total: int = TOTAL) -> Iterator[bytes]:
    r"""Yield lines without their end, LF or CRLF; see `events`. The last one may lack it."""
    held: list[bytes] = []  # the beginning of a line, in the chunks that it came in
    waits = seen = 0
    for chunk in chunks:
        seen += len(chunk)
        if seen > total:
            raise ValueError(f"the stream is longer than {total // 1024:,} KiB")
        *whole, rest = chunk.split(b"\n")
        if whole and held:
            whole[0] = b"".join([*held, whole[0]])
            held, waits = [], 0
        for each in whole:
            yield each[:-1] if each.endswith(b"\r") else each
        if rest:
            held.append(rest)
            waits += len(rest)
            if waits > line:
                raise _too_long(line)
    if held:
        yield b"".join(held).removesuffix(b"\r")


def _too_long(limit: int) -> ValueError:
    return ValueError(f"an event is longer than {limit // 1024:,} KiB")
