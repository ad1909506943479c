"""Pure: how much memory an engine takes when nobody tells it, release by release.

Sources: vLLM `vllm/engine/arg_utils.py` and its log line on CUDA graphs (“default since v0.21.0”);
SGLang `srt/server_args.py` of 0.4.10.post2, 0.5.5.post3 and 0.5.9, `srt/arg_groups/memory_hook.py`
of 0.5.23.
"""

from gitops.engine import Engine
from gitops.fit.overhead import Overhead
from gitops.gpus import Gpu
from gitops.parallel import Parallel
from gitops.versions import release

_MORE_BY_DEFAULT = "0.24.0"
_GRAPHS_COUNTED = "0.21.0"
_SGLANG_FORMULA = "0.5"

_VLLM_STEP = 8192


def default_utilisation(engine: Engine, version: str, gpu: Gpu, parallel: Parallel) -> float:
    """Return the share of a card that an engine takes by default, between 0 and 1.

    vLLM: `--gpu-memory-utilization` 0.9, 0.92 from 0.24. SGLang: `--mem-fraction-static`, which it
    computes from the card and the ranks; approximated here without its terms for speculative
    decoding, DP attention, piecewise graphs and DeepEP, and without the newest releases' sizing
    after capture, which gives more room.
    """
    if engine is Engine.VLLM:
        return 0.92 if release(version) >= release(_MORE_BY_DEFAULT) else 0.9
    newer = release(version) >= release(_SGLANG_FORMULA)
    reserved = (_reserved_mib if newer else _reserved_mib_0_4)(gpu, parallel)
    return round((gpu.mib - reserved) / gpu.mib, 3)


def default_overhead(engine: Engine, version: str, gpu: Gpu) -> Overhead:
    """Return the overhead of an engine at its default settings.

    vLLM counts CUDA graphs in its share from 0.21; before, they come out of the rest of the card.
    SGLang's share holds weights and KV cache, so activations and graphs come out of the rest; the
    context and NCCL, which it takes off the card first, are counted in the share here, which asks
    for up to 0.4 GiB more than it needs.
    """
    step = prefill_step(engine, version, gpu)
    if engine is Engine.SGLANG:
        return Overhead(step, graphs_inside=False, activations_inside=False)
    return Overhead(step, graphs_inside=release(version) >= release(_GRAPHS_COUNTED))


def prefill_step(engine: Engine, version: str, gpu: Gpu) -> int:
    """Return the largest prefill step of an engine by default, in tokens.

    vLLM: 8,192, the default of its API server on cards of 70 GiB and more other than A100. On
    smaller cards the default is 2,048; the larger step is budgeted there too, because the warm-up
    also runs the sampler on 256 sequences × the vocabulary, which no formula here covers [A].
    SGLang: its own table by card memory (`chunked_prefill_size`; 0.5.9 for all of
    0.5, newer ones take 4,096 on cards of 20 to 35 GiB).
    """
    if engine is Engine.VLLM:
        return _VLLM_STEP
    newer = release(version) >= release(_SGLANG_FORMULA)
    steps = ((35, 2048), (60, 4096), (160, 8192)) if newer else ((35, 2048), (160, 8192))
    return next((step for limit, step in steps if gpu.mib < limit * 1024), 16384)


def _reserved_mib_0_4(gpu: Gpu, parallel: Parallel) -> float:
    ranks, gib = parallel.tensor * parallel.pipeline, gpu.mib / 1024
    if gib < 35:  # noqa: PLR2004 - the source's own border, in GiB
        return (2.8 + ranks / 10) * 1024
    if gib < 90:  # noqa: PLR2004 - as above
        return (9.5 + ranks / 2) * 1024
    return (12 + ranks / 2) * 1024 if gib < 160 else 32 * 1024  # noqa: PLR2004 - as above


def _reserved_mib(gpu: Gpu, parallel: Parallel) -> float:
    step = prefill_step(Engine.SGLANG, _SGLANG_FORMULA, gpu)
    reserved = 512 + 1.5 * step + parallel.tensor * parallel.pipeline / 8 * 1024
    reserved += 2 * _largest_graph(gpu, parallel.tensor)
    return max(reserved, 10 * 1024) if gpu.mib > 60 * 1024 else reserved


def _largest_graph(gpu: Gpu, tp: int) -> int:
    """Sequences of SGLang's largest decode graph by default (`cuda_graph_max_bs`)."""
    table = ((20, 8, 8), (35, 24, 80), (60, 32, 160), (160, 256, 512))
    few, many = next(((f, m) for limit, f, m in table if gpu.mib < limit * 1024), (512, 512))
    return few if tp < 4 else many  # noqa: PLR2004 - the source's own border
