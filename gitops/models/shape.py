"""Pure: the shape of a model, and every figure that is counted from it.

Sources: the layers as transformers' modeling files build them, one function a part; the sums equal
counts from the published configurations for all 17 models (MTP layers are left out).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mla:
    """Multi-head latent attention (DeepSeek-V3, Kimi-K2, GLM-5); ranks and widths per head.

    `index_heads` and `index_head_dim` are those of a sparse-attention indexer, 0 without one.
    """

    q_lora_rank: int
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    index_heads: int = 0
    index_head_dim: int = 0


@dataclass(frozen=True, slots=True)
class Moe:
    """Mixture of experts; `dense_layers` have an ordinary MLP instead."""

    experts: int
    experts_per_token: int
    intermediate: int
    shared_experts: int = 0
    dense_layers: int = 0
    router_bias: bool = False
    expert_bias: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What a config.json says of a model's tensors; counts and widths, no bytes.

    `head_dim` is the width of a query head; with latent attention its two parts together.
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    max_positions: int
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: bool = False
    attention_sinks: bool = False
    mlp_bias: bool = False
    tied_embeddings: bool = False
    mla: Mla | None = None
    moe: Moe | None = None

    @property
    def dense_layers(self) -> int:
        """Layers with an ordinary MLP."""
        return self.moe.dense_layers if self.moe else self.layers

    @property
    def attention_width(self) -> int:
        """Width of the attention output before its projection, all heads together."""
        return self.heads * (self.mla.v_head_dim if self.mla else self.head_dim)


def embedding_parameters(shape: Shape) -> int:
    """Count the parameters of the embedding and of the output head (one matrix when tied)."""
    return shape.vocabulary * shape.hidden * (1 if shape.tied_embeddings else 2)


def routed_expert_parameters(shape: Shape) -> int:
    """Count the parameters of all routed experts; 0 for a dense model."""
    if shape.moe is None:
        return 0
    return (shape.layers - shape.dense_layers) * shape.moe.experts * _expert(shape, shape.moe)


def parameters(shape: Shape) -> int:
    """Count all parameters, embeddings and norms included, MTP layers left out."""
    return _outside_experts(shape) + routed_expert_parameters(shape)


def active_parameters(shape: Shape) -> int:
    """Count the parameters that one token uses; one embedding matrix counts."""
    embedding = 0 if shape.tied_embeddings else shape.vocabulary * shape.hidden
    active = _outside_experts(shape) - embedding
    if shape.moe is None:
        return active
    sparse = shape.layers - shape.dense_layers
    return active + sparse * shape.moe.experts_per_token * _expert(shape, shape.moe)


def kv_values_per_token(shape: Shape, layers: int, tensor_parallel: int = 1) -> int:
    """Count the values that one token keeps in the KV cache of `layers` layers on one GPU.

    Grouped-query attention divides its KV heads over tensor parallel ranks and keeps at least one;
    latent attention keeps the same compressed values on every rank.
    """
    if shape.mla:
        return layers * (shape.mla.kv_lora_rank + shape.mla.qk_rope_head_dim)
    return 2 * layers * max(1, shape.kv_heads // tensor_parallel) * shape.head_dim


def indexer_bytes_per_token(shape: Shape, layers: int) -> int:
    """Bytes of the sparse-attention indexer's own cache for one token; 0 without an indexer.

    Source: vLLM `deepseek_v2.py`, one byte a value and 4 bytes of scale for 128 values [A for
    SGLang]. A count of KV bytes alone leaves this cache out.
    """
    width = shape.mla.index_head_dim if shape.mla else 0
    return layers * (width + width // 128 * 4)


def _outside_experts(shape: Shape) -> int:
    layer = _attention(shape) + 2 * shape.hidden
    dense = 3 * shape.hidden * shape.intermediate
    if shape.mlp_bias:
        dense += 2 * shape.intermediate + shape.hidden
    sparse = _router_and_shared(shape, shape.moe) if shape.moe else 0
    return (
        shape.layers * layer
        + shape.dense_layers * dense
        + (shape.layers - shape.dense_layers) * sparse
        + shape.hidden
        + embedding_parameters(shape)
    )


def _attention(shape: Shape) -> int:
    if shape.mla:
        return _latent_attention(shape, shape.mla)
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    count = shape.hidden * (2 * queries + 2 * keys)
    count += (queries + 2 * keys) * shape.qkv_bias
    count += shape.hidden * shape.output_bias
    count += 2 * shape.head_dim * shape.qk_norm
    return count + shape.heads * shape.attention_sinks


def _latent_attention(shape: Shape, mla: Mla) -> int:
    wide = shape.heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim)
    count = shape.hidden * mla.q_lora_rank + mla.q_lora_rank + mla.q_lora_rank * wide
    count += shape.hidden * (mla.kv_lora_rank + mla.qk_rope_head_dim) + mla.kv_lora_rank
    count += mla.kv_lora_rank * shape.heads * (mla.qk_nope_head_dim + mla.v_head_dim)
    count += shape.heads * mla.v_head_dim * shape.hidden
    return count + _indexer(shape, mla)


def _indexer(shape: Shape, mla: Mla) -> int:
    queries = mla.q_lora_rank * mla.index_heads * mla.index_head_dim
    keys = shape.hidden * mla.index_head_dim + 2 * mla.index_head_dim  # and its LayerNorm
    return queries + keys + shape.hidden * mla.index_heads


def _expert(shape: Shape, moe: Moe) -> int:
    bias = 2 * moe.intermediate + shape.hidden if moe.expert_bias else 0
    return 3 * shape.hidden * moe.intermediate + bias


def _router_and_shared(shape: Shape, moe: Moe) -> int:
    router = moe.experts * shape.hidden + (moe.experts if moe.router_bias else 0)
    return router + moe.shared_experts * 3 * shape.hidden * moe.intermediate
