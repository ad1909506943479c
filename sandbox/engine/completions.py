"""Pure: the bodies of chat completions, whole and streamed, as vLLM and SGLang write them.

Sources: the engines' servers by version; OpenAI's chat completions API.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.cluster.objects import Object
from sandbox.engine.profile import Profile
from sandbox.engine.speech import speak, tokens

Token = tuple[str, str]  # the field it belongs to, "content" or "reasoning", and its text


class Complaint(Exception):  # noqa: N818 - the server's answer, not a fault of ours
    """A request that the server refuses."""

    def __init__(self, code: int, kind: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind
        self.param = param

    def body(self, profile: Profile) -> Object:
        """Return the error body of that server."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return {"object": "error", **error} if profile.flat_errors else {"error": error}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, cut to its length."""

    model: str
    prompt_tokens: int
    said: Sequence[Token]
    finish: str
    created: int

    @property
    def id(self) -> str:
        """The same answer has the same id."""
        return f"chatcmpl-{zlib.crc32(repr(self.said).encode()):08x}"

    @property
    def usage(self) -> Object:
        """Return the counts of tokens."""
        done = len(self.said)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": done,
            "total_tokens": self.prompt_tokens + done,
        }

    def text(self, field: str) -> str:
        """Return what was said in one field."""
        return "".join(token for where, token in self.said if where == field)


def prompt_of(body: Mapping[str, Any]) -> str:
    """Return the text of the last message of the user."""
    said = [each for each in body.get("messages") or [] if each.get("role") == "user"]
    return _text(said[-1]) if said else ""


def complete(body: Mapping[str, Any], profile: Profile, created: int) -> Answer:
    """Answer a request, or complain about it."""
    prompt_tokens = sum(len(tokens(_text(each))) for each in body.get("messages") or [])
    room = _check(body, profile, prompt_tokens)
    thinking = (body.get("chat_template_kwargs") or {}).get("enable_thinking", True)
    speech = speak(prompt_of(body), body.get("seed"), thinking=thinking)
    said: list[Token] = []
    if speech.thought and profile.reasoning:
        said = [("reasoning", token) for token in tokens(speech.thought)]
        text = speech.text
    else:
        block = f"<think>\n{speech.thought}\n</think>\n\n" if speech.thought else ""
        text = block + speech.text
    said += [("content", token) for token in tokens(text)]
    finish = "stop" if len(said) <= room else "length"
    model = profile.model if profile.flavour == "vllm" else str(body.get("model"))
    return Answer(model, prompt_tokens, said[:room], finish, created)


def whole(answer: Answer, profile: Profile) -> Object:
    """Return the body of an answer in one piece."""
    thought = answer.text("reasoning") or None
    message: Object = {
        "role": "assistant",
        "content": answer.text("content") or None,
        "tool_calls": [],
        **dict.fromkeys(profile.reasoning, thought),
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
    return {**_head(answer, "chat.completion"), "choices": [choice], "usage": answer.usage}


def pieces(answer: Answer, profile: Profile, *, usage: bool) -> Iterator[tuple[bool, bytes]]:
    """Yield the lines of a stream, each with whether a token is in it."""
    yield False, _line(answer, {"role": "assistant", "content": ""}, None)
    for field, token in answer.said:
        fields = ("content",) if field == "content" else profile.reasoning
        yield True, _line(answer, dict.fromkeys(fields, token), None)
    last: Object = {"role": None, "content": None} if profile.flavour == "sglang" else {}
    yield False, _line(answer, last, answer.finish)
    if usage:
        head = _head(answer, "chat.completion.chunk")
        yield False, _data({**head, "choices": [], "usage": answer.usage})
    yield False, b"data: [DONE]\n\n"


def _check(body: Mapping[str, Any], profile: Profile, prompt_tokens: int) -> int:
    """Return the room for the answer, in tokens."""
    model, field = body.get("model"), "max_completion_tokens"
    limit = body.get(field, body.get("max_tokens"))
    if not body.get("messages"):
        raise Complaint(400, "BadRequestError", "messages must not be empty", "messages")
    if profile.flavour == "vllm" and model != profile.model:
        text = f"The model `{model}` does not exist."
        raise Complaint(404, "NotFoundError", text, "model")
    if limit is not None and limit < 1:
        text = f"max_tokens must be at least 1, got {limit}."
        raise Complaint(400, "BadRequestError", text, "max_tokens")
    room = profile.context - prompt_tokens
    if room < 1 or (limit or 0) > room:
        text = (
            f"This model's maximum context length is {profile.context} tokens. However, you "
            f"requested {prompt_tokens + (limit or 0)} tokens."
        )
        raise Complaint(400, "BadRequestError", text)
    return int(limit or room)


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _head(answer: Answer, kind: str) -> Object:
    return {"id": answer.id, "object": kind, "created": answer.created, "model": answer.model}


def _line(answer: Answer, delta: Object, finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _data({**_head(answer, "chat.completion.chunk"), "choices": [choice]})


def _data(body: Object) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"
