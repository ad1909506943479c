"""Pure: the parameters of a chat completion, typed and within the engine's bounds.

Sources: the request models and sampling parameters of vLLM 0.10.0 to 0.32.0 and SGLang
0.4.10.post2; vLLM 0.32.0's texts as a running server gave them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sandbox.cluster.objects import Object
from sandbox.engine.complaints import Complaint, malformed, wrong
from sandbox.engine.profile import Profile

_INT = ("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
_FLOAT = ("float_parsing", "Input should be a valid number, unable to parse string as a number")
_FRACTION = (
    "int_from_float",
    "Input should be a valid integer, got a number with a fractional part",
)
_BOOL = ("bool_parsing", "Input should be a valid boolean, unable to interpret input")
_DICT = ("dict_type", "Input should be a valid dictionary")
_LIST = ("list_type", "Input should be a valid list")
_STRING = ("string_type", "Input should be a valid string")
_WORDS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_PENALTY = 2  # the strongest, either way
_HOTTEST = 2  # temperature of younger vLLM


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a request asks for; `limit` is None for as much as there is room."""

    limit: int | None
    seed: int | None
    stop: tuple[str, ...]
    stream: bool
    usage: bool
    thinking: bool
    separate: bool
    ignore_eos: bool


def parsed(raw: bytes, content_type: str, profile: Profile) -> Object:
    """Return the body of a request, a JSON object; others are complained about."""
    if not content_type.startswith("application/json"):
        text = "Unsupported Media Type: Only 'application/json' is allowed"
        raise Complaint(f"1 validation error:\n  {text}", 400, "Bad Request")
    try:
        body = json.loads(raw)
    except ValueError as error:  # also bytes that are no UTF-8
        place = getattr(error, "pos", 0)
        raise malformed(
            profile, f"body.{place}", "json_invalid", "JSON decode error", {}
        ) from error
    if not isinstance(body, dict):
        text = "Input should be a valid dictionary or object to extract fields from"
        raise malformed(profile, "body", "model_attributes_type", text, body)
    return body


def sampling_of(body: Mapping[str, Any], profile: Profile) -> Sampling:
    """Read the parameters; types first, bounds then, as the engines do."""
    read = _Reader(body, profile)
    options = read.mapping("stream_options")
    asked = Sampling(
        limit=read.limit(),
        seed=read.whole("seed"),
        stop=read.stop(),
        stream=read.switch("stream", default=False),
        usage=bool(options.get("include_usage")),
        thinking=bool(read.mapping("chat_template_kwargs").get("enable_thinking", True)),
        separate=profile.vllm or read.switch("separate_reasoning", default=True),
        ignore_eos=read.switch("ignore_eos", default=False),
    )
    if profile.vllm and options and not asked.stream:
        text = "Stream options can only be defined when `stream=True`."
        shown = f"{text} (parameter=stream_options)" if profile.modern else text
        raise Complaint(shown, param="stream_options" if profile.modern else None)
    _check_bounds(read, profile)
    return asked


class _Reader:
    """Takes values out of a body and complains about their types."""

    def __init__(self, body: Mapping[str, Any], profile: Profile) -> None:
        self._body = body
        self._profile = profile

    def whole(self, name: str) -> int | None:
        value = self.number(name, _INT)
        if value is not None and value != int(value):
            raise self._malformed(name, _FRACTION)
        return None if value is None else int(value)

    def number(self, name: str, wanted: tuple[str, str] = _FLOAT) -> float | None:
        value = self._body.get(name)
        if value is None:
            return None
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise self._malformed(name, wanted) from error

    def switch(self, name: str, *, default: bool) -> bool:
        value = self._body.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        if str(value).lower() not in _WORDS:
            raise self._malformed(name, _BOOL)
        return _WORDS[str(value).lower()]

    def mapping(self, name: str) -> Mapping[str, Any]:
        value = self._body.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._malformed(name, _DICT)
        return value or {}

    def stop(self) -> tuple[str, ...]:
        value = self._body.get("stop")
        if value is None:
            return ()
        if not isinstance(value, str | list):
            raise self._malformed("stop", _LIST)
        texts = (value,) if isinstance(value, str) else tuple(value)
        if not all(isinstance(text, str) for text in texts):
            raise self._malformed("stop", _STRING)
        if "" in texts and self._profile.vllm:
            raise Complaint("stop cannot contain an empty string.")
        return texts

    def limit(self) -> int | None:
        newer, older = self.whole("max_completion_tokens"), self.whole("max_tokens")
        return older if newer is None else newer

    def _malformed(self, name: str, wanted: tuple[str, str]) -> Complaint:
        kind, text = wanted
        return malformed(self._profile, f"body.{name}", kind, text, self._body[name])


class _Bound(NamedTuple):
    """Where a parameter must lie; `named` says that younger vLLM names it once more."""

    name: str
    holds: Callable[[float], bool]
    text: str
    named: bool = False
    whole: bool = False


_SHARED = (
    _Bound("temperature", lambda heat: heat >= 0, "must be non-negative", named=True),
    _Bound("top_p", lambda top_p: 0 < top_p <= 1, "must be in (0, 1]", named=True),
    _Bound("min_p", lambda min_p: 0 <= min_p <= 1, "must be in [0, 1]"),
    _Bound("presence_penalty", lambda penalty: abs(penalty) <= _PENALTY, "must be in [-2, 2]"),
    _Bound("frequency_penalty", lambda penalty: abs(penalty) <= _PENALTY, "must be in [-2, 2]"),
    _Bound("n", lambda count: count >= 1, "must be at least 1", whole=True),
)
_YOUNGER = (_Bound("temperature", lambda heat: heat <= _HOTTEST, "must be in [0, 2]", named=True),)
_VLLM = (
    _Bound("repetition_penalty", lambda penalty: penalty > 0, "must be greater than zero"),
    _Bound("top_k", lambda k: k >= -1, "must be 0 (disable), or at least 1", whole=True),
)
_SGLANG = (
    _Bound("repetition_penalty", lambda penalty: 0 <= penalty <= _PENALTY, "must be in [0, 2]"),
    _Bound("top_k", lambda k: k == -1 or k >= 1, "must be -1 (disable) or at least 1", whole=True),
)


def _check_bounds(read: _Reader, profile: Profile) -> None:
    own = _VLLM if profile.vllm else _SGLANG
    for bound in (*_SHARED, *own, *(_YOUNGER if profile.modern else ())):
        value = read.whole(bound.name) if bound.whole else read.number(bound.name)
        if value is not None and not bound.holds(value):
            text = f"{bound.name} {bound.text}, got {value}."
            raise _out_of(bound, text, value, profile)
    if (read.whole("n") or 1) > 1:
        raise Complaint("n must be 1: the sandbox's engines give one answer to a question.")
    _check_limit(read.limit(), profile)


def _out_of(bound: _Bound, text: str, value: float, profile: Profile) -> Complaint:
    if bound.named:
        return wrong(profile, bound.name, text, value)
    return Complaint(text, late=True)


def _check_limit(limit: int | None, profile: Profile) -> None:
    if limit is None:
        return
    if profile.vllm and limit < 1:
        text = f"max_tokens must be at least 1, got {limit}."
        raise wrong(profile, "max_tokens", text, limit)
    if limit < 0:
        raise Complaint(f"max_new_tokens must be at least 0, got {limit}.", late=True)
