"""Alternatives with fewer GPUs, groups that find nodes, and room for a rolling update."""

from dataclasses import astuple
from pathlib import Path

import pytest

from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.fit import (
    Pool,
    Verdict,
    Wanted,
    alternatives,
    describe,
    placeable,
    rolling_headroom,
)
from gitops.gpus import load_gpus
from gitops.models import KvDtype, load_models
from gitops.parallel import Parallel

CATALOG = Path(__file__).parents[2] / "kustomize" / "catalog"
MODELS = load_models(CATALOG / "models")
GPUS = load_gpus(CATALOG / "gpus.yaml")
TWO_NODES = Parallel(2)


def told(name, cards, wanted, now=None):
    found = alternatives(MODELS[name], [GPUS[card] for card in cards], wanted)
    return [describe(alternative, now) for alternative in found]


def test_the_guides_model_needs_no_second_node():
    wanted = Wanted(40_960, Engine.VLLM, "0.10.0")

    assert told("qwen3-32b", ["l20"], wanted, TWO_NODES) == [
        (
            "fp8 with an FP8 KV cache just fits (1.27 × 40,960 tokens) on 1 × L20 48 GB;"
            " you do not need 2 GPUs."
        ),
        "int4 fits on 1 × L20 48 GB; you do not need 2 GPUs.",
        "bf16 just fits (1.51 × 40,960 tokens) on 2 × L20 48 GB (TP 2).",
        "fp8 fits on 2 × L20 48 GB (TP 2).",
    ]


def test_a_shorter_context_fits_in_fp8_on_one_card():
    wanted = Wanted(12_288, Engine.VLLM, "0.10.0", least=Verdict.FITS)

    assert told("qwen3-32b", ["l20"], wanted, TWO_NODES)[0] == (
        "fp8 fits on 1 × L20 48 GB; you do not need 2 GPUs."
    )


def test_alternatives_obey_the_rules_of_the_model_and_the_engine():
    bf16 = (KvDtype.BF16,)
    vllm = Wanted(32_768, Engine.VLLM, "0.10.0", bf16, Verdict.FITS)
    sglang = Wanted(32_768, Engine.SGLANG, "0.4.10.post2", bf16, Verdict.FITS)

    assert told("qwen3-235b-a22b", ["l20"], vllm) == [
        "int4 fits on 4 × L20 48 GB (TP 4).",
        "fp8 fits on 8 × L20 48 GB (TP 8 EP 8).",
        "bf16 fits on 16 × L20 48 GB (TP 16).",
    ]
    assert told("deepseek-r1", ["l20"], vllm) == ["fp8 fits on 32 × L20 48 GB (TP 16 PP 2)."]
    assert told("deepseek-r1", ["l20"], sglang) == []


def test_nothing_is_offered_beyond_the_gpus_there_are():
    wanted = Wanted(40_960, Engine.VLLM, "0.10.0", max_gpus=8)

    assert told("llama-3-1-405b", ["a10"], wanted) == []


@pytest.mark.parametrize(
    ("groups", "size", "gpus_per_pod", "pools", "whole"),
    [
        (3, 2, 1, [Pool("a", (1, 1, 1, 1))], 2),
        (1, 2, 1, [Pool("a", (1, 1, 1, 1))], 1),
        (2, 2, 1, [Pool("a", (1,)), Pool("b", (1,))], 0),
        (2, 2, 8, [Pool("a", (8, 8, 7)), Pool("b", (16,))], 2),
        (1, 1, 8, [Pool("a", (4, 4))], 0),
        (5, 1, 2, [Pool("a", (7, 0, -1))], 3),
        (0, 1, 1, [Pool("a", (8,))], 0),
        (2, 1, 1, [], 0),
    ],
)
def test_only_whole_groups_are_counted(groups, size, gpus_per_pod, pools, whole):
    assert placeable(groups, size, gpus_per_pod, pools) == whole


HEADROOM = [
    (
        (1, 0, 1, 2, 1, 0),
        (True, 0, 0, 1, "All 1 groups are down together: an outage until one has loaded."),
    ),
    ((3, 0, 1, 2, 1, 0), (True, 0, 0, 1, "1 of 3 groups are down at a time.")),
    ((1, 1, 0, 2, 1, 2), (True, 2, 0, 0, "0 of 1 groups are down at a time.")),
    (
        (1, 1, 0, 2, 1, 1),
        (False, 2, 1, 0, "1 of the 2 GPUs of the extra groups are not free: it would wait."),
    ),
    (
        (4, 2, 1, 2, 8, 16),
        (False, 32, 16, 1, "16 of the 32 GPUs of the extra groups are not free: it would wait."),
    ),
    ((2, 5, 0, 1, 1, 2), (True, 2, 0, 0, "0 of 2 groups are down at a time.")),
    ((0, 1, 1, 2, 1, 0), (True, 0, 0, 0, "0 of 0 groups are down at a time.")),
]


@pytest.mark.parametrize(("numbers", "headroom"), HEADROOM)
def test_a_rolling_update_finds_room_or_says_what_is_missing(numbers, headroom):
    assert astuple(rolling_headroom(*numbers)) == headroom


@pytest.mark.parametrize(
    "numbers", [(1, 0, 0, 2, 1, 4), (-1, 1, 0, 2, 1, 4), (1, -1, 1, 2, 1, 4), (1, 1, 0, 0, 1, 4)]
)
def test_numbers_that_allow_no_update_are_refused(numbers):
    with pytest.raises(InvalidRequestError):
        rolling_headroom(*numbers)
