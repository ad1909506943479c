"""Pure: Model, one model on offer: its shape, its checkpoints and where its files lie.

Sources: our arithmetic (bytes of each number format).
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gitops.errors import InvalidRequestError
from gitops.models import shape as counting
from gitops.models.shape import Shape

GIB = 1024**3


class Scheme(StrEnum):
    """Number format of the weights."""

    BF16 = "bf16"
    FP8 = "fp8"
    INT4 = "int4"
    MXFP4 = "mxfp4"


class KvDtype(StrEnum):
    """Number format of the KV cache."""

    BF16 = "bf16"
    FP8 = "fp8"

    @property
    def size(self) -> int:
        """Bytes of one value."""
        return 1 if self is KvDtype.FP8 else 2


@dataclass(frozen=True, slots=True)
class Yarn:
    """Rope scaling that stretches the trained length: `original` × `factor` tokens."""

    factor: float
    original: int


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to serve a model: a checkpoint, and the length it is served at.

    `block` is the side of the blocks of block-FP8, `group` the group size of int4 weights;
    `intermediate` is the MLP's width where the checkpoint pads it.
    """

    name: str
    scheme: Scheme
    repository: str
    method: str | None = None
    block: int | None = None
    group: int | None = None
    intermediate: int | None = None
    yarn: Yarn | None = None

    @property
    def path(self) -> str:
        """Folder of the checkpoint under the models' volume."""
        return f"/models/{self.repository.split('/')[-1]}"


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the files of the standard checkpoint lie, and their size in bytes."""

    path: str
    claim: str
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Engines:
    """The oldest release of each engine known to have the model's class; None: not known."""

    vllm: str | None = None
    sglang: str | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of the weights by part; the parts are divided differently over GPUs."""

    routed: Fraction
    embedding: Fraction
    rest: Fraction

    @property
    def total(self) -> int:
        """All parts together, in whole bytes; rounded down."""
        return int(self.routed + self.embedding + self.rest)


@dataclass(frozen=True, slots=True)
class Model:
    """A model on offer; every figure is counted from its shape."""

    id: str
    repository: str
    architecture: str
    shape: Shape
    modes: tuple[Mode, ...]
    storage: Storage
    licence: str | None = None
    engines: Engines = Engines()
    trust_remote_code: bool = False

    @property
    def parameters(self) -> int:
        """All parameters, without MTP layers."""
        return counting.parameters(self.shape)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token uses."""
        return counting.active_parameters(self.shape)

    @property
    def layers(self) -> int:
        """Decoder layers."""
        return self.shape.layers

    @property
    def heads(self) -> int:
        """Attention heads."""
        return self.shape.heads

    @property
    def kv_heads(self) -> int:
        """KV heads of grouped-query attention; the heads themselves with latent attention."""
        return self.shape.kv_heads

    @property
    def path(self) -> str:
        """Folder of the standard checkpoint."""
        return self.storage.path

    @property
    def claim(self) -> str:
        """PersistentVolumeClaim that holds the files."""
        return self.storage.claim

    @property
    def standard(self) -> Mode:
        """The checkpoint as published, at its own length."""
        return self.modes[0]

    @property
    def native_scheme(self) -> Scheme:
        """Number format of the standard checkpoint."""
        return self.standard.scheme

    @property
    def bytes_per_parameter(self) -> float:
        """Bytes of one parameter of the standard checkpoint, on average."""
        return self.weights_bytes(self.native_scheme) / self.parameters

    @property
    def weights_gib(self) -> float:
        """Weights of the standard checkpoint in GiB, all ranks together."""
        return self.weights_bytes(self.native_scheme) / GIB

    @property
    def longest(self) -> int:
        """Longest context in tokens that one of the modes serves."""
        return max(self.length(mode) for mode in self.modes)

    def length(self, mode: Mode) -> int:
        """Longest context of a mode, in tokens."""
        stretched = round(mode.yarn.factor * mode.yarn.original) if mode.yarn else 0
        return max(self.shape.max_positions, stretched)

    def mode(self, name: str) -> Mode:
        """Return a mode by its name.

        Raises:
            InvalidRequestError: this model has no such mode; the text names the ones it has.
        """
        for mode in self.modes:
            if mode.name == name:
                return mode
        names = ", ".join(mode.name for mode in self.modes)
        raise InvalidRequestError(f"mode {name}: {self.id} has none; choose one of {names}")

    def mode_of(self, scheme: Scheme) -> Mode:
        """Return the first mode whose checkpoint has this number format.

        Raises:
            InvalidRequestError: no checkpoint of the catalogue has it.
        """
        for mode in self.modes:
            if mode.scheme is scheme:
                return mode
        on_offer = ", ".join(dict.fromkeys(mode.scheme.value for mode in self.modes))
        raise InvalidRequestError(
            f"{scheme.value} weights: the catalogue knows no such checkpoint of {self.id};"
            f" on offer: {on_offer}"
        )

    def kv_bytes_per_token(self, dtype: KvDtype = KvDtype.BF16) -> int:
        """Bytes that one token keeps in the KV cache, all layers and ranks together."""
        return counting.kv_values_per_token(self.shape, self.layers) * dtype.size

    def weights_bytes(self, scheme: Scheme) -> int:
        """Bytes of all weights in a number format, with the default groups of `weights`."""
        return self.weights(scheme).total

    def weights(self, scheme: Scheme, group: int = 128) -> Weights:
        """Bytes of the weights by part, before any division over GPUs.

        Block-FP8 adds one float32 scale for 128×128 weights; int4 adds 2.5 bytes for each `group`
        weights; MXFP4 covers the routed experts only, with a one-byte scale for 32 weights.
        Embedding and output head stay in bf16. Source: the published FP8 and AWQ checkpoints.
        """
        routed = counting.routed_expert_parameters(self.shape)
        embedding = counting.embedding_parameters(self.shape)
        rest = self.parameters - routed - embedding
        size = _sizes(group)[scheme]
        rest_size = Fraction(2) if scheme is Scheme.MXFP4 else size
        return Weights(routed * size, embedding * Fraction(2), rest * rest_size)


def _sizes(group: int) -> dict[Scheme, Fraction]:
    return {
        Scheme.BF16: Fraction(2),
        Scheme.FP8: 1 + Fraction(4, 128 * 128),
        Scheme.INT4: Fraction(1, 2) + Fraction(5, 2 * group),
        Scheme.MXFP4: Fraction(1, 2) + Fraction(1, 32),
    }
