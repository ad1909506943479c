"""Port: an OpenAI-compatible engine inside the cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

PORT = 8000
"""The port every leader and leader Service listens on."""


@dataclass(frozen=True, slots=True)
class Question:
    """One chat completion; the defaults are the ACK guide's test call.

    `thinking` switches a reasoning model's thoughts; None leaves that to the model.
    """

    prompt: str
    max_tokens: int = 30
    temperature: float = 0.7
    top_p: float = 0.9
    seed: int = 10
    system: str = ""
    thinking: bool | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of an answer; `finish` is the engine's reason on the last one, `tokens` its count."""

    text: str = ""
    finish: str = ""
    tokens: int = 0


class Endpoint(Protocol):
    """An engine, by its in-cluster host. It asks only hosts that Leadline itself made names for."""

    def model(self, host: str) -> str:
        """Return the id of the model that the engine serves."""
        ...

    def stream(self, host: str, model: str, question: Question) -> Iterator[Piece]:
        """Ask and yield the answer piece by piece.

        Raises:
            EngineUnavailableError: no answer, a refusal, or a stream that broke off.
        """
        ...
