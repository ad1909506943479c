"""Pure: what a GPU's memory holds beside weights and KV cache, figure by figure.

Sources: our arithmetic, and what we measured on two H200 GPUs. Marks:
[M] measured there, [S] read in an engine's source or log line, [A] assumption, not verified.
"""

from dataclasses import dataclass

from gitops.gpus import Gpu
from gitops.models import Model
from gitops.parallel import Parallel

GIB = 1024**3

CONTEXT_GIB = 0.70
"""CUDA context and first kernels, GiB a GPU [M]."""

NCCL_GIB = 0.82
"""NCCL's buffers after the first all-reduce, GiB a GPU [M at TP 2]; charged for any group of more
than one rank, so for PP, DP and EP alone too [A: not measured]."""

GRAPHS_GIB = 1.0
"""CUDA graphs of an engine's own capture sizes, GiB a GPU [A].

Log lines of vLLM say 0.17 to 0.60 GiB for 8B to 30B models and 1.40 GiB for Llama 4 Maverick at
TP 8 (issues sgl-project/sglang 8538, gpustack/runner 251); SGLang reserves 2 MiB for each sequence
of its largest graph, so 0.06 to 1.0 GiB for its default sizes of 32 to 512.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One named figure of a budget: bytes on each GPU, and where the figure comes from.

    `inside` tells whether the engine takes it out of the share of memory it was given; what is
    outside needs the rest of the card.
    """

    name: str
    size: int
    source: str
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Overhead:
    """Which figures are charged; `constant_gib` replaces all others where it is set.

    `prefill_tokens` is the largest prefill step of the engine, in tokens.
    """

    prefill_tokens: int = 8192
    graphs_inside: bool = True
    activations_inside: bool = True
    graphs_gib: float = GRAPHS_GIB
    constant_gib: float | None = None

    @classmethod
    def constant(cls, gib: float) -> "Overhead":
        """Return one figure for everything, in GiB a GPU."""
        return cls(constant_gib=gib)

    @classmethod
    def rule_of_thumb(cls, gpu: Gpu) -> "Overhead":
        """Return the rule-of-thumb constant: 2.5 GiB on cards under 60 GB, 4.5 GiB above [A]."""
        return cls.constant(4.5 if gpu.is_large else 2.5)

    def figures(self, model: Model, parallel: Parallel) -> tuple[Figure, ...]:
        """Return the figures for one GPU of a group."""
        if self.constant_gib is not None:
            size = round(self.constant_gib * GIB)
            return (Figure("overhead", size, "constant [A], by size of card"),)
        activations = self.prefill_tokens * activation_bytes_per_token(model, parallel)
        step = f"activations, prefill step of {self.prefill_tokens:,} tokens"
        known = "[M]" if model.shape.moe is None else "[A] for experts"
        figures = [
            Figure("CUDA context", round(CONTEXT_GIB * GIB), "[M] 0.70 GiB"),
            Figure(step, round(activations), f"{known} 2 B × (3·width/TP + 4·hidden) a token",
                   self.activations_inside),
            Figure("CUDA graphs", round(self.graphs_gib * GIB), "[A] the engine's default sizes",
                   self.graphs_inside),
        ]  # fmt: skip
        if max(parallel.gpus, parallel.expert) > 1:
            figures.insert(1, Figure("NCCL", round(NCCL_GIB * GIB), "[M] 0.82 GiB at TP 2"))
        return tuple(figures)


def activation_bytes_per_token(model: Model, parallel: Parallel) -> float:
    """Bytes of activations for one token of a prefill step on one GPU, in bf16.

    Dense: 2 B × (3·intermediate/TP + 4·hidden), measured within 0.5 % on four models. Mixture of
    experts [A]: the intermediates of the experts that one token uses, shared ones included, and
    one output row for each routed one (vLLM's `fused_moe.py` keeps them until they are summed);
    expert parallelism is taken not to divide them more than tensor parallelism does.
    """
    shape, moe = model.shape, model.shape.moe
    if moe is None:
        return 2 * (3 * shape.intermediate / parallel.tensor + 4 * shape.hidden)
    width = (moe.experts_per_token + moe.shared_experts) * moe.intermediate
    if moe.dense_layers:
        width = max(width, shape.intermediate)
    rows = 4 + moe.experts_per_token
    return 2 * (3 * width / parallel.tensor + rows * shape.hidden)
