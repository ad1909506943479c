"""The verdict on a wanted context, the budget behind it, and how both are shown."""

from pathlib import Path

import pytest

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.fit import (
    Overhead,
    Setting,
    Verdict,
    as_data,
    as_text,
    default_overhead,
    default_setting,
    default_utilisation,
    fit,
    prefill_step,
    served_setting,
)
from gitops.gpus import find_gpu, load_gpus
from gitops.models import KvDtype, Scheme, load_models
from gitops.parallel import Parallel

GIB = 1024**3
CATALOG = Path(__file__).parents[2] / "kustomize" / "catalog"
MODELS = load_models(CATALOG / "models")
GPUS = load_gpus(CATALOG / "gpus.yaml")
GUIDE = (MODELS["qwen3-32b"], Scheme.BF16)


@pytest.mark.parametrize(
    ("engine", "card", "parallel", "verdict", "ratio"),
    [
        ("vllm 0.10.0", "l20", Parallel(2), "tight", 1.51),
        ("vllm 0.10.0", "l20", Parallel(1, 2), "tight", 1.39),
        ("vllm 0.10.0", "gpu-32gb", Parallel(2), "does not fit", 0.0),
        ("vllm 0.10.0", "gpu-32gb", Parallel(1, 2), "does not fit", 0.0),
        ("vllm 0.22.0", "l20", Parallel(2), "tight", 1.31),
        ("vllm 0.33.0", "l20", Parallel(2), "tight", 1.49),
        ("vllm 0.33.0", "gpu-32gb", Parallel(2), "does not fit", 0.0),
        ("sglang 0.4.10.post2", "l20", Parallel(2), "does not fit", 0.49),
        ("sglang 0.5.9", "l20", Parallel(2), "tight", 1.23),
        ("sglang 0.5.9", "gpu-32gb", Parallel(2), "does not fit", 0.0),
        ("vllm 0.10.0", "l20", Parallel(4), "fits", 9.24),
        ("vllm 0.10.0", "h20-96", Parallel(1), "fits", 2.28),
    ],
)
def test_the_guides_model_at_its_own_context(engine, card, parallel, verdict, ratio):
    kind, version = engine.split()
    setting = default_setting(Engine(kind), version, GPUS[card], parallel, 40_960)

    found = fit(*GUIDE, GPUS[card], parallel, setting)

    assert (found.verdict, round(found.ratio, 2)) == (verdict, ratio)


@pytest.mark.parametrize(
    ("context", "verdict"),
    [(30_627, "fits"), (30_628, "tight"), (61_254, "tight"), (61_255, "does not fit")],
)
def test_the_verdict_turns_at_one_and_at_two_requests(context, verdict):
    found = fit(*GUIDE, GPUS["l20"], Parallel(2), Setting(context, overhead=Overhead.constant(2.5)))

    assert (found.tokens, found.verdict) == (61_254, verdict)


def test_a_budget_adds_up():
    found = fit(*GUIDE, GPUS["l20"], Parallel(2), Setting(40_960))

    inside = sum(figure.size for figure in found.overhead)
    assert found.usable == found.weights + inside + found.kv_room
    assert found.free == found.kv_room - 40_960 * found.kv_bytes_per_token
    assert [figure.name for figure in found.overhead] == [
        "CUDA context",
        "NCCL",
        "activations, prefill step of 8,192 tokens",
        "CUDA graphs",
    ]
    assert found.tokens == found.kv_room // 131_072


def test_one_gpu_needs_no_nccl():
    names = [figure.name for figure in Overhead().figures(GUIDE[0], Parallel(1))]

    assert names == ["CUDA context", "activations, prefill step of 8,192 tokens", "CUDA graphs"]


def test_graphs_that_the_rest_of_the_card_cannot_hold_do_not_fit():
    setting = Setting(1_000, utilisation=0.99, overhead=Overhead(graphs_inside=False))

    found = fit(*GUIDE, GPUS["l20"], Parallel(4), setting)

    assert found.verdict == "does not fit"
    assert found.reason == (
        "What the engine keeps outside its share of the card needs 0.6 GiB more than the share"
        " leaves; lower the GPU memory utilisation."
    )


@pytest.mark.parametrize(
    ("name", "parallel", "weights", "kv"),
    [
        ("deepseek-r1", Parallel(8), 78.35, 70_272),
        ("deepseek-r1", Parallel(8, 2), 39.81, 35_712),
        ("deepseek-r1", Parallel(8, data=2).with_experts(), 40.28, 70_272),
        ("deepseek-r1", Parallel(1, data=16).with_experts(), 55.74, 70_272),
        ("qwen3-235b-a22b", Parallel(8), 54.74, 24_064 * 2),
        ("glm-5", Parallel(8), 173.21, 89_856 + 78 * 132),
    ],
)
def test_experts_stages_and_latent_attention_divide_as_they_do(name, parallel, weights, kv):
    model = MODELS[name]
    found = fit(model, model.native_scheme, GPUS["h200"], parallel, Setting(1_000))

    assert (round(found.weights / GIB, 2), found.kv_bytes_per_token) == (weights, kv)


def test_an_fp8_cache_holds_twice_the_tokens_and_data_ranks_serve_their_own_requests():
    def tokens(dtype, data):
        setting = Setting(10_000, dtype, overhead=Overhead.constant(4.5))
        found = fit(*GUIDE, GPUS["h200"], Parallel(2, data=data), setting)
        return found.tokens // 1000, found.concurrent

    assert tokens(KvDtype.BF16, 1) == (748, 74)
    assert tokens(KvDtype.FP8, 1) == (1496, 149)
    assert tokens(KvDtype.BF16, 2) == (748, 148)


def test_a_card_that_lacks_a_number_format_is_noted():
    found = fit(GUIDE[0], Scheme.FP8, GPUS["gpu-32gb"], Parallel(2), Setting(100, KvDtype.FP8))

    assert found.notes == (
        "32 GB card: no bfloat16 below SM 8.0; the engine must run in float16.",
        "32 GB card: FP8 weights are unpacked for each use (SM 8.9 computes in FP8).",
        "32 GB card: an FP8 KV cache below SM 8.9 depends on the engine's kernels.",
    )


@pytest.mark.parametrize(
    ("engine", "card", "tp", "utilisation", "step"),
    [
        ("vllm 0.10.0", "l20", 2, 0.9, 8192),
        ("vllm 0.23.1", "l20", 2, 0.9, 8192),
        ("vllm 0.24.0", "l20", 2, 0.92, 8192),
        ("sglang 0.4.10.post2", "a10", 1, 0.871, 2048),
        ("sglang 0.4.10.post2", "l20", 2, 0.767, 8192),
        ("sglang 0.4.10.post2", "h20-96", 8, 0.833, 8192),
        ("sglang 0.4.10.post2", "h200", 8, 0.886, 8192),
        ("sglang 0.5.9", "a10", 1, 0.837, 2048),
        ("sglang 0.5.9", "l20", 2, 0.849, 4096),
        ("sglang 0.5.9", "h100", 8, 0.818, 8192),
        ("sglang 0.5.9", "h200", 16, 0.89, 8192),
    ],
)
def test_what_an_engine_takes_when_nobody_tells_it(engine, card, tp, utilisation, step):
    kind, version = engine.split()

    found = default_utilisation(Engine(kind), version, GPUS[card], Parallel(tp))

    assert found == utilisation
    assert prefill_step(Engine(kind), version, GPUS[card]) == step


def test_vllm_counts_its_graphs_from_0_21_and_sglang_never():
    def outside(engine, version):
        figures = default_overhead(engine, version, GPUS["l20"]).figures(GUIDE[0], Parallel(1))
        return [figure.name.split(",")[0] for figure in figures if not figure.inside]

    assert outside(Engine.VLLM, "0.20.2") == ["CUDA graphs"]
    assert outside(Engine.VLLM, "0.21.0") == []
    assert outside(Engine.SGLANG, "0.5.23") == ["activations", "CUDA graphs"]


@pytest.mark.parametrize(
    ("context", "utilisation", "words"),
    [
        (0, 0.9, "context 0: must be at least 1 token"),
        (1, 1.1, "GPU memory utilisation 1.1: must be above 0 and at most 1"),
        (1, 0, "GPU memory utilisation 0: must be above 0 and at most 1"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(context, utilisation, words):
    with pytest.raises(InvalidRequestError) as refused:
        Setting(context, utilisation=utilisation)

    assert str(refused.value) == words


def test_an_unknown_gpu_is_refused_with_the_nearest_one():
    assert find_gpu(GPUS, "L20") == GPUS["l20"]
    with pytest.raises(InvalidRequestError) as refused:
        find_gpu(GPUS, "H20")

    assert str(refused.value) == "GPU H20: not in the catalogue; did you mean h200?"


def test_a_gpu_file_with_a_wrong_capability_is_refused(tmp_path):
    path = tmp_path / "gpus.yaml"
    path.write_text('gpus: {b1: {name: B1, mib: 1, sm: "nine", source: none}}', "utf-8")

    with pytest.raises(InvalidRequestError) as refused:
        load_gpus(path)

    assert str(refused.value) == "gpus.yaml: gpus: b1: sm must be a text such as “8.9”"


TABLE = """\
qwen3-32b bf16 on 2 × L20 48 GB (TP 2) at 40,960 tokens: tight
The KV cache holds 61,922 tokens, 1.51 × 40,960: 1 full-length at a time on each data parallel rank.

  one GPU                                         GiB
  memory of the card                            44.99  taken as the L40S with ECC on [A]
  the engine's share, 0.9                       40.49
  weights, bf16                                -30.51  TP 2
  CUDA context                                  -0.70  [M] 0.70 GiB
  NCCL                                          -0.82  [M] 0.82 GiB at TP 2
  activations, prefill step of 8,192 tokens     -0.90  [M] 2 B × (3·width/TP + 4·hidden) a token
  room for the KV cache                          7.56  131,072 B a token
  outside the share: CUDA graphs                 1.00  [A] the engine's default sizes

  tokens of KV cache: 61,922; longest request: 61,922; requests of 40,960 at a time: 1
"""


def test_a_fit_is_shown_as_a_memory_budget_and_as_data():
    setting = default_setting(Engine.VLLM, "0.10.0", GPUS["l20"], Parallel(2), 40_960)
    found = fit(*GUIDE, GPUS["l20"], Parallel(2), setting)
    data = as_data(found)

    assert as_text(found) == TABLE
    assert {key: data[key] for key in ("gpu", "verdict", "tokens", "kv_room", "concurrent")} == {
        "gpu": "l20",
        "verdict": "tight",
        "tokens": 61_922,
        "kv_room": found.kv_room,
        "concurrent": 1,
    }


@pytest.mark.parametrize(
    ("engine", "args", "share"),
    [
        (Engine.SGLANG, (), 0.88),
        (Engine.SGLANG, ("--mem-fraction-static", "0.8"), 0.8),
        (Engine.SGLANG, ("--mem-fraction-static=0.7", "--mem-fraction-static=0.75"), 0.75),
        (Engine.SGLANG, ("--mem-fraction-static", "much"), 0.88),
        (Engine.VLLM, (), 0.9),
        (Engine.VLLM, ("--gpu-memory-utilization=0.95",), 0.95),
        (Engine.VLLM, ("--gpu-memory-utilization", "7"), 0.9),
    ],
)
def test_a_deployment_runs_at_the_share_that_is_passed(engine, args, share):
    version = "0.10.0" if engine is Engine.VLLM else "0.4.10.post2"

    setting = served_setting(engine, version, GPUS["l20"], Parallel(2), 40_960, args)

    assert setting.utilisation == share


@pytest.mark.parametrize("engine", Engine)
def test_the_guides_setting_is_tight_at_about_one_and_a_half_on_two_l20(engine):
    version = "0.10.0" if engine is Engine.VLLM else "0.4.10.post2"
    setting = served_setting(engine, version, GPUS["l20"], Parallel(2), 40_960)

    found = fit(MODELS["qwen3-32b"], Scheme.BF16, GPUS["l20"], Parallel(2), setting)

    assert found.verdict is Verdict.TIGHT
    assert round(found.ratio, 1) == 1.5
