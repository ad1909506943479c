"""The catalogue's model files: complete, consistent, and refused in words when they are not."""

from dataclasses import replace
from pathlib import Path

import pytest

from gitops.errors import InvalidRequestError
from gitops.models import Mode, Model, Scheme, load_models, read_model, to_yaml

CATALOG = Path(__file__).parents[2] / "kustomize" / "catalog"
FOLDER = CATALOG / "models"
TEXT = (FOLDER / "qwen3-32b.yaml").read_text("utf-8")


def test_the_catalogue_has_the_seventeen_models():
    assert list(load_models(FOLDER)) == [
        "deepseek-r1",
        "deepseek-r1-distill-qwen-32b",
        "glm-4-5-air",
        "glm-4-6",
        "glm-5",
        "gpt-oss-120b",
        "gpt-oss-20b",
        "kimi-k2",
        "llama-3-1-405b",
        "llama-3-1-70b",
        "llama-3-1-8b",
        "qwen2-5-72b",
        "qwen3-235b-a22b",
        "qwen3-30b-a3b",
        "qwen3-32b",
        "qwen3-8b",
        "qwen3-coder-480b-a35b",
    ]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_names_its_sources_and_reads_back_equal(path):
    text = path.read_text("utf-8")
    model = read_model(text, path.name)

    assert text.startswith("# Sources: ")
    assert read_model(to_yaml(model), path.name) == model


def test_the_guides_model_answers_what_the_rest_of_leadline_asks():
    model: Model = read_model(TEXT, "qwen3-32b.yaml")

    assert (model.parameters, model.layers, model.heads, model.kv_heads) == (
        32_762_123_264, 64, 64, 8,
    )  # fmt: skip
    assert (model.path, model.claim) == ("/models/Qwen3-32B", "llm-model")
    assert model.bytes_per_parameter == 2
    assert round(model.weights_gib, 2) == 61.02
    assert [mode.name for mode in model.modes] == ["standard", "long", "fp8", "int4"]
    assert model.mode("fp8") == Mode(
        "fp8", Scheme.FP8, "Qwen/Qwen3-32B-FP8", method="fp8", block=128
    )
    assert model.mode("int4").path == "/models/Qwen3-32B-AWQ"
    with pytest.raises(InvalidRequestError, match="choose one of standard, long, fp8, int4"):
        model.mode("fast")


def test_a_file_must_carry_its_models_name(tmp_path):
    (tmp_path / "other.yaml").write_text(TEXT, "utf-8")

    with pytest.raises(InvalidRequestError, match=r"rename the file to qwen3-32b\.yaml"):
        load_models(tmp_path)


REFUSED = [
    ("licence:", "license:", "unknown key license; did you mean licence?"),
    ("  layers: 64", "  layer: 64", "shape: unknown key layer; did you mean layers?"),
    ("  layers: 64", "  layers: 65", "figures: parameters is 32762123264, but the shape counts"),
    ("  layers: 64", "  layers: 1.5", "shape: layers must be a whole number of at least 1"),
    ("kv_bytes_per_token: 262144", "kv_bytes_per_token: 262145", "shape counts 262144"),
    ("id: qwen3-32b", "id: Qwen3", "id Qwen3: “Q” is not allowed; use small letters, digits and -"),
    ("architecture: Qwen3For", "architecture: MambaFor", "architecture MambaForCausalLM is not"),
    ("  standard:", "  usual:", "modes: the first mode must be standard"),
    ("    scheme: fp8", "    scheme: fp6", "fp8: scheme fp6; known: bf16, fp8, int4, mxfp4"),
    (
        "      factor: 4.0",
        "      factor: 0",
        "yarn: factor must be above 0 and at most 1000000, not 0",
    ),
    ("disk_bytes: 65524246528", "disk_bytes: 65524246527", "is less than the 65524246528 bytes"),
    ('vllm: "0.10.0"', "vllm: newest", "engine version newest: expected a form such as 0.10.0"),
    ("  qk_norm: true", "  qk_norm: 1", "qk_norm must be true or false, not 1"),
    ("      factor: 4.0", "      factor: 2000000", "factor must be above 0 and at most 1000000"),
    ("disk_bytes: 65524246528", "disk_bytes: 10000000000000001", "must be at most 10000"),
    ("licence: Apache-2.0", 'licence: ""', "licence must be a text, not ''"),
    ("      factor: 4.0", "      factor: four", "yarn: factor must be a number, not 'four'"),
    ("figures:", "zzz: 1\nfigures:", "unknown key zzz; known: id, repository, architecture"),
    ("repository: Qwen/Qwen3-32B", "repository: ../x", "repository ../x: expected owner/name"),
    ("    repository: Qwen/", "    repository: Qwen/../", "expected owner/name"),
    ("  path: /models/Qwen3-32B", "  path: /models/../etc", "must be a folder under /models"),
    ("  path: /models/Qwen3-32B", "  path: oss://bucket", "must be a folder under /models"),
    ("  claim: llm-model", "  claim: ../x", "claim ../x: “.” is not allowed"),
]


@pytest.mark.parametrize(("old", "new", "words"), REFUSED)
def test_a_wrong_file_is_refused_in_words(old, new, words):
    assert TEXT.count(old) >= 1
    with pytest.raises(InvalidRequestError) as refused:
        read_model(TEXT.replace(old, new, 1), "qwen3-32b.yaml")

    assert words in str(refused.value)


def test_a_shape_that_no_model_can_have_is_refused():
    model = read_model((FOLDER / "qwen3-30b-a3b.yaml").read_text("utf-8"), "file")
    assert model.shape.moe
    moe = replace(model.shape.moe, experts_per_token=129)
    text = to_yaml(replace(model, shape=replace(model.shape, moe=moe)))

    with pytest.raises(InvalidRequestError, match="a token cannot use 129 of 128 experts"):
        read_model(text, "file")
