"""Pure: what a container's command says about the engine in it.

Sources: launch commands and flags of vLLM and SGLang.
"""

import re
import shlex
from typing import Literal

from sandbox.cluster.objects import Object

Flavour = Literal["vllm", "sglang"]

_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
_DEFAULT_PORTS = {"vllm": 8000, "sglang": 30000}
_MODEL_FLAGS = ("--model", "--model-path")


def words(container: Object) -> list[str]:
    """Return the words of command and args, shell scripts taken apart, $(NAME) filled in."""
    values = {each["name"]: each.get("value", "") for each in container.get("env") or []}
    result: list[str] = []
    for raw in [*(container.get("command") or []), *(container.get("args") or [])]:
        text = _REFERENCE.sub(lambda match: values.get(match[1], match[0]), raw)
        result.extend(shlex.split(text) if " " in text else [text])
    return result


def flavour(container: Object) -> Flavour:
    """Return the engine."""
    return "sglang" if any("sglang" in word for word in words(container)) else "vllm"


def option(container: Object, *names: str) -> str | None:
    """Return the value of a flag, `--name value` or `--name=value`."""
    found = words(container)
    for place, word in enumerate(found):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else next(iter(found[place + 1 :]), None)
    return None


def switched_on(container: Object, name: str) -> bool:
    """Say whether a flag stands in the command."""
    return any(word.partition("=")[0] == name for word in words(container))


def model_path(container: Object) -> str:
    """Return the path of the weights; the first word after `vllm serve` counts too."""
    found = words(container)
    if (path := option(container, *_MODEL_FLAGS)) is None and "serve" in found:
        path = next(iter(found[found.index("serve") + 1 :]), None)
    return path or "model"


def served_name(container: Object) -> str:
    """Return the model id that the server answers to."""
    return option(container, "--served-model-name") or model_path(container)


def port(container: Object) -> int:
    """Return the port that the server listens on."""
    return int(option(container, "--port") or _DEFAULT_PORTS[flavour(container)])
