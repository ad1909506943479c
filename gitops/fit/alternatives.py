"""Pure: the fewest GPUs that serve a model at a context, over checkpoints and GPU types."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.fit.budget import Fit, Verdict, default_setting, fit
from gitops.gpus import Gpu
from gitops.models import KvDtype, Model, Scheme
from gitops.models.rules import check_parallel
from gitops.parallel import Parallel

_COUNTS = (1, 2, 4, 8, 16, 32, 64)
_STAGES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an alternative must do: `context` in tokens on a release of an engine.

    `least` is the worst verdict that counts: with TIGHT one request of the wanted length at a time
    is enough.
    """

    context: int
    engine: Engine
    engine_version: str
    kv_dtypes: tuple[KvDtype, ...] = (KvDtype.BF16, KvDtype.FP8)
    least: Verdict = Verdict.TIGHT
    max_gpus: int = 64


def alternatives(model: Model, gpus: Iterable[Gpu], wanted: Wanted) -> tuple[Fit, ...]:
    """Return, for each GPU type, checkpoint and KV format, the fewest GPUs that fit.

    Fewest GPUs first, then the checkpoint closest to bf16, then the smaller card. A format of the
    KV cache is left out where a better one needs no more GPUs, and FP8 on cards without it.

    Raises:
        InvalidRequestError: a context or version that is none.
    """
    found = [
        best
        for gpu in gpus
        for scheme in dict.fromkeys(mode.scheme for mode in model.modes)
        for best in _over_kv(model, scheme, gpu, wanted)
    ]
    order = list(Scheme)
    return tuple(
        sorted(found, key=lambda f: (f.parallel.gpus, order.index(f.scheme), f.gpu.memory))
    )


def describe(alternative: Fit, now: Parallel | None = None) -> str:
    """Return an alternative in one sentence; `now` is the division it could replace."""
    count, cards = alternative.parallel.gpus, alternative.gpu.name
    kv = " with an FP8 KV cache" if alternative.setting.kv_dtype is KvDtype.FP8 else ""
    how = f" ({alternative.parallel})" if count > 1 else ""
    text = f"{alternative.scheme.value}{kv} {_word(alternative)} on {count} × {cards}{how}"
    if now and count == 1 < now.gpus:
        return f"{text}; you do not need {now.gpus} GPUs."
    return f"{text}."


def _word(alternative: Fit) -> str:
    if alternative.verdict is Verdict.FITS:
        return "fits"
    return f"just fits ({alternative.ratio:.2f} × {alternative.setting.context:,} tokens)"


def _over_kv(model: Model, scheme: Scheme, gpu: Gpu, wanted: Wanted) -> Iterator[Fit]:
    fewest = wanted.max_gpus + 1
    for dtype in wanted.kv_dtypes:
        if dtype is KvDtype.FP8 and not gpu.computes_fp8:
            continue
        best = _fewest(model, scheme, gpu, dtype, wanted)
        if best and best.parallel.gpus < fewest:
            fewest = best.parallel.gpus
            yield best


def _fewest(model: Model, scheme: Scheme, gpu: Gpu, dtype: KvDtype, wanted: Wanted) -> Fit | None:
    good = (Verdict.FITS,) if wanted.least is Verdict.FITS else (Verdict.FITS, Verdict.TIGHT)
    for count in _COUNTS:
        if count > wanted.max_gpus:
            break
        for parallel in _divisions(model, scheme, count, wanted):
            setting = default_setting(
                wanted.engine, wanted.engine_version, gpu, parallel, wanted.context
            )
            found = fit(model, scheme, gpu, parallel, replace(setting, kv_dtype=dtype))
            if found.verdict in good:
                return found
    return None


def _divisions(model: Model, scheme: Scheme, count: int, wanted: Wanted) -> Iterator[Parallel]:
    """Divisions over `count` GPUs that the model allows; tensor parallel first, then stages."""
    for stages in _STAGES:
        if count % stages:
            continue
        plain = Parallel(tensor=count // stages, pipeline=stages)
        for parallel in (plain, plain.with_experts()) if model.shape.moe else (plain,):
            if _allowed(model, scheme, parallel, wanted):
                yield parallel
                break


def _allowed(model: Model, scheme: Scheme, parallel: Parallel, wanted: Wanted) -> bool:
    try:
        check_parallel(model, scheme, parallel, wanted.engine, wanted.engine_version)
    except InvalidRequestError:
        return False
    return True
