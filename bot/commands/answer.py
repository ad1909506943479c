"""Pure: one answer while it comes, and what is said of it at its end."""

import json
from dataclasses import dataclass, field
from typing import Any

from bot.notice import Facts, Footer
from bot.relay import Piece, Question
from bot.relay.completions import body_of

SLICE = 2_400
"""Characters of JSON in one code block; escaped they may be more, and Slack shows 3,000."""

SLICES = 4
"""Code blocks of one text; a message with many more is refused by Slack."""


@dataclass(slots=True)
class Answer:
    """What has come of an answer. Times in seconds of one clock; `broken` says why it stopped."""

    model: str
    begun: float
    first: float | None = None
    ended: float = 0.0
    broken: str = ""
    last: Piece = field(default_factory=Piece)
    said: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)

    def take(self, piece: Piece) -> None:
        """Add what has come."""
        if piece.folds:
            self.thought += self.said
            self.said = []
        elif piece.finish:
            self.last = piece
        elif piece.text:
            (self.thought if piece.thought else self.said).append(piece.text)

    def footer(self, served: str) -> Footer:
        """Return the end of the answer; `served` is the name that Git says it is served by."""
        thought = sum(map(len, self.thought))
        only = bool(thought) and not "".join(self.said).strip()
        rest = 0.0 if self.first is None else self.ended - self.first
        tokens = self.last.tokens if self._counted else None
        return Footer(
            model=self._named(served),
            first_token=None if self.first is None else self.first - self.begun,
            tokens=tokens,
            tokens_per_second=tokens / rest if tokens and rest > 0 else None,
            finish=self.last.finish,
            prompt_tokens=self.last.prompt_tokens,
            broken=self.broken,
            only_thought=only and self.last.finish == "length",
            thought=thought,
        )

    def raw(self, question: Question) -> Facts:
        """Return the JSON that was sent, and the answer's as if it had come whole."""
        usage = self._counted and {
            "prompt_tokens": self.last.prompt_tokens,
            "completion_tokens": self.last.tokens,
            "total_tokens": self.last.prompt_tokens + self.last.tokens,
        }
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.said)}
        if self.thought:
            message["reasoning"] = "".join(self.thought)
        choice = {"index": 0, "message": message, "finish_reason": self.last.finish or None}
        answer = {
            "id": self.last.id,
            "object": "chat.completion",
            "model": self.last.model or self.model,
            "choices": [choice],
            "usage": usage or None,
        }
        copies = (*_slices(body_of(self.model, question)), *_slices(answer))
        return Facts("Request and answer as JSON", (), copies)

    @property
    def _counted(self) -> bool:
        """Whether the engine has counted tokens: its count of the prompt, never 0, tells.

        Pieces are counted where it has not, and a piece may hold any number of tokens.
        """
        return self.last.prompt_tokens > 0

    def _named(self, served: str) -> str:
        """Return the model's name, and any other name that somebody has for it."""
        others = []
        if self.last.model not in {"", self.model}:
            others.append(f"the answer says {self.last.model}")
        if served and served != self.model:
            others.append(f"Git says {served}")
        return f"{self.model} ({'; '.join(others)})" if others else self.model


def _slices(body: dict[str, Any]) -> list[str]:
    text = json.dumps(body, ensure_ascii=False, indent=2)
    slices = [text[at : at + SLICE] for at in range(0, len(text), SLICE)]
    return slices if len(slices) <= SLICES else [*slices[: SLICES - 1], f"{slices[SLICES - 1]}…"]
