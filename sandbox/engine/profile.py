"""Pure: what kind of server a leader runs, read from its container.

Sources: the engines' servers by version (fields and errors).
"""

import re
from dataclasses import dataclass

from sandbox.cluster.containers import (
    Flavour,
    flavour,
    model_path,
    option,
    served_name,
    switched_on,
)
from sandbox.cluster.objects import Object

_VERSION = re.compile(r":v?(\d+)\.(\d+)\.(\d+)")
_CONTEXT = 40960  # Qwen3's max_position_embeddings, when --max-model-len is not given
_LAST_FLAT_ERROR = (0, 10, 0)  # vLLM's errors are flat up to here, then inside {"error": …}
_LAST_REASONING_CONTENT = (0, 11, 0)
_LAST_BOTH_FIELDS = (0, 14, 1)


@dataclass(frozen=True, slots=True)
class Profile:
    """One server. `reasoning` names the fields of the thoughts; () leaves them in the text."""

    flavour: Flavour
    version: tuple[int, ...]
    model: str
    root: str
    context: int
    reasoning: tuple[str, ...]

    @property
    def flat_errors(self) -> bool:
        """Say whether an error stands at the top of the body."""
        return self.flavour == "sglang" or self.version <= _LAST_FLAT_ERROR


def profile_of(pod: Object) -> Profile:
    """Read the first container of a leader."""
    container = pod["spec"]["containers"][0]
    kind = flavour(container)
    found = _VERSION.search(container.get("image", ""))
    version = tuple(int(part) for part in found.groups()) if found else _LAST_FLAT_ERROR
    context = option(container, "--max-model-len", "--context-length")
    return Profile(
        flavour=kind,
        version=version,
        model=served_name(container),
        root=model_path(container),
        context=int(context or _CONTEXT),
        reasoning=_fields(kind, version) if switched_on(container, "--reasoning-parser") else (),
    )


def _fields(kind: Flavour, version: tuple[int, ...]) -> tuple[str, ...]:
    if kind == "sglang" or version <= _LAST_REASONING_CONTENT:
        return ("reasoning_content",)
    return ("reasoning", "reasoning_content") if version <= _LAST_BOTH_FIELDS else ("reasoning",)
