"""Pure: what an engine says; the same prompt and seed give the same words.

A token is a word or one Chinese, Japanese or Korean character.
"""

import random
import re
from dataclasses import dataclass

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"\s*(?:[{_CJK}]|[^\s{_CJK}]+)")
_THOUGHTS = (
    "Let me read the question again.",
    "The person wants a short answer.",
    "I should check the facts first.",
    "There is more than one way to say this.",
)
_SENTENCES = (
    "One group of pods serves one copy of the model.",
    "The leader answers and the workers hold their share of the weights.",
    "When one pod of a group dies, the whole group starts again.",
    "A larger group takes a larger model; more groups take more callers.",
    "The weights are read from a shared volume when a pod starts.",
    "Every answer of this sandbox is made up, but always the same.",
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an engine speaks, in seconds of the sandbox."""

    first: float = 0.3
    token: float = 0.02


@dataclass(frozen=True, slots=True)
class Speech:
    """An answer in two parts; `thought` is "" when thinking is off."""

    thought: str
    text: str


def speak(prompt: str, seed: int | None, *, thinking: bool) -> Speech:
    """Return the answer to a prompt; its text contains the prompt."""
    chance = random.Random(f"{seed}/{prompt}")  # noqa: S311 - a story, not a secret
    thought = " ".join(chance.sample(_THOUGHTS, 2)) if thinking else ""
    return Speech(thought, f"You said: {prompt}\n\n" + " ".join(chance.sample(_SENTENCES, 3)))


def tokens(text: str) -> list[str]:
    """Cut a text into tokens; together they are the text, but for white space at its end."""
    return _TOKEN.findall(text)
