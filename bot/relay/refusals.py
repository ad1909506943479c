"""Pure: what an engine's refusal says, in our words: error bodies of both engines and of proxies.

Sources: the error bodies of vLLM 0.10.0 (flat) and later (nested), SGLang (flat; nested in a
stream), both engines' 401 (`error` is a text), FastAPI (`detail`), Kubernetes' Status (`message`).
"""

from typing import Any

import msgspec

MOST = 64 * 1024
"""Most bytes read of a refusal."""

SHOWN = 300
"""Most characters shown of one."""

_SHUT = (401, 403)
_REDIRECTS = range(300, 400)


def refusal(host: str, status: int, body: bytes, *, keyed: bool) -> str:
    """Return the line for a status that is no answer; `keyed` says that we sent an API key."""
    if status in _REDIRECTS:
        return f"asking {host}: {status}, a redirect, which is not followed; who answers there?"
    said = " ".join(filter(None, (str(status), message_of(body))))
    if is_shut(status):
        return f"asking {host}: {said}; {_to_do(body, keyed=keyed)}"
    return f"asking {host}: {said}"


def is_shut(status: int) -> bool:
    """Say whether a status means that nobody gets in until a person changes something."""
    return status in _SHUT


def _to_do(body: bytes, *, keyed: bool) -> str:
    if b'"kind":"Status"' in body.replace(b" ", b""):  # of the API server, on the way to an engine
        return "check the kubeconfig's user and its rights, kustomize/leadline/asking"
    return "check the API key file" if keyed else "it wants an API key; name its Secret in Git"


def message_of(body: bytes) -> str:
    """Return the words of an error body as one line; nothing where it has none that we know."""
    try:
        found = msgspec.json.decode(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return ""
    return " ".join(_words(found).split())[:SHOWN]


def _words(found: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(found, str):
        return found
    if not isinstance(found, dict):
        return ""
    for name in ("error", "message", "detail"):
        if said := _words(found.get(name)):
            return said
    return ""
