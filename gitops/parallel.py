"""Pure: how one group of pods divides a model."""

import msgspec

from gitops.errors import InvalidRequestError

MAX_RANKS = 1024
"""Most ranks of one kind; far above any group we have seen."""


class Parallel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Ranks of each kind: tensor, pipeline, data and expert parallel sizes.

    `data` multiplies the GPUs of the group; `expert` is the expert parallel size, 1 when off, and
    uses the GPUs of the others. Raises InvalidRequestError for a size below 1.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1

    def __post_init__(self) -> None:
        sizes = (self.tensor, self.pipeline, self.data, self.expert)
        for name, size in zip(("TP", "PP", "DP", "EP"), sizes, strict=True):
            if not 1 <= size <= MAX_RANKS:
                shown = str(size)[:20]
                raise InvalidRequestError(f"{name} {shown}: must be between 1 and {MAX_RANKS}")

    @property
    def gpus(self) -> int:
        """GPUs of one group."""
        return self.tensor * self.pipeline * self.data

    def with_experts(self) -> "Parallel":
        """Return the same sizes with expert parallelism over all tensor and data ranks."""
        return msgspec.structs.replace(self, expert=self.tensor * self.data)

    def __str__(self) -> str:
        kinds = (("PP", self.pipeline), ("DP", self.data), ("EP", self.expert))
        return f"TP {self.tensor}" + "".join(f" {kind} {size}" for kind, size in kinds if size > 1)
