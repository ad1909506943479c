"""Port: an OpenAI-compatible engine inside the cluster."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

PORT = 8000
"""The port every leader and leader Service listens on."""

CANCELLED = "cancelled"
"""The finish of an answer that nobody waited for any more."""


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


class Piece(msgspec.Struct, frozen=True):
    """A bit of an answer.

    `thought` says that the text is reasoning; `folds` that all text before this piece was
    reasoning too, as only its end was marked. The last piece has `finish`, the engine's own reason,
    with its counts of tokens, the model that the answer names, and the answer's id.

    A struct of msgspec, since one is made for each token.
    """

    text: str = ""
    thought: bool = False
    folds: bool = False
    finish: str = ""
    tokens: int = 0
    prompt_tokens: int = 0
    model: str = ""
    id: str = ""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Call:
    """How one question is asked.

    `api_key` is what the engine wants to see, empty for an open one. `cancelled` says that nobody
    waits any more; it is asked a few times a second, from another thread.
    """

    api_key: str = field(default="", repr=False)
    cancelled: Callable[[], bool] = _never


OPEN = Call()
"""A question to an engine without an API key, which is asked to its end."""


class Endpoint(Protocol):
    """An engine, by its in-cluster host. It asks only hosts that Leadline itself made names for."""

    def model(self, host: str, api_key: str = "", wanted: str = "") -> str:
        """Return the id of the model that the engine serves: `wanted` if it is among several.

        Raises:
            EngineAbsentError: nobody listens.
            EngineShutError: it takes no call of ours, such as one without its API key.
            EngineUnavailableError: another reason.
        """
        ...

    def stream(
        self, host: str, model: str, question: Question, call: Call = OPEN
    ) -> Generator[Piece, None, None]:
        """Ask and yield the answer piece by piece; closing it closes the engine's connection.

        Raises:
            EngineAbsentError, EngineShutError: as above.
            EngineUnavailableError: another refusal, or a stream that broke off.
        """
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine's API begins; `headers` are for the way there and may hold credentials."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Route(Protocol):
    """The way to the engines of a cluster."""

    def address(self, host: str, api_key: str) -> Address:
        """Return where the engine at an in-cluster host is asked.

        Raises:
            EngineShutError: there is no such way, or it would lose the API key.
        """
        ...


class Keys(Protocol):
    """The API keys of deployments."""

    def key(self, environment: str, name: str, secret: str) -> str:
        """Return the key of a deployment that names the Secret `secret`.

        Raises:
            EngineShutError: there is none here, with where it belongs.
        """
        ...


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one cluster, and the API keys that may be sent there."""

    endpoint: Endpoint
    keys: Keys


class Cancels(Protocol):
    """Which answers people want no more of."""

    def cancel(self, key: str) -> None:
        """Remember that nobody waits for the answer of this ask."""
        ...

    def cancelled(self, key: str) -> bool:
        """Say whether somebody cancelled it, asked a few times a second."""
        ...
