"""Pure: the GPU types on offer, read from `kustomize/catalog/gpus.yaml`."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops.documents import load_mapping
from gitops.errors import InvalidRequestError
from gitops.models.fields import Fields

MIB = 1024**2

_FP8, _BFLOAT16 = (8, 9), (8, 0)
_LARGE = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU type; `mib` is the memory that nvidia-smi shows, in MiB, `sm` its capability."""

    id: str
    name: str
    mib: int
    sm: tuple[int, int]
    source: str

    @property
    def memory(self) -> int:
        """Memory in bytes."""
        return self.mib * MIB

    @property
    def is_large(self) -> bool:
        """Tell whether the card has 60 GB or more, the border of the rule-of-thumb constants."""
        return self.memory >= _LARGE

    @property
    def computes_fp8(self) -> bool:
        """Tell whether it multiplies FP8 itself (SM 8.9: Ada, Hopper and newer)."""
        return self.sm >= _FP8

    @property
    def computes_bf16(self) -> bool:
        """Tell whether it has bfloat16 (SM 8.0: Ampere and newer)."""
        return self.sm >= _BFLOAT16


def load_gpus(path: Path) -> Mapping[str, Gpu]:
    """Read the GPU types of a file, by id.

    Raises:
        InvalidRequestError: a key, type or id of the file is wrong.
    """
    fields = Fields(load_mapping(path.read_text(encoding="utf-8"), path.name), path.name)
    gpus = fields.only("gpus").inner("gpus")
    return {name: _gpu(name, gpus.inner(name)) for name in gpus.values}


def find_gpu(gpus: Mapping[str, Gpu], name: str) -> Gpu:
    """Return a GPU type by its id, in any case.

    Raises:
        InvalidRequestError: unknown, with the nearest known one.
    """
    if (wanted := name.lower()) in gpus:
        return gpus[wanted]
    near = difflib.get_close_matches(wanted, gpus, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(gpus)}"
    raise InvalidRequestError(f"GPU {name:.40}: not in the catalogue; {hint}")


def _gpu(name: str, fields: Fields) -> Gpu:
    fields.only("name", "mib", "sm", "source")
    major, dot, minor = fields.text("sm").partition(".")
    if not (dot and major.isdecimal() and minor.isdecimal()):
        raise InvalidRequestError(f"{fields.where}: sm must be a text such as “8.9”")
    mib, source = fields.whole("mib"), fields.text("source")
    return Gpu(name, fields.text("name"), mib, (int(major), int(minor)), source)
