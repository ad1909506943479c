"""Pure: the parallel sizes, lengths and engine releases that a model allows.

Sources: the engines' sources (vLLM `vllm/config/model.py` and
`vllm/model_executor/layers/quantization/utils/fp8_utils.py`; SGLang `srt/server_args.py`);
SGLang's pipeline support as read in `srt/models/` of 0.4.10.post2, 0.5.5.post3, 0.5.9 and 0.5.23.
"""

from dataclasses import replace

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.models.model import Mode, Model, Scheme
from gitops.parallel import Parallel
from gitops.versions import release

MAX_TENSOR_PARALLEL = 64
"""Largest tensor parallel size that errors suggest."""

SGLANG_PIPELINES_ALL = "0.5.5.post3"
"""Oldest SGLang read whose DeepSeek, GLM-4 MoE and gpt-oss classes can be split in stages."""

_SGLANG_ALWAYS_PIPELINED = frozenset(
    {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM"}
)


def check_parallel(
    model: Model, scheme: Scheme, parallel: Parallel, engine: Engine, engine_version: str
) -> None:
    """Refuse parallel sizes that the model's shape, checkpoint or engine does not allow.

    Raises:
        InvalidRequestError: the first rule broken, with its arithmetic and the sizes that work; or
            the model has no checkpoint of this scheme.
    """
    mode = model.mode_of(scheme)
    problem = (
        _tensor_problem(model, mode, parallel)
        or _pipeline_problem(model, parallel, engine, engine_version)
        or _expert_problem(model, parallel, engine)
    )
    if problem:
        raise InvalidRequestError(problem)


def valid_tensor_parallel(model: Model, scheme: Scheme, *, experts: bool = False) -> list[int]:
    """Return the tensor parallel sizes up to 64 that the model allows, with or without experts.

    Raises:
        InvalidRequestError: the model has no checkpoint of this scheme.
    """
    return _valid(model, model.mode_of(scheme), experts=experts)


def check_engine(model: Model, engine: Engine, engine_version: str) -> None:
    """Refuse an engine release that is older than the model's class.

    Raises:
        InvalidRequestError: with the oldest release known to have it.
    """
    oldest = getattr(model.engines, engine.value)
    if oldest and release(engine_version) < release(oldest):
        raise InvalidRequestError(
            f"{engine.value} {engine_version}: does not know {model.architecture} of {model.id};"
            f" use {oldest} or newer"
        )


def mode_for_context(model: Model, scheme: Scheme, context: int) -> Mode:
    """Return the mode that serves `context` tokens with weights of a scheme.

    That is the checkpoint as it is, or, above its own length, the same checkpoint with YaRN.

    Raises:
        InvalidRequestError: no mode is long enough, or the context is below 1.
    """
    if context < 1:
        raise InvalidRequestError(f"context {context}: must be at least 1 token")
    standard = model.mode_of(scheme)
    stretched = [replace(standard, name=m.name, yarn=m.yarn) for m in model.modes if m.yarn]
    for mode in (standard, *stretched):
        if context <= model.length(mode):
            return mode
    raise InvalidRequestError(
        f"context {context}: {model.id} reads at most {model.longest} tokens; ask for no more"
    )


def _tensor_problem(model: Model, mode: Mode, parallel: Parallel) -> str | None:
    tp, experts = parallel.tensor, parallel.expert > 1
    problem = _first_problem(model, mode, tp, experts=experts)
    if problem is None:
        return None
    advice = f"use TP {', '.join(map(str, _valid(model, mode, experts=experts)))}"
    if not experts and model.shape.moe and not _first_problem(model, mode, tp, experts=True):
        advice = f"add expert parallelism, or {advice}"
    return f"TP {tp}: {problem}; {advice}"


def _valid(model: Model, mode: Mode, *, experts: bool) -> list[int]:
    sizes = range(1, MAX_TENSOR_PARALLEL + 1)
    return [tp for tp in sizes if not _first_problem(model, mode, tp, experts=experts)]


def _first_problem(model: Model, mode: Mode, tp: int, *, experts: bool) -> str | None:
    if problem := _heads(model, tp):
        return problem
    widths = _widths(model, mode, experts=experts)
    for name, width in widths:
        if width % tp:
            return f"{name} {width} of {model.id} cannot be divided by {tp}"
    return _blocks(mode, tp, widths) or _groups(model, mode, tp, widths)


def _heads(model: Model, tp: int) -> str | None:
    if model.heads % tp:
        return f"the {model.heads} attention heads of {model.id} cannot be divided by {tp}"
    if not model.shape.mla and model.kv_heads % tp and tp % model.kv_heads:
        return f"neither divides the {model.kv_heads} KV heads of {model.id} nor is divided by them"
    return None


def _blocks(mode: Mode, tp: int, widths: list[tuple[str, int]]) -> str | None:
    if mode.scheme is not Scheme.FP8 or not mode.block or tp == 1:
        return None
    for name, width in widths:
        if width // tp % mode.block:
            return (
                f"{name} {width} / {tp} = {width // tp} is not a multiple of {mode.block},"
                f" the FP8 block of {mode.repository}"
            )
    return None


def _groups(model: Model, mode: Mode, tp: int, widths: list[tuple[str, int]]) -> str | None:
    if mode.scheme is not Scheme.INT4 or not mode.group:
        return None
    for name, width in (("attention width", model.shape.attention_width), *widths):
        if width // tp % mode.group:
            return (
                f"{name} {width} / {tp} = {width // tp} is not a multiple of {mode.group},"
                f" the group size of {mode.repository}"
            )
    return None


def _widths(model: Model, mode: Mode, *, experts: bool) -> list[tuple[str, int]]:
    """MLP widths that tensor parallelism divides; expert parallelism keeps routed experts whole."""
    shape, moe = model.shape, model.shape.moe
    widths = []
    if shape.dense_layers:
        widths.append(("intermediate", mode.intermediate or shape.intermediate))
    if moe and moe.shared_experts:
        widths.append(("shared experts' intermediate", moe.shared_experts * moe.intermediate))
    if moe and not experts:
        widths.append(("moe_intermediate", moe.intermediate))
    return widths


def _pipeline_problem(
    model: Model, parallel: Parallel, engine: Engine, engine_version: str
) -> str | None:
    pp = parallel.pipeline
    if pp > model.layers:
        return f"PP {pp}: {model.id} has only {model.layers} layers; use PP 1 to {model.layers}"
    old = release(engine_version) < release(SGLANG_PIPELINES_ALL)
    if (
        pp > 1
        and engine is Engine.SGLANG
        and old
        and model.architecture not in _SGLANG_ALWAYS_PIPELINED
    ):
        return (
            f"PP {pp}: SGLang {engine_version} cannot split {model.architecture} into stages;"
            f" use PP 1, or SGLang {SGLANG_PIPELINES_ALL} or newer"
        )
    return None


def _expert_problem(model: Model, parallel: Parallel, engine: Engine) -> str | None:
    ep, tp = parallel.expert, parallel.tensor
    ranks = tp * parallel.data if engine is Engine.VLLM else tp
    if ep == 1:
        return None
    if model.shape.moe is None:
        return f"EP {ep}: {model.id} has no experts; leave expert parallelism off"
    if ep != ranks:
        sizes = "TP × DP" if engine is Engine.VLLM else "TP"
        return (
            f"EP {ep}: {engine.value} spreads experts over {sizes} = {ranks} ranks;"
            f" use EP 1 or {ranks}"
        )
    if engine is Engine.SGLANG and model.shape.moe.experts % ep:
        experts = model.shape.moe.experts
        return f"EP {ep}: SGLang wants {experts} experts divided evenly; {experts} / {ep} is not"
    return None
