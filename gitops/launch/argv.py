"""Pure: arguments as argv items, and how a person's text stays literal in them.

The kubelet expands `$(NAME)` in args and env, and turns `$$` into `$`; nothing else is special, and
no shell reads the items. Source: Kubernetes, third_party/forked/golang/expansion/expand.go.
"""

import re
from dataclasses import dataclass

from gitops.deployment import ModelDeployment

PORT = "8000"
"""Where every engine serves."""

KEY_VARIABLE = "API_KEY"
"""The variable that holds the API key; the component api-key takes it from a Secret."""

LEADER, PODS, RANK = "$(LWS_LEADER_ADDRESS)", "$(LWS_GROUP_SIZE)", "$(LWS_WORKER_INDEX)"
"""Expanded by the kubelet from variables that LeaderWorkerSet's webhook adds to every container."""

_OPERATOR = re.compile(r"\$(?=[$(])")


@dataclass(frozen=True, slots=True)
class Launch:
    """Arguments of the leader, and of the workers where they take any."""

    leader: tuple[str, ...]
    workers: tuple[str, ...] | None


def literal(text: str) -> str:
    """Return what the kubelet expands to `text`: `$(` becomes `$$(`, and each `$` of `$$` two."""
    return _OPERATOR.sub("$$", text)


def extra(deployment: ModelDeployment) -> tuple[str, ...]:
    """Return a person's extra arguments; they come last, so that they win over recipe defaults."""
    return tuple(literal(argument) for argument in deployment.engine_args)


def api_key(deployment: ModelDeployment) -> tuple[str, ...]:
    """Return the arguments that make the server ask for its key."""
    return ("--api-key", f"$({KEY_VARIABLE})") if deployment.api_key_secret else ()


def above_one(flag: str, size: int) -> tuple[str, ...]:
    """Return a flag and its size, nothing for a size of 1."""
    return (flag, str(size)) if size > 1 else ()
