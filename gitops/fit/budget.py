"""Pure: what one GPU of a group holds, and whether the requested context fits in what is left.

Sources: our arithmetic, marked as in gitops.fit.overhead; verdicts: refused
below one request of the wanted length, warned below two.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.fit.engines import default_overhead, default_utilisation
from gitops.fit.overhead import GIB, Figure, Overhead
from gitops.gpus import Gpu
from gitops.models import KvDtype, Model, Scheme
from gitops.models.shape import indexer_bytes_per_token, kv_values_per_token
from gitops.parallel import Parallel

TIGHT_BELOW = 2
"""Requests of the wanted length that must fit at a time for the verdict “fits”."""


class Verdict(StrEnum):
    """Whether the requested context fits."""

    FITS = "fits"
    TIGHT = "tight"
    NO = "does not fit"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is asked of the GPUs: `context` in tokens, `utilisation` as a share of the card."""

    context: int
    kv_dtype: KvDtype = KvDtype.BF16
    utilisation: float = 0.9
    overhead: Overhead = field(default_factory=Overhead)

    def __post_init__(self) -> None:
        if self.context < 1:
            raise InvalidRequestError(f"context {self.context}: must be at least 1 token")
        if not 0 < self.utilisation <= 1:
            raise InvalidRequestError(
                f"GPU memory utilisation {self.utilisation:g}: must be above 0 and at most 1"
            )


@dataclass(frozen=True, slots=True)
class Fit:
    """The budget of one GPU, in bytes, and what follows for the group.

    `kv_room` is what the KV cache gets (below 0: what is missing), `free` what is left of it
    beside one request of the wanted length; `concurrent` counts such requests over all data
    parallel ranks, `max_context` the longest request of one, in tokens, within the model's own
    length (with YaRN where it has that).
    """

    model: Model
    scheme: Scheme
    gpu: Gpu
    parallel: Parallel
    setting: Setting
    usable: int
    weights: int
    overhead: tuple[Figure, ...]
    kv_room: int
    kv_bytes_per_token: int
    tokens: int
    max_context: int
    concurrent: int
    free: int
    verdict: Verdict
    reason: str
    notes: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """Requests of the wanted length that one data parallel rank holds at a time."""
        return self.tokens / self.setting.context


def default_setting(
    engine: Engine, version: str, gpu: Gpu, parallel: Parallel, context: int
) -> Setting:
    """Return what an engine release does when only the context, in tokens, is asked of it.

    Raises:
        InvalidRequestError: a context below 1, or a version that is none.
    """
    return Setting(
        context,
        utilisation=default_utilisation(engine, version, gpu, parallel),
        overhead=default_overhead(engine, version, gpu),
    )


def fit(model: Model, scheme: Scheme, gpu: Gpu, parallel: Parallel, setting: Setting) -> Fit:
    """Return the budget of the fullest GPU of a group, and the verdict on the wanted context.

    Sizes are not checked against the model's rules here (`check_parallel` does that), so a
    checkpoint that nobody has published can be sized too.
    """
    usable = math.floor(gpu.memory * setting.utilisation)
    weights = weights_per_gpu(model, scheme, parallel)
    overhead = setting.overhead.figures(model, parallel)
    room = usable - weights - sum(figure.size for figure in overhead if figure.inside)
    per_token = kv_bytes_per_token(model, parallel, setting.kv_dtype)
    tokens = max(0, room // per_token)
    outside = sum(figure.size for figure in overhead if not figure.inside)
    beyond = outside - (gpu.memory - usable)
    verdict = Verdict.NO if beyond > 0 else _verdict(tokens, setting.context)
    return Fit(
        model=model,
        scheme=scheme,
        gpu=gpu,
        parallel=parallel,
        setting=setting,
        usable=usable,
        weights=weights,
        overhead=overhead,
        kv_room=room,
        kv_bytes_per_token=per_token,
        tokens=tokens,
        max_context=min(tokens, model.longest),
        concurrent=tokens // setting.context * parallel.data,
        free=room - setting.context * per_token,
        verdict=verdict,
        reason=_reason(room, tokens, setting.context, beyond),
        notes=_notes(scheme, gpu, setting),
    )


def weights_per_gpu(model: Model, scheme: Scheme, parallel: Parallel) -> int:
    """Bytes of weights on the fullest GPU.

    Layers are divided over TP and, rounded up to whole ones, over PP; routed experts over EP
    instead of TP where expert parallelism is on. With stages, embedding and output head lie on the
    first and the last one, so the fullest holds half of them.
    """
    group = next((m.group for m in model.modes if m.scheme is scheme and m.group), 128)
    parts = model.weights(scheme, group)
    stage = Fraction(math.ceil(model.layers / parallel.pipeline), model.layers)
    experts = parallel.expert if parallel.expert > 1 else parallel.tensor
    ends = 1 if parallel.pipeline == 1 else Fraction(1, 2)
    routed = parts.routed * stage / experts
    return round(routed + (parts.rest * stage + parts.embedding * ends) / parallel.tensor)


def kv_bytes_per_token(model: Model, parallel: Parallel, dtype: KvDtype) -> int:
    """Bytes that one token keeps in the KV cache of the fullest GPU, an indexer's included."""
    layers = math.ceil(model.layers / parallel.pipeline)
    values = kv_values_per_token(model.shape, layers, parallel.tensor)
    return values * dtype.size + indexer_bytes_per_token(model.shape, layers)


def _verdict(tokens: int, context: int) -> Verdict:
    if tokens < context:
        return Verdict.NO
    return Verdict.TIGHT if tokens < TIGHT_BELOW * context else Verdict.FITS


def _reason(room: int, tokens: int, context: int, beyond: int) -> str:
    if beyond > 0:
        return (
            f"What the engine keeps outside its share of the card needs {beyond / GIB:.1f} GiB more"
            " than the share leaves; lower the GPU memory utilisation."
        )
    if room <= 0:
        return (
            f"Weights and overhead need {-room / GIB:.1f} GiB more on each GPU than there is,"
            " before any KV cache."
        )
    held = f"The KV cache holds {tokens:,} tokens, {_times(tokens / context)} × {context:,}"
    if tokens < context:
        return f"{held}: not one request of the wanted length."
    return f"{held}: {tokens // context} full-length at a time on each data parallel rank."


def _times(ratio: float) -> str:
    return f"{math.floor(ratio * 100) / 100:.2f}" if ratio < TIGHT_BELOW else f"{ratio:.1f}"


def _notes(scheme: Scheme, gpu: Gpu, setting: Setting) -> tuple[str, ...]:
    notes = []
    if not gpu.computes_bf16:
        notes.append(f"{gpu.name}: no bfloat16 below SM 8.0; the engine must run in float16.")
    if scheme is Scheme.FP8 and not gpu.computes_fp8:
        notes.append(f"{gpu.name}: FP8 weights are unpacked for each use (SM 8.9 computes in FP8).")
    if scheme is Scheme.MXFP4 and gpu.sm < (9, 0):
        notes.append(f"{gpu.name}: needs an engine kernel for MXFP4 below SM 9.0; not verified.")
    if setting.kv_dtype is KvDtype.FP8 and not gpu.computes_fp8:
        notes.append(f"{gpu.name}: an FP8 KV cache below SM 8.9 depends on the engine's kernels.")
    return tuple(notes)
