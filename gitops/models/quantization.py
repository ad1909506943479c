"""Pure: the number format of a checkpoint, out of its `quantization_config`.

Sources: the forms that vLLM reads, `vllm/model_executor/layers/quantization` (fp8, fbgemm_fp8,
modelopt, awq, gptq, mxfp4, compressed-tensors); one real config.json of each of fp8 and mxfp4.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gitops.errors import InvalidRequestError
from gitops.models.fields import Fields
from gitops.models.model import Scheme

_FP8_BITS, _INT4_BITS = 8, 4


@dataclass(frozen=True, slots=True)
class Quantization:
    """Number format, the method that made it, and its block or group size."""

    scheme: Scheme
    method: str | None = None
    block: int | None = None
    group: int | None = None


def read_quantization(config: Fields) -> Quantization:
    """Return the number format of a config.json; bf16 when it says nothing.

    Raises:
        InvalidRequestError: a method or a width that Leadline cannot size.
    """
    if not config.has("quantization_config"):
        return Quantization(Scheme.BF16)
    fields = config.inner("quantization_config")
    method = fields.text("quant_method").replace("_", "-")
    readers = {
        "fp8": _block_fp8,
        "fbgemm-fp8": _block_fp8,
        "modelopt": _modelopt,
        "awq": _int4,
        "gptq": _int4,
        "mxfp4": lambda *_: Quantization(Scheme.MXFP4, "mxfp4"),
        "compressed-tensors": _compressed,
    }
    if method not in readers:
        raise _refused(fields, f"quant_method {method:.40}", ", ".join(readers))
    return readers[method](fields, method)


def _block_fp8(fields: Fields, method: str) -> Quantization:
    return Quantization(Scheme.FP8, method, _square(fields, fields.items("weight_block_size")))


def _modelopt(fields: Fields, method: str) -> Quantization:
    algorithm = fields.text("quant_algo")
    if algorithm != "FP8":
        raise _refused(fields, f"quant_algo {algorithm:.40}", "FP8")
    return Quantization(Scheme.FP8, method)


def _int4(fields: Fields, method: str) -> Quantization:
    bits = fields.whole("bits")
    if bits != _INT4_BITS:
        raise _refused(fields, f"{bits} bits", "4 bits")
    return Quantization(Scheme.INT4, method, group=_group(fields))


def _compressed(fields: Fields, method: str) -> Quantization:
    groups = fields.inner("config_groups")
    weights = groups.inner(next(iter(groups.values), "group_0")).inner("weights")
    form = (weights.text("type"), weights.whole("num_bits"))
    if form == ("float", _FP8_BITS):
        block = _square(weights, weights.items("block_structure"))
        return Quantization(Scheme.FP8, method, block)
    if form == ("int", _INT4_BITS):
        return Quantization(Scheme.INT4, method, group=_group(weights))
    raise _refused(weights, f"{form[0]} of {form[1]} bits", "float of 8 bits, int of 4 bits")


def _group(fields: Fields) -> int | None:
    size = fields.whole("group_size", -1) if fields.has("group_size") else -1
    return size if size > 0 else None  # -1: one group a column, no rule for tensor parallelism


def _square(fields: Fields, block: list[object]) -> int | None:
    if not block:
        return None
    match block:
        case [int(rows), int(columns)] if rows == columns > 0:
            return rows
        case _:
            raise _refused(fields, f"blocks of {block!r:.40}", "square blocks such as [128, 128]")


def _refused(fields: Fields, found: str, known: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{fields.where}: {found} cannot be sized; Leadline reads {known}."
        " Take another checkpoint of the model, or write its catalogue file by hand"
    )


def as_fields(config: Mapping[str, object], repository: str) -> Fields:
    """Return a config.json as fields that name the repository in errors."""
    return Fields(config, f"config.json of {repository}")
