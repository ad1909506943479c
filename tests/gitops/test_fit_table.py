"""Fit against a table worked out by hand and against what was measured."""

from pathlib import Path

import pytest

from gitops.fit import Overhead, Setting, fit
from gitops.fit.budget import kv_bytes_per_token, weights_per_gpu
from gitops.fit.overhead import activation_bytes_per_token
from gitops.gpus import load_gpus
from gitops.models import KvDtype, Scheme, load_models
from gitops.parallel import Parallel

GIB = 1024**3
CATALOG = Path(__file__).parents[2] / "kustomize" / "catalog"
MODELS = load_models(CATALOG / "models")
GPUS = load_gpus(CATALOG / "gpus.yaml")

# Worked out by hand: model, scheme, GPU, TP, PP, weights and free GiB a GPU, tokens of KV cache.
ROWS = [
    "",
    "qwen3-32b bf16 l20 2 1 30.5 7.5 61254",
    "qwen3-32b bf16 l20 1 2 30.5 7.5 61254",
    "qwen3-32b bf16 a10 4 1 15.3 2.5 40688",
    "qwen3-32b bf16 l20 4 1 15.3 22.7 372464",
    "qwen3-32b bf16 a100-40 2 1 30.5 3.0 24500",
    "qwen3-32b bf16 a100-80 1 1 61.0 6.5 26524",
    "qwen3-32b bf16 a100-80 2 1 30.5 37.0 303004",
    "qwen3-32b bf16 h20-96 1 1 61.0 20.5 83948",
    "qwen3-32b bf16 h200 1 1 61.0 60.8 249188",
    "qwen3-32b fp8 l20 1 1 32.0 6.0 24663",
    "qwen3-32b fp8 l20 2 1 16.0 22.0 180267",
    "qwen3-32b fp8 a10 2 1 16.0 1.8 14379",
    "qwen3-8b bf16 a10 1 1 15.3 2.5 18080",
    "qwen3-8b bf16 a10 2 1 7.6 10.1 147255",
    "qwen3-8b bf16 l20 1 1 15.3 22.7 165536",
    "qwen3-30b-a3b bf16 l20 2 1 28.4 9.6 208714",
    "qwen3-30b-a3b bf16 a100-80 1 1 56.9 10.6 116102",
    "qwen3-235b-a22b bf16 h20-96 8 1 54.7 26.8 597000",
    "qwen3-235b-a22b bf16 h100 8 1 54.7 12.4 278000",
    "qwen3-235b-a22b bf16 h200 4 1 109.5 12.4 276000",
    "qwen3-235b-a22b fp8 h20-96 4 1 55.0 26.5 591000",
    "qwen3-235b-a22b fp8 h100 4 1 55.0 12.1 271000",
    "deepseek-r1 fp8 h20-96 8 1 78.4 3.2 48389",
    "deepseek-r1 fp8 h20-96 16 1 39.2 42.3 647000",
    "deepseek-r1 fp8 h20-96 8 2 39.2 42.3 1270000",
    "deepseek-r1 fp8 h20-141 8 1 78.4 43.5 665000",
    "deepseek-r1 fp8 h200 8 1 78.4 43.5 665000",
    "deepseek-r1 fp8 h100 16 1 39.2 28.0 428000",
    "llama-3-1-70b bf16 a100-80 2 1 65.7 1.8 11700",
    "llama-3-1-70b bf16 a100-80 4 1 32.9 34.6 454000",
    "llama-3-1-70b bf16 l20 4 1 32.9 5.1 67000",
    "llama-3-1-405b bf16 h100 8 2 47.2 19.9 664000",
    "llama-3-1-405b bf16 h20-96 8 2 47.2 34.3 1140000",
    "llama-3-1-405b bf16 h200 8 1 94.5 27.4 455000",
    "llama-3-1-405b fp8 h100 8 1 47.7 19.4 323000",
    "glm-4-6 bf16 h20-96 8 1 82.1 -0.6 0",
    "glm-4-6 bf16 h20-96 8 2 41.1 40.4 1840000",
    "glm-4-6 bf16 h200 8 1 82.1 39.7 905000",
    "glm-4-6 fp8 h20-96 8 1 41.3 40.3 918000",
    "glm-4-6 fp8 h20-96 4 1 82.5 -1.0 0",
    "kimi-k2 fp8 h20-141 8 1 119.8 2.1 31600",
    "kimi-k2 fp8 h200 8 2 59.9 62.0 1860000",
    "kimi-k2 fp8 h20-96 16 1 59.9 21.6 330000",
    "gpt-oss-120b mxfp4 h100 1 1 60.7 6.5 94000",
    "gpt-oss-120b mxfp4 l20 2 1 30.4 7.6 222000",
    "qwen2-5-72b bf16 a100-80 2 1 67.7 -0.2 0",
    "qwen2-5-72b bf16 l20 4 1 33.9 4.1 54000",
    "",
][1:-1]


@pytest.mark.parametrize("row", ROWS)
def test_the_constant_overhead_reproduces_the_results_table_within_two_percent(row):
    name, scheme, card, tp, pp, weights, free, tokens = row.split()
    gpu = GPUS[card]
    setting = Setting(context=32_768, overhead=Overhead.rule_of_thumb(gpu))

    found = fit(MODELS[name], Scheme(scheme), gpu, Parallel(int(tp), int(pp)), setting)

    assert found.weights / GIB == pytest.approx(float(weights), rel=0.02, abs=0.05)
    assert found.kv_room / GIB == pytest.approx(float(free), rel=0.02, abs=0.05)
    assert found.tokens == pytest.approx(int(tokens), rel=0.02)


# Measured on two H200 GPUs: model, TP, weights GiB a GPU, KV bytes a token.
@pytest.mark.parametrize(
    ("name", "tp", "weights", "kv"),
    [
        ("qwen3-32b", 1, 61.06, 262_144),
        ("qwen3-32b", 2, 30.73, 131_072),
        ("qwen3-8b", 1, 15.29, 147_456),
        ("llama-3-1-8b", 1, 14.99, 131_072),
        ("qwen2-5-72b", 2, 67.98, 163_840),
    ],
)
def test_weights_and_kv_bytes_are_the_measured_ones(name, tp, weights, kv):
    parallel = Parallel(tp)

    size = weights_per_gpu(MODELS[name], Scheme.BF16, parallel) / GIB

    assert size == pytest.approx(weights, rel=0.01)
    assert kv_bytes_per_token(MODELS[name], parallel, KvDtype.BF16) == kv


@pytest.mark.parametrize(
    ("name", "tp", "formula", "measured"),
    [
        ("qwen3-8b", 1, 106_496, 107_020),
        ("llama-3-1-8b", 1, 118_784, 119_312),
        ("qwen3-32b", 1, 194_560, 195_084),
        ("qwen3-32b", 2, 117_760, 118_288),
        ("qwen2-5-72b", 2, 154_240, 154_896),
    ],
)
def test_activations_of_a_prefilled_token_are_the_measured_ones(name, tp, formula, measured):
    size = activation_bytes_per_token(MODELS[name], Parallel(tp))

    assert size == formula
    assert size == pytest.approx(measured, rel=0.005)
