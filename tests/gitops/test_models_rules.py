"""Parallel sizes, lengths and engine releases that a model of the catalogue allows."""

from dataclasses import replace
from pathlib import Path

import pytest

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.models import (
    Scheme,
    check_engine,
    check_parallel,
    load_models,
    mode_for_context,
    valid_tensor_parallel,
)
from gitops.parallel import Parallel
from gitops.versions import release

CATALOG = Path(__file__).parents[2] / "kustomize" / "catalog"
MODELS = load_models(CATALOG / "models")
NEWEST = {Engine.VLLM: "0.33.0", Engine.SGLANG: "0.5.23"}


def sized(parallel, experts):
    return parallel.with_experts() if experts else parallel


@pytest.mark.parametrize(
    ("name", "scheme", "parallel", "experts"),
    [
        ("qwen3-32b", "bf16", Parallel(2), False),
        ("qwen3-32b", "bf16", Parallel(1, 2), False),
        ("qwen3-32b", "bf16", Parallel(64), False),
        ("qwen3-32b", "fp8", Parallel(8), False),
        ("qwen3-30b-a3b", "fp8", Parallel(2), False),
        ("qwen3-30b-a3b", "fp8", Parallel(4), True),
        ("qwen3-235b-a22b", "fp8", Parallel(4), False),
        ("qwen3-235b-a22b", "fp8", Parallel(8), True),
        ("qwen3-coder-480b-a35b", "fp8", Parallel(8), True),
        ("deepseek-r1", "fp8", Parallel(16), False),
        ("deepseek-r1", "fp8", Parallel(8, 2), False),
        ("qwen2-5-72b", "int4", Parallel(8), False),
        ("glm-4-6", "fp8", Parallel(8), False),
        ("gpt-oss-120b", "mxfp4", Parallel(64), False),
        ("llama-3-1-405b", "bf16", Parallel(8, 126), False),
    ],
)
@pytest.mark.parametrize("engine", Engine)
def test_sizes_that_the_model_allows_pass(name, scheme, parallel, experts, engine):
    check_parallel(
        MODELS[name], Scheme(scheme), sized(parallel, experts), engine, NEWEST[engine]
    )  # fmt: skip


REFUSED = [
    (
        "qwen3-32b", "bf16", Parallel(3), "vllm 0.10.0",
        ("TP 3: the 64 attention heads of qwen3-32b cannot be divided by 3;"
        " use TP 1, 2, 4, 8, 16, 32, 64"),
    ),
    (
        "deepseek-r1-distill-qwen-32b", "bf16", Parallel(16), "vllm 0.10.0",
        ("TP 16: the 40 attention heads of deepseek-r1-distill-qwen-32b cannot be divided by 16;"
        " use TP 1, 2, 4, 8"),
    ),
    (
        "deepseek-r1-distill-qwen-32b", "bf16", Parallel(5), "sglang 0.5.23",
        ("TP 5: neither divides the 8 KV heads of deepseek-r1-distill-qwen-32b"
        " nor is divided by them; use TP 1, 2, 4, 8"),
    ),
    (
        "deepseek-r1-distill-qwen-32b", "bf16", Parallel(40), "vllm 0.10.0",
        ("TP 40: intermediate 27648 of deepseek-r1-distill-qwen-32b cannot be divided by 40;"
        " use TP 1, 2, 4, 8"),
    ),
    (
        "qwen3-30b-a3b", "fp8", Parallel(4), "vllm 0.10.0",
        ("TP 4: moe_intermediate 768 / 4 = 192 is not a multiple of 128, the FP8 block of"
        " Qwen/Qwen3-30B-A3B-FP8; add expert parallelism, or use TP 1, 2"),
    ),
    (
        "qwen3-235b-a22b", "fp8", Parallel(8), "vllm 0.10.0",
        ("TP 8: moe_intermediate 1536 / 8 = 192 is not a multiple of 128, the FP8 block of"
        " Qwen/Qwen3-235B-A22B-FP8; add expert parallelism, or use TP 1, 2, 4"),
    ),
    (
        "qwen3-coder-480b-a35b", "fp8", Parallel(8), "sglang 0.5.23",
        ("TP 8: moe_intermediate 2560 / 8 = 320 is not a multiple of 128, the FP8 block of"
        " Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8; add expert parallelism, or use TP 1, 2, 4"),
    ),
    (
        "qwen3-32b", "fp8", Parallel(16), "vllm 0.10.0",
        ("TP 16: intermediate 25600 / 16 = 1600 is not a multiple of 128, the FP8 block of"
        " Qwen/Qwen3-32B-FP8; use TP 1, 2, 4, 8"),
    ),
    (
        "deepseek-r1", "fp8", Parallel(32).with_experts(), "vllm 0.10.0",
        ("TP 32: intermediate 18432 / 32 = 576 is not a multiple of 128, the FP8 block of"
        " deepseek-ai/DeepSeek-R1; use TP 1, 2, 4, 8, 16"),
    ),
    (
        "qwen2-5-72b", "int4", Parallel(16), "vllm 0.10.0",
        ("TP 16: intermediate 29696 / 16 = 1856 is not a multiple of 128, the group size of"
        " Qwen/Qwen2.5-72B-Instruct-AWQ; use TP 1, 2, 4, 8"),
    ),
    (
        "qwen3-32b", "mxfp4", Parallel(2), "vllm 0.10.0",
        ("mxfp4 weights: the catalogue knows no such checkpoint of qwen3-32b;"
        " on offer: bf16, fp8, int4"),
    ),
    (
        "qwen3-32b", "bf16", Parallel(1, 65), "vllm 0.10.0",
        "PP 65: qwen3-32b has only 64 layers; use PP 1 to 64",
    ),
    (
        "deepseek-r1", "fp8", Parallel(8, 2), "sglang 0.4.10.post2",
        ("PP 2: SGLang 0.4.10.post2 cannot split DeepseekV3ForCausalLM into stages;"
        " use PP 1, or SGLang 0.5.5.post3 or newer"),
    ),
    (
        "glm-4-6", "bf16", Parallel(8, 2), "sglang 0.4.10.post2",
        ("PP 2: SGLang 0.4.10.post2 cannot split Glm4MoeForCausalLM into stages;"
        " use PP 1, or SGLang 0.5.5.post3 or newer"),
    ),
    (
        "qwen3-32b", "bf16", Parallel(2, expert=2), "vllm 0.10.0",
        "EP 2: qwen3-32b has no experts; leave expert parallelism off",
    ),
    (
        "deepseek-r1", "fp8", Parallel(8, data=2, expert=8), "vllm 0.10.0",
        "EP 8: vllm spreads experts over TP × DP = 16 ranks; use EP 1 or 16",
    ),
    (
        "deepseek-r1", "fp8", Parallel(8, expert=4), "sglang 0.5.23",
        "EP 4: sglang spreads experts over TP = 8 ranks; use EP 1 or 8",
    ),
    (
        "qwen3-coder-480b-a35b", "bf16", Parallel(48).with_experts(), "sglang 0.5.23",
        "EP 48: SGLang wants 160 experts divided evenly; 160 / 48 is not",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "scheme", "parallel", "engine", "words"), REFUSED)
def test_sizes_that_break_a_rule_are_refused_with_the_arithmetic(
    name, scheme, parallel, engine, words
):
    kind, version = engine.split()

    with pytest.raises(InvalidRequestError) as refused:
        check_parallel(MODELS[name], Scheme(scheme), parallel, Engine(kind), version)

    assert str(refused.value) == words


@pytest.mark.parametrize("sizes", [(0, 1, 1, 1), (1, -1, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)])
def test_a_size_below_one_is_refused(sizes):
    with pytest.raises(InvalidRequestError, match="must be between 1 and 1024"):
        Parallel(*sizes)


def test_int4_files_that_nobody_padded_run_on_one_gpu_only():
    model = MODELS["qwen2-5-72b"]
    modes = tuple(replace(mode, intermediate=None) for mode in model.modes)

    assert valid_tensor_parallel(replace(model, modes=modes), Scheme.INT4) == [1]


# Powers of two up to 64: all of them up to the largest. The list
# for the block-FP8 checkpoints knows heads only; the rule on block-FP8 gives the second figure.
LARGEST = {
    "deepseek-r1": 16,
    "deepseek-r1-distill-qwen-32b": 8,
    "glm-4-5-air": 32,
    "glm-4-6": 32,
    "glm-5": 64,
    "gpt-oss-120b": 64,
    "gpt-oss-20b": 64,
    "kimi-k2": 16,
    "llama-3-1-405b": 64,
    "llama-3-1-70b": 64,
    "llama-3-1-8b": 32,
    "qwen2-5-72b": 64,
    "qwen3-235b-a22b": 64,
    "qwen3-30b-a3b": 32,
    "qwen3-32b": 64,
    "qwen3-8b": 32,
    "qwen3-coder-480b-a35b": 32,
}


@pytest.mark.parametrize("name", LARGEST)
def test_every_power_of_two_up_to_the_largest_is_valid(name):
    model = MODELS[name]

    sizes = valid_tensor_parallel(model, model.native_scheme)

    powers = [2**n for n in range(7) if 2**n <= LARGEST[name]]
    assert [size for size in sizes if size.bit_count() == 1] == powers


@pytest.mark.parametrize(
    ("scheme", "context", "mode"),
    [
        ("bf16", 40_960, ("standard", "Qwen/Qwen3-32B", None)),
        ("bf16", 40_961, ("long", "Qwen/Qwen3-32B", 4.0)),
        ("bf16", 131_072, ("long", "Qwen/Qwen3-32B", 4.0)),
        ("fp8", 1, ("fp8", "Qwen/Qwen3-32B-FP8", None)),
        ("fp8", 131_072, ("long", "Qwen/Qwen3-32B-FP8", 4.0)),
    ],
)
def test_a_long_context_chooses_yarn_on_the_same_checkpoint(scheme, context, mode):
    chosen = mode_for_context(MODELS["qwen3-32b"], Scheme(scheme), context)

    assert (chosen.name, chosen.repository, chosen.yarn and chosen.yarn.factor) == mode


@pytest.mark.parametrize(
    ("context", "words"),
    [
        (131_073, "context 131073: qwen3-32b reads at most 131072 tokens; ask for no more"),
        (0, "context 0: must be at least 1 token"),
    ],
)
def test_a_context_beyond_the_model_is_refused(context, words):
    with pytest.raises(InvalidRequestError) as refused:
        mode_for_context(MODELS["qwen3-32b"], Scheme.BF16, context)

    assert str(refused.value) == words


def test_an_engine_older_than_the_models_class_is_refused():
    check_engine(MODELS["gpt-oss-20b"], Engine.VLLM, "0.10.1.1")
    with pytest.raises(InvalidRequestError) as refused:
        check_engine(MODELS["gpt-oss-20b"], Engine.VLLM, "0.10.0")

    assert str(refused.value) == (
        "vllm 0.10.0: does not know GptOssForCausalLM of gpt-oss-20b; use 0.10.1 or newer"
    )


def test_releases_are_ordered_as_they_came_out():
    order = ["0.4.10", "0.4.10.post2", "0.5.0rc1", "0.5", "0.5.5.post3", "0.10.0", "v0.10.1", "1.0"]

    assert sorted(sorted(order), key=release) == order


@pytest.mark.parametrize("version", ["", "latest", "0.10.x", "1.2.3.4.5", "0.10.0-cu12"])
def test_a_text_that_is_no_version_is_refused(version):
    with pytest.raises(InvalidRequestError):
        release(version)
