"""Pure: a Model out of the `config.json` of a Hugging Face repository.

Sources: config.json files of the 17 catalogued models; biases and norms as the modeling files of
transformers build them (Qwen2 has bias on q, k, v; Llama and Qwen3 on all four where
`attention_bias` is set; GLM-4 MoE on q, k, v; gpt-oss on all four, and a sink a head).
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from gitops.errors import InvalidRequestError
from gitops.models.fields import Fields
from gitops.models.model import Mode, Model, Storage, Yarn
from gitops.models.quantization import as_fields, read_quantization
from gitops.models.shape import Mla, Moe, Shape
from gitops.names import check_name, printable

ARCHITECTURES = (
    "LlamaForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "Qwen3MoeForCausalLM",
    "Glm4MoeForCausalLM",
    "DeepseekV3ForCausalLM",
    "GlmMoeDsaForCausalLM",
    "GptOssForCausalLM",
)
"""The architectures whose parameters Leadline can count."""

MAX_LAYERS = 1_000
"""Most layers that we count; the deepest model on offer has 126."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}\Z")


def derive(
    config: Mapping[str, object],
    repository: str,
    claim: str = "llm-model",
    licence: str | None = None,
    yarn: Yarn | None = None,
) -> Model:
    """Count every figure of a model from its config.json; `yarn` adds a long-context mode.

    The model's id is the repository's name in small letters, dots as hyphens. A YaRN scaling that
    config.json itself carries is already part of its `max_position_embeddings`.

    Raises:
        InvalidRequestError: an architecture, number format or field that cannot be read.
    """
    check_repository(repository)
    fields = as_fields(config, repository)
    name = repository.split("/")[1]
    check_name("model id", identity := re.sub(r"[^a-z0-9-]", "-", name.lower()))
    form = read_quantization(fields)
    standard = Mode("standard", form.scheme, repository, form.method, form.block, form.group)
    modes = [standard]
    if yarn:
        modes.append(replace(standard, name="long", yarn=yarn))
    model = Model(
        id=identity,
        repository=repository,
        architecture=_architecture(fields),
        shape=read_shape(config, repository),
        modes=tuple(modes),
        storage=Storage(f"/models/{name}", claim, 1),
        licence=licence,
        trust_remote_code=_own_code(fields),
    )
    size = model.weights(form.scheme, form.group or 128).total
    return replace(model, storage=Storage(model.path, claim, size))


def check_repository(repository: str) -> None:
    """Refuse a text that is not owner/name, or whose name is no safe name of a folder.

    Raises:
        InvalidRequestError: with the form expected.
    """
    if not _REPOSITORY.match(repository):
        raise InvalidRequestError(
            f"repository {printable(repository)}: expected owner/name, such as Qwen/Qwen3-32B"
        )


def read_shape(config: Mapping[str, object], repository: str) -> Shape:
    """Return the shape that a config.json describes.

    Raises:
        InvalidRequestError: unknown architecture, or a field that is missing or of another type.
    """
    fields = as_fields(config, repository)
    architecture = _architecture(fields)
    bias = fields.flag("attention_bias")
    qwen2, oss = architecture == "Qwen2ForCausalLM", architecture == "GptOssForCausalLM"
    heads, hidden = fields.whole("num_attention_heads"), fields.whole("hidden_size")
    mla = _mla(fields) if architecture in _LATENT else None
    return Shape(
        layers=_layers(fields),
        hidden=hidden,
        heads=heads,
        kv_heads=fields.whole_or_none("num_key_value_heads") or heads,
        head_dim=mla.qk_nope_head_dim + mla.qk_rope_head_dim
        if mla
        else fields.whole_or_none("head_dim") or hidden // heads,
        intermediate=fields.whole("intermediate_size"),
        vocabulary=fields.whole("vocab_size"),
        max_positions=fields.whole("max_position_embeddings"),
        qkv_bias=qwen2 or oss or bias,
        output_bias=oss or (bias and architecture != "Glm4MoeForCausalLM" and not qwen2),
        qk_norm=architecture.startswith("Qwen3") or fields.flag("use_qk_norm"),
        attention_sinks=oss,
        mlp_bias=fields.flag("mlp_bias"),
        tied_embeddings=fields.flag("tie_word_embeddings"),
        mla=mla,
        moe=_moe(fields, architecture) if architecture in _SPARSE else None,
    )


_MODEL_TYPES = frozenset(
    {"llama", "qwen2", "qwen3", "qwen3_moe", "glm4_moe", "deepseek_v3", "glm_moe_dsa", "gpt_oss"}
)
_LATENT = frozenset({"DeepseekV3ForCausalLM", "GlmMoeDsaForCausalLM"})
_SPARSE = _LATENT | {"Qwen3MoeForCausalLM", "Glm4MoeForCausalLM", "GptOssForCausalLM"}


def _architecture(fields: Fields) -> str:
    names = fields.items("architectures")
    if len(names) == 1 and names[0] in ARCHITECTURES:
        return str(names[0])
    raise InvalidRequestError(
        f"{fields.where}: architectures {names!r:.80} cannot be sized;"
        f" Leadline counts {', '.join(ARCHITECTURES)}"
    )


def _layers(fields: Fields) -> int:
    return fields.whole("num_hidden_layers", high=MAX_LAYERS)


def _mla(fields: Fields) -> Mla:
    indexed = fields.has("index_head_dim")
    return Mla(
        q_lora_rank=fields.whole("q_lora_rank"),
        kv_lora_rank=fields.whole("kv_lora_rank"),
        qk_nope_head_dim=fields.whole("qk_nope_head_dim"),
        qk_rope_head_dim=fields.whole("qk_rope_head_dim"),
        v_head_dim=fields.whole("v_head_dim"),
        index_heads=fields.whole("index_n_heads") if indexed else 0,
        index_head_dim=fields.whole("index_head_dim") if indexed else 0,
    )


def _moe(fields: Fields, architecture: str) -> Moe:
    oss, qwen = architecture == "GptOssForCausalLM", architecture == "Qwen3MoeForCausalLM"
    experts = "num_local_experts" if oss else "num_experts" if qwen else "n_routed_experts"
    width = "intermediate_size" if oss else "moe_intermediate_size"
    shared = fields.whole("n_shared_experts", 0) if fields.has("n_shared_experts") else 0
    return Moe(
        experts=fields.whole(experts),
        experts_per_token=fields.whole("num_experts_per_tok"),
        intermediate=fields.whole(width),
        shared_experts=0 if oss or qwen else shared,
        dense_layers=_dense_layers(fields, qwen=qwen, oss=oss),
        router_bias=not qwen,
        expert_bias=oss,
    )


def _dense_layers(fields: Fields, *, qwen: bool, oss: bool) -> int:
    layers = _layers(fields)
    if oss:
        return 0
    if not qwen:
        first = fields.whole("first_k_dense_replace", 0)
        if fields.has("moe_layer_freq") and fields.whole("moe_layer_freq") != 1:
            raise InvalidRequestError(f"{fields.where}: moe_layer_freq other than 1 is not counted")
        return min(first, layers)
    step = fields.whole_or_none("decoder_sparse_step") or 1
    dense = fields.items("mlp_only_layers")
    return sum(1 for layer in range(layers) if layer in dense or (layer + 1) % step)


def _own_code(fields: Fields) -> bool:
    # DeepSeek-V3 carries an auto_map too, but transformers and the engines know its model_type.
    return fields.has("auto_map") and fields.text_or_none("model_type") not in _MODEL_TYPES
