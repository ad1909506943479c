"""Pure: ModelDeployment, what should run, with every rule that needs no other knowledge.

Rules of names: LeaderWorkerSet names are DNS-1035 labels, and the pods of a StatefulSet carry a
revision label of at most 63 characters, hence 45 here (Kubernetes issue 64023).
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from gitops.errors import InvalidRequestError

MAX_NAME = 45
"""Longest deployment name, in characters; leaves room for group, worker and revision suffixes."""

MAX_GROUPS = 1_000
"""Most groups of one deployment; far above any rollout we have seen, far below the CRD's limit."""

MAX_GPUS_PER_POD = 16
"""Most GPUs of one pod; the largest node on offer has 16."""

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_QUANTITY = re.compile(r"[1-9][0-9]*(Ki|Mi|Gi|Ti)\Z")
_IMAGE = re.compile(
    r"[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?\Z"
)
_PATH = re.compile(r"/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z")
_SERVED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}\Z")
_RESERVED = frozenset({"vllm"})  # a Service of this name breaks every vLLM pod of the namespace


class Engine(StrEnum):
    """The inference engines that Leadline deploys."""

    VLLM = "vllm"
    SGLANG = "sglang"


@dataclass(frozen=True, slots=True)
class ModelDeployment:
    """One model on one LeaderWorkerSet, complete: nothing else decides what is rendered.

    `replicas` counts groups, `size` pods of one group (its leader included). Raises
    InvalidRequestError, naming the rule, when a value breaks one.
    """

    name: str
    environment: str
    model: str
    engine: Engine
    engine_version: str
    image: str
    replicas: int
    size: int
    gpus_per_pod: int
    tensor_parallel_size: int
    pipeline_parallel_size: int
    model_path: str
    served_model_name: str
    claim: str
    namespace: str
    cpu: int
    memory: str
    shared_memory: str

    def __post_init__(self) -> None:
        check_name("name", self.name)
        check_name("environment", self.environment)
        check_name("namespace", self.namespace)
        check_name("claim", self.claim)
        self._check_counts()
        self._check_parallel_sizes()
        self._check_texts()

    @property
    def gpus(self) -> int:
        """GPUs of all groups together."""
        return self.replicas * self.size * self.gpus_per_pod

    @property
    def folder(self) -> str:
        """Folder of the overlay in the repository."""
        return f"overlays/{self.environment}/{self.name}"

    @property
    def shape(self) -> str:
        """Groups x (pods x GPUs), as it stands in titles and cards."""
        return f"{self.replicas}×({self.size}×{self.gpus_per_pod} GPU)"

    def _check_counts(self) -> None:
        _check_range("replicas", self.replicas, 0, MAX_GROUPS)
        _check_range("size", self.size, 1, 64)
        _check_range("GPUs a pod", self.gpus_per_pod, 1, MAX_GPUS_PER_POD)
        _check_range("CPU", self.cpu, 1, 512)
        _check_range("tensor parallel size", self.tensor_parallel_size, 1, 1024)
        _check_range("pipeline parallel size", self.pipeline_parallel_size, 1, 1024)

    def _check_parallel_sizes(self) -> None:
        wanted = self.tensor_parallel_size * self.pipeline_parallel_size
        if wanted != (there := self.size * self.gpus_per_pod):
            raise InvalidRequestError(
                f"TP {self.tensor_parallel_size} × PP {self.pipeline_parallel_size} = {wanted} GPUs"
                f" a group, but {self.size} pods × {self.gpus_per_pod} GPU = {there};"
                " make them equal"
            )

    def _check_texts(self) -> None:
        _check_pattern("memory", self.memory, _QUANTITY, "a quantity such as 52Gi")
        _check_pattern("shared memory", self.shared_memory, _QUANTITY, "a quantity such as 15Gi")
        _check_pattern("image", self.image, _IMAGE, "registry/name:tag or name@sha256:digest")
        _check_pattern(
            "served model name", self.served_model_name, _SERVED, "letters, digits, ._/-"
        )
        _check_path(self.model_path)
        if self.image.endswith(":latest") or not re.search(r":[^/]+\Z", self.image):
            raise InvalidRequestError(f"image {self.image}: pin a version tag or a digest")


def check_name(field: str, value: str) -> None:
    """Refuse a name that a LeaderWorkerSet, a namespace or a folder could not carry.

    Raises:
        InvalidRequestError: with the offending character or rule.
    """
    if not value:
        raise InvalidRequestError(f"{field}: empty; give a name such as qwen3-32b")
    if len(value) > MAX_NAME:
        raise InvalidRequestError(f"{field} {value[:MAX_NAME]}…: longer than {MAX_NAME} characters")
    for character in value:
        if character not in "abcdefghijklmnopqrstuvwxyz0123456789-":
            raise InvalidRequestError(
                f"{field} {printable(value)}: {_called(character)} is not allowed;"
                " use small letters, digits and -"
            )
    if not _NAME.match(value):
        raise InvalidRequestError(
            f"{field} {value}: must begin with a letter and end with a letter or digit"
        )
    if value in _RESERVED:
        raise InvalidRequestError(
            f"{field} {value}: a Service of this name would set VLLM_PORT; choose another"
        )


def printable(text: str) -> str:
    """Return `text` with control and invisible characters spelled out, at most 80 characters."""
    shown = "".join(c if unicodedata.category(c)[0] not in "CZ" or c == " " else "�" for c in text)
    return shown if len(shown) <= 80 else shown[:79] + "…"  # noqa: PLR2004 - one line of a terminal


def _called(character: str) -> str:
    if character.isprintable() and not character.isspace():
        return f"“{character}”"
    return unicodedata.name(character, f"the character U+{ord(character):04X}")


def _check_range(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidRequestError(f"{field} {value}: must be between {low} and {high}")


def _check_pattern(field: str, value: str, pattern: re.Pattern[str], example: str) -> None:
    if not pattern.match(value):
        raise InvalidRequestError(f"{field} {printable(value)}: expected {example}")


def _check_path(path: str) -> None:
    _check_pattern("model path", path, _PATH, "an absolute path such as /models/Qwen3-32B")
    if {".", ".."} & set(path.split("/")):
        raise InvalidRequestError(f"model path {path}: “.” and “..” are not allowed")
