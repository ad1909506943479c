"""Pure: what a change is called in one line, for titles that people tell apart and search."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gitops.deployment import ModelDeployment

MOST = 3
"""Named changes of a title; the others are counted."""

_WORDS: Mapping[str, tuple[str, Callable[[ModelDeployment], object]]] = MappingProxyType({
    "model": ("model", lambda d: d.model),
    "engine": ("engine", lambda d: d.engine.value),
    "engine_version": ("version", lambda d: d.engine_version),
    "replicas": ("groups", lambda d: d.replicas),
    "size": ("pods a group", lambda d: d.size),
    "parallel": ("parallel", lambda d: str(d.parallel)),
    "max_model_len": ("context", lambda d: d.max_model_len or "the model's"),
    "quantization": ("quantization", lambda d: d.quantization or "none"),
    "claim": ("claim", lambda d: d.claim),
    "model_path": ("model path", lambda d: d.model_path),
    "lws_version": ("LWS", lambda d: d.lws_version),
    "namespace": ("namespace", lambda d: d.namespace),
    "expires": ("expiry", lambda d: d.expires or "none"),
})  # fmt: skip
"""Fields of which both values fit into a title, and how they are shown."""

_NAMES: Mapping[str, str] = MappingProxyType({
    "engine_args": "engine arguments",
    "environment_variables": "environment variables",
    "api_key_secret": "API key",
    "image_pull_secrets": "image pull Secrets",
    "restarted_at": "restart",
})  # fmt: skip
"""Names of the fields that are only named, where the field's own would not do."""

_UNSAID = frozenset({"name", "environment", "reason"})


def count(number: int, thing: str) -> str:
    """Return a number with its thing, which takes an s unless it is one."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def described(d: ModelDeployment) -> str:
    """Return what a deployment is: its engine and its shape."""
    return f"{d.engine.value} {d.engine_version} · {d.shape} · {d.parallel}"


def differing(before: ModelDeployment, after: ModelDeployment) -> list[str]:
    """Return the fields that differ, but for those that only say why."""
    fields = (field for field in before.__struct_fields__ if field not in _UNSAID)
    return [name for name in fields if getattr(before, name) != getattr(after, name)]


def changed(before: ModelDeployment, after: ModelDeployment) -> str:
    """Return what differs between two states, such as `context 8192 → 12000`."""
    names = differing(before, after)
    if not names:
        return "no setting changes, files are rendered anew"
    said = [_said(name, before, after) for name in names[:MOST]]
    more = [f"{len(names) - MOST} more"] if len(names) > MOST else []
    return ", ".join([*said, *more])


def _said(name: str, before: ModelDeployment, after: ModelDeployment) -> str:
    if name in _WORDS:
        word, value = _WORDS[name]
        return f"{word} {value(before)} → {value(after)}"
    return _NAMES.get(name, name.replace("_", " "))
