"""Pure: a Fit as a table for a terminal, and as plain data for JSON."""

from gitops.fit.budget import Fit
from gitops.fit.overhead import GIB


def as_text(fit: Fit) -> str:
    """Return the budget of one GPU as plain text, the verdict first."""
    rows = [
        ("memory of the card", fit.gpu.memory, fit.gpu.source),
        (f"the engine's share, {fit.setting.utilisation:g}", fit.usable, ""),
        (f"weights, {fit.scheme.value}", -fit.weights, str(fit.parallel)),
        *((figure.name, -figure.size, figure.source) for figure in fit.overhead if figure.inside),
        ("room for the KV cache", fit.kv_room, f"{fit.kv_bytes_per_token:,} B a token"),
        *(
            (f"outside the share: {figure.name}", figure.size, figure.source)
            for figure in fit.overhead
            if not figure.inside
        ),
    ]
    width = max(len(name) for name, _, _ in rows)
    table = [f"  {name:<{width}}  {size / GIB:8.2f}  {says}".rstrip() for name, size, says in rows]
    head = [title(fit), fit.reason, "", f"  {'one GPU':<{width}}  {'GiB':>8}"]
    return "\n".join([*head, *table, *_tail(fit)]) + "\n"


def title(fit: Fit) -> str:
    """Return the verdict in one line."""
    return (
        f"{fit.model.id} {fit.scheme.value} on {fit.parallel.gpus} × {fit.gpu.name}"
        f" ({fit.parallel}) at {fit.setting.context:,} tokens: {fit.verdict.value}"
    )


def as_data(fit: Fit) -> dict[str, object]:
    """Return the fit as plain values for JSON; sizes in bytes on one GPU."""
    return {
        "model": fit.model.id,
        "scheme": fit.scheme.value,
        "gpu": fit.gpu.id,
        "gpus": fit.parallel.gpus,
        "tensor_parallel": fit.parallel.tensor,
        "pipeline_parallel": fit.parallel.pipeline,
        "data_parallel": fit.parallel.data,
        "expert_parallel": fit.parallel.expert,
        "context": fit.setting.context,
        "kv_dtype": fit.setting.kv_dtype.value,
        "utilisation": fit.setting.utilisation,
        "memory": fit.gpu.memory,
        "usable": fit.usable,
        "weights": fit.weights,
        "overhead": [
            {"name": f.name, "bytes": f.size, "source": f.source, "inside": f.inside}
            for f in fit.overhead
        ],
        "kv_room": fit.kv_room,
        "kv_bytes_per_token": fit.kv_bytes_per_token,
        "tokens": fit.tokens,
        "max_context": fit.max_context,
        "concurrent": fit.concurrent,
        "free": fit.free,
        "verdict": fit.verdict.value,
        "reason": fit.reason,
        "notes": list(fit.notes),
    }


def _tail(fit: Fit) -> list[str]:
    held = (
        f"  tokens of KV cache: {fit.tokens:,}; longest request: {fit.max_context:,};"
        f" requests of {fit.setting.context:,} at a time: {fit.concurrent}"
    )
    return ["", held, *(f"  note: {note}" for note in fit.notes)]
