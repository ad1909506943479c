"""Pure: the bodies of chat completions, whole and streamed, as vLLM and SGLang write them.

Sources: the response models of vLLM 0.10.0 to 0.32.0 and SGLang 0.4.10.post2; streams and whole
answers of a running vLLM 0.32.0.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sandbox.cluster.objects import Object
from sandbox.engine.completions import Answer, Token
from sandbox.engine.profile import Profile

DONE = b"data: [DONE]\n\n"


class Piece(NamedTuple):
    """A bit of a stream; `counts` says that the engine made a token for it."""

    line: bytes
    counts: bool = False


def whole(answer: Answer, profile: Profile) -> Object:
    """Return the body of an answer in one piece."""
    thought, text = _parted(answer, profile)
    message: Object = {
        "role": "assistant",
        "content": text or None,
        **({} if profile.modern else {"tool_calls": [] if profile.vllm else None}),
        **dict.fromkeys(_names(profile), thought or None),
    }
    choice: Object = {"index": 0, "message": message, "logprobs": None}
    choice |= {"finish_reason": answer.finish, **_ending(answer, profile)}
    head = _head(answer, "chat.completion")
    return {**head, "choices": [choice], "usage": answer.usage(profile)}


def pieces(answer: Answer, profile: Profile) -> Iterator[Piece]:
    """Yield the lines of a stream."""
    yield Piece(_chunk(answer, profile, {"role": "assistant", "content": ""}))
    *tokens, last = answer.said or [Token("end", "")]
    for token in tokens:
        yield Piece(_told(token, answer, profile), counts=True)
    if profile.vllm:  # the reason comes with the last token
        delta = {"content": ""} if last.kind == "end" else _delta(last, answer, profile)
        yield Piece(_chunk(answer, profile, delta, answer.finish), counts=True)
    else:
        yield Piece(_told(last, answer, profile), counts=True)
        yield Piece(_chunk(answer, profile, {}, answer.finish))
    if answer.sampling.usage:
        head = _head(answer, "chat.completion.chunk")
        yield Piece(event({**head, "choices": [], "usage": answer.usage(profile)}))
    yield Piece(DONE)


def event(body: Object) -> bytes:
    """Return one event of a stream."""
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def _parted(answer: Answer, profile: Profile) -> tuple[str, str]:
    """Return thoughts and text as the reasoning parser parts them."""
    said = answer.said
    if not _parses(answer, profile) or _unfinished(said, profile):
        return "", "".join(token.text for token in said)
    thought = "".join(token.text for token in said if token.kind == "thought")
    text = "".join(token.text for token in said if token.kind == "text")
    return (thought, text) if profile.vllm else (thought.strip(), text.strip())


def _unfinished(said: Sequence[Token], profile: Profile) -> bool:
    """Say whether the parser gives up: older vLLM's needs both marks in a whole answer."""
    marks = sum(token.kind == "mark" for token in said)
    return profile.shy_parser and marks == 1


def _parses(answer: Answer, profile: Profile) -> bool:
    return bool(profile.fields) and answer.sampling.separate


def _names(profile: Profile) -> Sequence[str]:
    """Return the fields of thoughts that a message always has."""
    if profile.fields:
        return profile.fields
    return ("reasoning",) if profile.modern else ()


def _delta(token: Token, answer: Answer, profile: Profile) -> Object:
    """Return what a token adds to a stream; {} for one that nobody sees."""
    if not token.text or (token.kind == "mark" and _parses(answer, profile)):
        return {}
    if token.kind == "thought" and _parses(answer, profile):
        return dict.fromkeys(profile.fields, token.text)
    return {"content": token.text}


def _told(token: Token, answer: Answer, profile: Profile) -> bytes:
    """Return the event of a token, or nothing for one that nobody sees."""
    delta = _delta(token, answer, profile)
    return _chunk(answer, profile, delta) if delta else b""


def _chunk(answer: Answer, profile: Profile, delta: Object, finish: str | None = None) -> bytes:
    if not profile.vllm:
        blank = dict.fromkeys(("role", "content", "reasoning_content", "tool_calls"))
        delta = {**blank, **delta}
    ending = _ending(answer, profile) if finish or not profile.vllm else {}
    if not profile.vllm and not finish:
        ending = dict.fromkeys(ending)
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, **ending}
    usage = {} if profile.vllm else {"usage": None}
    return event({**_head(answer, "chat.completion.chunk"), "choices": [choice], **usage})


def _ending(answer: Answer, profile: Profile) -> Object:
    """Return what stopped the answer, in the engine's own field."""
    return {"stop_reason" if profile.vllm else "matched_stop": answer.stop}


def _head(answer: Answer, kind: str) -> Object:
    return {"id": answer.id, "object": kind, "created": answer.created, "model": answer.model}
