"""Pure: what kind of server a pod runs, read from its container, as one frozen value.

Sources, read release by release: vLLM 0.10.0, 0.12.0, 0.14.1, 0.18.1, 0.24.0 and 0.32.0, SGLang
0.4.10.post2 and 0.5.9 (entrypoints, protocols, reasoning parsers, metrics); a border lies at the
last release read that behaved in the old way.
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
_GUIDE = {"vllm": (0, 10, 0), "sglang": (0, 4, 10)}  # for an image that tells no version
_CONTEXT = 40960  # Qwen3's max_position_embeddings, when the container names none
_SEATS = {"vllm": 256, "sglang": 2048}  # requests that run at once, when the container names none

_LAST_FLAT_ERROR = (0, 10, 0)
_LAST_REASONING_CONTENT = (0, 11, 0)
_LAST_BOTH_FIELDS = (0, 14, 1)
_LAST_SHY_PARSER = (0, 14, 1)  # a whole answer with one mark of two is all text
_LAST_OLDER = (0, 24, 0)
_LAST_HEAVY_HEALTH = (0, 5, 4)  # from SGLang 0.5.5 on an environment variable makes it light
_SHORT_SERVER_INFO = (0, 5, 9)


@dataclass(frozen=True, slots=True)
class Profile:
    """One server.

    `fields` are the names of the thoughts in an answer; () without a reasoning parser, which
    leaves them in the text. `seats` is how many requests run at once, `keys` the API keys it
    takes (() for an open server), `metered` whether it has /metrics, `light_health` whether
    SGLang's /health asks nobody.
    """

    flavour: Flavour
    version: tuple[int, ...]
    model: str
    root: str
    context: int
    fields: tuple[str, ...]
    keys: tuple[str, ...]
    seats: int
    metered: bool
    light_health: bool

    @property
    def vllm(self) -> bool:
        """Say whether it is vLLM; otherwise it is SGLang."""
        return self.flavour == "vllm"

    @property
    def release(self) -> str:
        """Return the version as it writes it."""
        return ".".join(map(str, self.version))

    @property
    def modern(self) -> bool:
        """Say whether it is a vLLM of the younger generation.

        It fits max_tokens to the room that is left, names parameters in its errors, and counts
        thoughts apart.
        """
        return self.vllm and self.version > _LAST_OLDER

    @property
    def shy_parser(self) -> bool:
        """Say whether its reasoning parser leaves a whole answer alone that was cut in thought."""
        return self.vllm and self.version <= _LAST_SHY_PARSER

    @property
    def flat_errors(self) -> bool:
        """Say whether an error stands at the top of the body."""
        return not self.vllm or self.version <= _LAST_FLAT_ERROR

    @property
    def short_info(self) -> bool:
        """Say whether SGLang also has /server_info and /model_info."""
        return not self.vllm and self.version >= _SHORT_SERVER_INFO

    def guards(self, path: str) -> bool:
        """Say whether a path asks for the API key."""
        if self.vllm:
            return path.startswith("/v1")
        return not path.startswith(("/health", "/metrics"))


def profile_of(pod: Object) -> Profile:
    """Read the first container of a pod."""
    container = pod["spec"]["containers"][0]
    kind = flavour(container)
    found = _VERSION.search(container.get("image", ""))
    version = tuple(int(part) for part in found.groups()) if found else _GUIDE[kind]
    return Profile(
        flavour=kind,
        version=version,
        model=served_name(container),
        root=model_path(container),
        context=_number(container, _CONTEXT, "--max-model-len", "--context-length"),
        fields=_fields(kind, version) if switched_on(container, "--reasoning-parser") else (),
        keys=_keys(container, kind),
        seats=_number(container, _SEATS[kind], "--max-num-seqs", "--max-running-requests"),
        metered=kind == "vllm" or switched_on(container, "--enable-metrics"),
        light_health=version > _LAST_HEAVY_HEALTH
        and _environment(container, "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION") == "false",
    )


def reachable(pod: Object) -> bool:
    """Say whether others reach its server: SGLang listens on loopback unless told otherwise."""
    container = pod["spec"]["containers"][0]
    host = option(container, "--host") or ("" if flavour(container) == "vllm" else "127.0.0.1")
    return not host.startswith(("127.", "localhost"))


def minds_health(pod: Object) -> bool:
    """Say whether a worker answers probes: SGLang's does, vLLM's opens no port."""
    return flavour(pod["spec"]["containers"][0]) == "sglang"


def _fields(kind: Flavour, version: tuple[int, ...]) -> tuple[str, ...]:
    if kind == "sglang" or version <= _LAST_REASONING_CONTENT:
        return ("reasoning_content",)
    return ("reasoning", "reasoning_content") if version <= _LAST_BOTH_FIELDS else ("reasoning",)


def _keys(container: Object, kind: Flavour) -> tuple[str, ...]:
    """Return the API keys; the argument stands before vLLM's variable."""
    inherited = _environment(container, "VLLM_API_KEY") if kind == "vllm" else ""
    key = option(container, "--api-key") or inherited
    return (key,) if key else ()


def _environment(container: Object, name: str) -> str:
    values = {each["name"]: each.get("value", "") for each in container.get("env") or []}
    return str(values.get(name, ""))


def _number(container: Object, default: int, *names: str) -> int:
    return int(option(container, *names) or default)
