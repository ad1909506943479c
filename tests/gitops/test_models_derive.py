"""Counting a model's figures from the few fields of its config.json that decide them."""

import json
from pathlib import Path

import pytest

from gitops.errors import InvalidRequestError
from gitops.models import ARCHITECTURES, Scheme, Yarn, derive, read_model, to_yaml

FP8_BLOCKS = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}


def dense(architecture, *sizes, **more):
    layers, hidden, heads, intermediate, vocabulary, positions = sizes
    return {
        "architectures": [architecture],
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": 8,
        "intermediate_size": intermediate,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "tie_word_embeddings": False,
    } | more


def qwen3_moe(*sizes, kv_heads=4):
    layers, hidden, heads, intermediate, width, experts, positions = sizes
    return dense(
        "Qwen3MoeForCausalLM", layers, hidden, heads, intermediate, 151936, positions,
        head_dim=128, num_key_value_heads=kv_heads, num_experts=experts, num_experts_per_tok=8,
        moe_intermediate_size=width, decoder_sparse_step=1, mlp_only_layers=[],
    )  # fmt: skip


def glm4_moe(*sizes, **more):
    layers, hidden, intermediate, width, experts, first_dense, positions = sizes
    return dense(
        "Glm4MoeForCausalLM", layers, hidden, 96, intermediate, 151552, positions,
        head_dim=128, attention_bias=True, n_routed_experts=experts, n_shared_experts=1,
        num_experts_per_tok=8, moe_intermediate_size=width, first_k_dense_replace=first_dense,
        **more,
    )  # fmt: skip


def latent(architecture, *sizes, **more):
    return dense(
        architecture, *sizes,
        num_key_value_heads=sizes[2], kv_lora_rank=512, qk_rope_head_dim=64, n_shared_experts=1,
        num_experts_per_tok=8, moe_intermediate_size=2048, moe_layer_freq=1, **more,
    )  # fmt: skip


def deepseek(heads, vocabulary, positions, experts, first_dense, **more):
    return latent(
        "DeepseekV3ForCausalLM", 61, 7168, heads, 18432, vocabulary, positions,
        q_lora_rank=1536, qk_nope_head_dim=128, v_head_dim=128, n_routed_experts=experts,
        first_k_dense_replace=first_dense, quantization_config=FP8_BLOCKS, **more,
    )  # fmt: skip


def gpt_oss(layers, experts):
    return dense(
        "GptOssForCausalLM", layers, 2880, 64, 2880, 201088, 131072,
        head_dim=64, attention_bias=True, num_local_experts=experts, num_experts_per_tok=4,
        quantization_config={"quant_method": "mxfp4"},
    )  # fmt: skip


CONFIGS = {
    "Qwen/Qwen3-8B": dense(
        "Qwen3ForCausalLM", 36, 4096, 32, 12288, 151936, 40960, head_dim=128
    ),
    "Qwen/Qwen3-32B": dense(
        "Qwen3ForCausalLM", 64, 5120, 64, 25600, 151936, 40960, head_dim=128
    ),
    "Qwen/Qwen3-30B-A3B": qwen3_moe(48, 2048, 32, 6144, 768, 128, 40960),
    "Qwen/Qwen3-235B-A22B": qwen3_moe(94, 4096, 64, 12288, 1536, 128, 40960),
    "Qwen/Qwen3-Coder-480B-A35B-Instruct": qwen3_moe(
        62, 6144, 96, 8192, 2560, 160, 262144, kv_heads=8
    ),
    "deepseek-ai/DeepSeek-R1": deepseek(
        128, 129280, 163840, 256, 3, model_type="deepseek_v3", auto_map={"AutoConfig": "x"}
    ),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": dense(
        "Qwen2ForCausalLM", 64, 5120, 40, 27648, 152064, 131072
    ),
    "meta-llama/Llama-3.1-8B-Instruct": dense(
        "LlamaForCausalLM", 32, 4096, 32, 14336, 128256, 131072
    ),
    "meta-llama/Llama-3.1-70B-Instruct": dense(
        "LlamaForCausalLM", 80, 8192, 64, 28672, 128256, 131072
    ),
    "meta-llama/Llama-3.1-405B-Instruct": dense(
        "LlamaForCausalLM", 126, 16384, 128, 53248, 128256, 131072
    ),
    "Qwen/Qwen2.5-72B-Instruct": dense(
        "Qwen2ForCausalLM", 80, 8192, 64, 29568, 152064, 32768
    ),
    "zai-org/GLM-4.6": glm4_moe(92, 5120, 12288, 1536, 160, 3, 202752, use_qk_norm=True),
    "zai-org/GLM-4.5-Air": glm4_moe(46, 4096, 10944, 1408, 128, 1, 131072, use_qk_norm=False),
    "moonshotai/Kimi-K2-Instruct": deepseek(
        64, 163840, 131072, 384, 1, model_type="kimi_k2", auto_map={"AutoConfig": "x"}
    ),
    "openai/gpt-oss-120b": gpt_oss(36, 128),
    "openai/gpt-oss-20b": gpt_oss(24, 32),
    "zai-org/GLM-5": latent(
        "GlmMoeDsaForCausalLM", 78, 6144, 64, 12288, 154880, 202752,
        q_lora_rank=2048, qk_nope_head_dim=192, v_head_dim=256, n_routed_experts=256,
        first_k_dense_replace=3, index_n_heads=32, index_head_dim=128,
    ),
}  # fmt: skip

# Figures counted from the published configurations, by repository.
EXPECTED = json.loads((Path(__file__).parent / "data" / "model-figures.json").read_text("utf-8"))


@pytest.mark.parametrize("repository", CONFIGS)
def test_every_figure_of_a_config_is_the_published_one(repository):
    model = derive(CONFIGS[repository], repository)

    found = {
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "kv_bytes_per_token": model.kv_bytes_per_token(),
        "native_scheme": model.native_scheme,
        "weights_bytes": {
            scheme: model.weights_bytes(Scheme(scheme))
            for scheme in EXPECTED[repository]["weights_bytes"]
        },
    }
    assert found == EXPECTED[repository]


@pytest.mark.parametrize("repository", CONFIGS)
def test_a_derived_model_reads_back_equal_from_its_file(repository):
    model = derive(CONFIGS[repository], repository, "a-claim", "MIT", Yarn(4.0, 32768))

    assert read_model(to_yaml(model), "file") == model


def test_only_a_model_type_that_transformers_lacks_needs_its_own_code():
    needing = [
        repository
        for repository, config in CONFIGS.items()
        if derive(config, repository).trust_remote_code
    ]

    assert needing == ["moonshotai/Kimi-K2-Instruct"]


COMPRESSED_FP8 = {
    "quant_method": "compressed-tensors",
    "config_groups": {"group_0": {"weights": {"type": "float", "num_bits": 8}}},
}
COMPRESSED_INT4 = {
    "quant_method": "compressed-tensors",
    "config_groups": {
        "group_0": {"weights": {"type": "int", "num_bits": 4, "group_size": 32}}
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("quantization", "scheme", "method", "block", "group"),
    [
        (None, "bf16", None, None, None),
        (FP8_BLOCKS, "fp8", "fp8", 128, None),
        ({"quant_method": "fbgemm_fp8"}, "fp8", "fbgemm-fp8", None, None),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8", "modelopt", None, None),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "int4", "awq", None, 128),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, "int4", "gptq", None, None),
        ({"quant_method": "mxfp4"}, "mxfp4", "mxfp4", None, None),
        (COMPRESSED_FP8, "fp8", "compressed-tensors", None, None),
        (COMPRESSED_INT4, "int4", "compressed-tensors", None, 32),
    ],
)
def test_the_number_format_is_read_from_the_config(quantization, scheme, method, block, group):
    config = CONFIGS["Qwen/Qwen3-8B"] | {"quantization_config": quantization}

    mode = derive(config, "Qwen/Qwen3-8B").standard

    assert (mode.scheme, mode.method, mode.block, mode.group) == (scheme, method, block, group)


WHERE = "config.json of Qwen/Qwen3-8B: "
OTHERWISE = ". Take another checkpoint of the model, or write its catalogue file by hand"
KNOWN = ", ".join(ARCHITECTURES)
METHODS = "fp8, fbgemm-fp8, modelopt, awq, gptq, mxfp4, compressed-tensors"
REFUSALS = {
    f"architectures ['MambaForCausalLM'] cannot be sized; Leadline counts {KNOWN}": {
        "architectures": ["MambaForCausalLM"]
    },
    "num_hidden_layers is missing; add it": {"num_hidden_layers": None},
    "vocab_size must be a whole number of at least 1, not 'many'": {"vocab_size": "many"},
    "hidden_size must be a whole number of at least 1, not True": {"hidden_size": True},
    "architectures must be a list, not 'Qwen3ForCausalLM'": {"architectures": "Qwen3ForCausalLM"},
    "num_hidden_layers must be at most 1000, not 1000000000": {"num_hidden_layers": 10**9},
    "tie_word_embeddings must be true or false, not 1": {"tie_word_embeddings": 1},
    "quantization_config must be a mapping, not 'fp8'": {"quantization_config": "fp8"},
    "quantization_config: quant_method bitsandbytes cannot be sized;"
    f" Leadline reads {METHODS}{OTHERWISE}": {
        "quantization_config": {"quant_method": "bitsandbytes"}
    },
    f"quantization_config: 8 bits cannot be sized; Leadline reads 4 bits{OTHERWISE}": {
        "quantization_config": {"quant_method": "awq", "bits": 8}
    },
    f"quantization_config: quant_algo NVFP4 cannot be sized; Leadline reads FP8{OTHERWISE}": {
        "quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}
    },
    "quantization_config: config_groups: group_0: weights: int of 8 bits cannot be sized;"
    f" Leadline reads float of 8 bits, int of 4 bits{OTHERWISE}": {
        "quantization_config": {
            "quant_method": "compressed-tensors",
            "config_groups": {"group_0": {"weights": {"type": "int", "num_bits": 8}}},
        }
    },
    "quantization_config: blocks of [1, 128] cannot be sized;"
    f" Leadline reads square blocks such as [128, 128]{OTHERWISE}": {
        "quantization_config": FP8_BLOCKS | {"weight_block_size": [1, 128]}
    },
}


@pytest.mark.parametrize("words", REFUSALS)
def test_a_config_that_cannot_be_counted_is_refused_in_words(words):
    with pytest.raises(InvalidRequestError) as refused:
        derive(CONFIGS["Qwen/Qwen3-8B"] | REFUSALS[words], "Qwen/Qwen3-8B")

    assert str(refused.value) == WHERE + words


def test_layers_that_the_config_names_are_dense():
    config = CONFIGS["Qwen/Qwen3-30B-A3B"]
    named = config | {"mlp_only_layers": [0, 1, {"not": "a layer"}]}
    stepped = config | {"decoder_sparse_step": 2}

    def dense_layers(changed):
        return derive(changed, "Qwen/Qwen3-30B-A3B").shape.dense_layers

    assert [dense_layers(config), dense_layers(named), dense_layers(stepped)] == [0, 2, 24]


def test_experts_in_only_some_layers_of_a_period_are_refused():
    config = CONFIGS["deepseek-ai/DeepSeek-R1"] | {"moe_layer_freq": 2}

    with pytest.raises(InvalidRequestError, match="moe_layer_freq other than 1 is not counted"):
        derive(config, "deepseek-ai/DeepSeek-R1")


def test_a_bias_of_the_mlp_and_tied_embeddings_are_counted():
    name = "meta-llama/Llama-3.1-8B-Instruct"
    plain, biased, tied = (
        derive(CONFIGS[name] | change, name).parameters
        for change in ({}, {"mlp_bias": True}, {"tie_word_embeddings": True})
    )

    assert biased - plain == 32 * (2 * 14336 + 4096)
    assert plain - tied == 128256 * 4096


@pytest.mark.parametrize("repository", ["Qwen3-8B", "a/b/c", "../etc/passwd", "Qwen/", "Qwen/1.5"])
def test_a_repository_that_gives_no_safe_name_is_refused(repository):
    with pytest.raises(InvalidRequestError):
        derive(CONFIGS["Qwen/Qwen3-8B"], repository)
