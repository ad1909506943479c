"""Pure: parts reasoning from text where the engine does not: `<think>…</think>`, in any bits.

Sources: the chat templates of Qwen3 and DeepSeek-R1 and the reasoning parsers of vLLM 0.10.0. Some
templates write the opening mark themselves, so that an answer has only the closing one; and an
answer that is cut while the model thinks has no closing one.
"""

from collections.abc import Iterator
from enum import Enum, auto

from bot.relay import Piece

OPENING, CLOSING = "<think>", "</think>"

_QUOTES = "`'\"“«"
"""Before a closing mark that was never opened: then the text is about the mark."""


class _At(Enum):
    START = auto()
    THOUGHT = auto()
    CLOSED = auto()  # between a closing mark and the text: blank lines
    TEXT = auto()  # a closing mark may still come that nobody opened
    SETTLED = auto()  # all that comes is text


class Thinking:
    """Parts one answer; its text comes in bits of any length."""

    def __init__(self) -> None:
        self._at = _At.START
        self._held = ""  # may be the beginning of a mark
        self._last = ""  # the character before it

    def settle(self) -> None:
        """Take all that comes for text: the engine parts reasoning itself."""
        self._at = _At.SETTLED

    def feed(self, bit: str) -> Iterator[Piece]:
        """Yield what is known of the answer after this bit."""
        if self._at is _At.SETTLED or (self._at is _At.TEXT and not self._held and "<" not in bit):
            self._last = bit[-1:] or self._last
            yield Piece(self._held + bit)
            self._held = ""
            return
        self._held += bit
        before = None
        while self._held and before != (self._at, self._held):
            before = (self._at, self._held)
            yield from self._step()

    def rest(self) -> Iterator[Piece]:
        """Yield what was held back, when the answer has ended."""
        if self._held.strip() or (self._held and self._at is not _At.CLOSED):
            yield Piece(self._held, thought=self._at is _At.THOUGHT)
        self._held = ""

    def _step(self) -> Iterator[Piece]:
        match self._at:
            case _At.START:
                self._start()
            case _At.THOUGHT:
                yield from self._thought()
            case _At.CLOSED:
                self._held = self._held.lstrip()
                self._at = _At.SETTLED if self._held else _At.CLOSED
            case _At.TEXT:
                yield from self._text()
            case _At.SETTLED:
                yield Piece(self._held)
                self._held = ""

    def _start(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(OPENING):
            self._held, self._at = begun.removeprefix(OPENING), _At.THOUGHT
        elif not OPENING.startswith(begun):
            self._at = _At.TEXT

    def _thought(self) -> Iterator[Piece]:
        thought, mark, rest = self._held.partition(CLOSING)
        if mark:
            self._held, self._at = rest, _At.CLOSED
        else:
            sure = _sure(self._held)
            thought, self._held = self._held[:sure], self._held[sure:]
        if thought:
            yield Piece(thought, thought=True)

    def _text(self) -> Iterator[Piece]:
        text, mark, rest = self._held.partition(CLOSING)
        if mark and (text or self._last)[-1:] in _QUOTES and (text or self._last):
            self._at = _At.SETTLED
            return
        if mark:
            if text:
                yield Piece(text)
            yield Piece(folds=True)
            self._held, self._at = rest, _At.CLOSED
            return
        sure = _sure(self._held)
        text, self._held = self._held[:sure], self._held[sure:]
        if text:
            self._last = text[-1]
            yield Piece(text)


def _sure(text: str) -> int:
    """Return how many characters cannot belong to a closing mark that is still coming."""
    at = text.rfind("<", max(0, len(text) - len(CLOSING) + 1))
    return at if at >= 0 and CLOSING.startswith(text[at:]) else len(text)
