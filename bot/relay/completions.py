"""Pure: questions as the body of a chat completion, and events of its stream as pieces.

Sources: the response models of vLLM 0.10.0 to 0.32.0 and SGLang 0.4.10.post2 to 0.5.23. Reasoning
comes as `reasoning_content` (SGLang, vLLM up to 0.11.0), as both names with one text (0.11.1 to
0.14.1) or as `reasoning` (0.18.1 on), or between marks in the text.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from bot.relay import Piece, Question
from bot.relay.refusals import message_of
from bot.relay.thinking import Thinking

DONE = b"[DONE]"
"""The data of the event after the last one."""

_Body = dict[str, Any]


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    model: str = ""
    id: str = ""
    error: Any = None
    object: str = ""


_DECODER = msgspec.json.Decoder(_Chunk)


def body_of(model: str, question: Question) -> _Body:
    """Return the JSON that asks; the prompt is one string in it, whatever it holds."""
    system = [{"role": "system", "content": question.system}] if question.system else []
    body: _Body = {
        "model": model,
        "messages": [*system, {"role": "user", "content": question.prompt}],
        "max_tokens": question.max_tokens,
        "temperature": question.temperature,
        "top_p": question.top_p,
        "seed": question.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if question.thinking is not None:
        body["chat_template_kwargs"] = {"enable_thinking": question.thinking}
    return body


class Reading:
    """One answer while its events come."""

    def __init__(self) -> None:
        self._thinking = Thinking()
        self._finish = self._model = self._id = ""
        self._counted = self._prompt = 0
        self._tokens: int | None = None

    @property
    def finished(self) -> bool:
        """Say whether the engine has told why it stopped."""
        return bool(self._finish)

    def pieces(self, data: bytes) -> Iterator[Piece]:
        """Yield what one event adds.

        Raises:
            ValueError: it is an error of the engine, or no chat completion.
        """
        chunk = _decoded(data)
        if chunk.error is not None or chunk.object == "error":
            raise ValueError(f"the engine says: {message_of(data) or 'an error without words'}")
        if chunk.usage is not None:
            self._prompt = chunk.usage.prompt_tokens
            self._tokens = chunk.usage.completion_tokens
        for choice in chunk.choices:
            self._finish = choice.finish_reason or self._finish
            self._model, self._id = chunk.model, chunk.id
            delta = choice.delta
            if thought := delta.reasoning or delta.reasoning_content:
                self._counted += 1
                self._thinking.settle()
                yield Piece(thought, thought=True)
            if delta.content:
                self._counted += 1
                yield from self._thinking.feed(delta.content)

    def rest(self) -> Iterator[Piece]:
        """Yield what was held back, when no event comes any more."""
        return self._thinking.rest()

    def end(self, finish: str = "") -> Piece:
        """Return the last piece; an engine that counts no tokens has its events counted."""
        tokens = self._counted if self._tokens is None else self._tokens
        return Piece(
            finish=finish or self._finish,
            tokens=tokens,
            prompt_tokens=self._prompt,
            model=self._model,
            id=self._id,
        )


def _decoded(data: bytes) -> _Chunk:
    try:
        return _DECODER.decode(data)
    except ValueError as first:  # also bytes that are no UTF-8
        try:
            return _forgiven(data)
        except ValueError:
            raise ValueError(f"an event is no chat completion ({first})"[:200]) from first


def _forgiven(data: bytes) -> _Chunk:
    """Decode what msgspec does not take: bytes that are no UTF-8, and halves of surrogate pairs.

    Each of them is shown as U+FFFD.
    """
    try:
        found = json.loads(data.decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    clean = json.dumps(found, ensure_ascii=False).encode("utf-16", "surrogatepass")
    return _DECODER.decode(clean.decode("utf-16", "replace"))
