"""Pure: one answer of an engine: its tokens, where they end, and what they count.

Sources: the chat servers of vLLM 0.10.0 to 0.32.0 and SGLang 0.4.10.post2: which tokens count,
where a stop string cuts, what a reasoning parser makes of thoughts that are cut off.
"""

import itertools
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from sandbox.cluster.objects import Object
from sandbox.engine.complaints import Complaint, malformed
from sandbox.engine.profile import Profile
from sandbox.engine.sampling import Sampling, sampling_of
from sandbox.engine.speech import Speech, speak, tokens

Kind = Literal["mark", "thought", "text", "end"]


class Token(NamedTuple):
    """What the model emits: `mark` is <think> or </think>, `end` the end of the answer."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, cut to its length. `stop` is the string that ended it, if one did."""

    model: str
    prompt_tokens: int
    said: Sequence[Token]
    emitted: int
    finish: Literal["stop", "length"]
    stop: str | None
    created: int
    sampling: Sampling

    @property
    def id(self) -> str:
        """The same answer has the same id."""
        return f"chatcmpl-{zlib.crc32(repr(self.said).encode()):08x}"

    def usage(self, profile: Profile) -> Object:
        """Return the counts of tokens."""
        counts: Object = {
            "prompt_tokens": self.prompt_tokens,
            "total_tokens": self.prompt_tokens + self.emitted,
            "completion_tokens": self.emitted,
        }
        if profile.modern:
            thoughts = sum(token.kind == "thought" for token in self.said) if profile.fields else 0
            counts["completion_tokens_details"] = {"reasoning_tokens": thoughts}
        return counts


def prompt_of(body: Mapping[str, Any]) -> str:
    """Return the text of the last message of the user."""
    messages = body.get("messages")
    said = [each for each in _messages(messages) if each.get("role") == "user"]
    return _text(said[-1]) if said else ""


def complete(body: Mapping[str, Any], profile: Profile, created: int) -> Answer:
    """Answer a request, or complain about it."""
    sampling = sampling_of(body, profile)
    model = _model(body, profile)
    messages = _checked(body, profile)
    prompt_tokens = sum(len(tokens(_text(each))) for each in messages)
    room = _room(sampling, profile, prompt_tokens)
    speech = speak(prompt_of(body), sampling.seed, thinking=sampling.thinking)
    emitted = _cut(_tokens(speech, sampling), room)
    finish: Literal["stop", "length"] = "length" if emitted.cut else "stop"
    answer = Answer(
        model, prompt_tokens, emitted.said, len(emitted.said), finish, None, created, sampling
    )
    return _stopped(answer)


class _Emitted(NamedTuple):
    said: list[Token]
    cut: bool


def _tokens(speech: Speech, sampling: Sampling) -> Iterable[Token]:
    """Return what the model would say if nobody stopped it."""
    text = [Token("text", each) for each in tokens(speech.text)]
    said: list[Token] = []
    if speech.thought:
        thought = [Token("thought", each) for each in tokens(speech.thought)]
        said = [
            *(Token("mark", "<think>"), Token("thought", "\n"), *thought, Token("thought", "\n")),
            *(Token("mark", "</think>"), Token("text", "\n\n")),
        ]
    if sampling.ignore_eos:
        return itertools.chain(said, itertools.cycle(text))
    return [*said, *text, Token("end", "")]


def _cut(said: Iterable[Token], room: int) -> _Emitted:
    first = list(itertools.islice(said, room))
    return _Emitted(first, not first or first[-1].kind != "end")


def _stopped(answer: Answer) -> Answer:
    """Cut an answer before the first stop string in it; its tokens were emitted all the same."""
    text = "".join(token.text for token in answer.said)
    found = [(text.index(stop), stop) for stop in answer.sampling.stop if stop and stop in text]
    if not found:
        return answer
    place, stop = min(found)
    said, emitted = _before(answer.said, place), len(_before(answer.said, place + len(stop)))
    return replace(answer, said=said, emitted=emitted, finish="stop", stop=stop)


def _before(said: Sequence[Token], end: int) -> list[Token]:
    """Return the tokens of the first `end` characters, the last one cut."""
    kept: list[Token] = []
    for token in said:
        if end <= 0:
            break
        kept.append(Token(token.kind, token.text[:end]))
        end -= len(token.text)
    return kept


def _model(body: Mapping[str, Any], profile: Profile) -> str:
    """Return the model's name in the answer: SGLang repeats what it was asked for."""
    model = body.get("model")
    if not profile.vllm:
        if not isinstance(model, str):
            raise malformed(profile, "body.model", "missing", "Field required", model)
        return model
    if model not in (None, "", profile.model):
        known = f" Valid aliases: {profile.model}." if profile.modern else ""
        param = "model" if profile.modern else None
        text = f"The model `{model}` does not exist.{known}"
        raise Complaint(text, 404, "NotFoundError", param)
    return profile.model


def _checked(body: Mapping[str, Any], profile: Profile) -> list[Mapping[str, Any]]:
    messages = body.get("messages")
    if not isinstance(messages, list):
        kind, text = "missing", "Field required"
        if "messages" in body:
            kind, text = "list_type", "Input should be a valid list"
        raise malformed(profile, "body.messages", kind, text, messages)
    if not messages:
        empty = "Messages cannot be empty."
        if profile.vllm:
            empty = "Cannot apply chat template to an empty conversation. "
            empty += "Provide at least one message."
        raise Complaint(empty)
    for number, each in enumerate(messages):
        if not isinstance(each, dict) or not isinstance(each.get("role"), str):
            where = f"body.messages.{number}.role"
            raise malformed(profile, where, "missing", "Field required", each)
        if each["role"] == "user" and not isinstance(each.get("content"), str | list):
            where = f"body.messages.{number}.content"
            text = "Input should be a valid string"
            raise malformed(profile, where, "string_type", text, each.get("content"))
    return messages


def _room(sampling: Sampling, profile: Profile, prompt_tokens: int) -> int:
    """Return how many tokens the answer may have."""
    room, limit = profile.context - prompt_tokens, sampling.limit
    if not profile.vllm:
        return _room_of_sglang(profile, prompt_tokens, limit)
    if profile.modern and (limit or 0) > profile.context:
        text = (
            f"max_tokens={limit} cannot be greater than max_model_len={profile.context}. "
            f"Please request fewer output tokens."
        )
        raise Complaint(f"{text} (parameter=max_tokens, value={limit})", param="max_tokens")
    if room < 1 or (not profile.modern and (limit or 0) > room):
        raise _too_long(profile, prompt_tokens, limit or 0)
    return min(room, limit or room)


def _too_long(profile: Profile, prompt_tokens: int, limit: int) -> Complaint:
    opening = f"This model's maximum context length is {profile.context} tokens. However, "
    if profile.modern:
        shown = min(prompt_tokens, profile.context + 1)  # it stops counting there
        least = "at least " if shown < prompt_tokens or shown > profile.context else ""
        text = (
            f"{opening}your prompt contains {least}{shown} input tokens, which exceeds this limit "
            "even without any output tokens. Please reduce the length of the input prompt. "
            f"(parameter=input_tokens, value={shown})"
        )
        return Complaint(text, param="input_tokens")
    if not limit:
        text = f"{opening}you requested {prompt_tokens} tokens in the messages, "
        return Complaint(text + "Please reduce the length of the messages.")
    return Complaint(
        f"{opening}you requested {prompt_tokens + limit} tokens ({prompt_tokens} in the messages, "
        f"{limit} in the completion). Please reduce the length of the messages or completion."
    )


def _room_of_sglang(profile: Profile, prompt_tokens: int, limit: int | None) -> int:
    total = prompt_tokens + (limit or 0)
    if prompt_tokens >= profile.context:
        text = (
            f"The input ({prompt_tokens} tokens) is longer than the model's context length "
            f"({profile.context} tokens)."
        )
        raise Complaint(text, late=True)
    if limit is not None and total >= profile.context:
        text = (
            "Requested token count exceeds the model's maximum context length of "
            f"{profile.context} tokens. You requested a total of {total} tokens: {prompt_tokens} "
            f"tokens from the input messages and {limit} tokens for the completion. Please reduce "
            "the number of tokens in the input messages or the completion to fit within the limit."
        )
        raise Complaint(text, late=True)
    return profile.context - prompt_tokens if limit is None else limit


def _messages(messages: object) -> list[Mapping[str, Any]]:
    return (
        [each for each in messages if isinstance(each, dict)] if isinstance(messages, list) else []
    )


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
