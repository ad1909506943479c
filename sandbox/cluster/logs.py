"""Pure: what an engine has logged when a share of its weights is loaded.

Source: the engines' start-up logs (the lines that watchers look for).
"""

from sandbox.cluster.containers import Flavour, flavour, model_path, port, served_name
from sandbox.cluster.objects import Object

SHARDS = 17  # safetensors files of Qwen3-32B

_LOADED = 0.8  # of the loading time goes into the weights, the rest into warming up


def lines(container: Object, share: float, *, leader: bool) -> list[str]:
    """Return the log of one container; `share` runs from 0 (started) to 1 (serving)."""
    kind = flavour(container)
    done = min(SHARDS, int(share / _LOADED * SHARDS))
    log = _opening(container, kind)
    log += [_shard(number) for number in range(done + 1)]
    if done == SHARDS:
        log += _LOADED_LINES[kind]
    if share >= 1.0 and leader:
        log += _serving(container, kind)
    return log


def _opening(container: Object, kind: Flavour) -> list[str]:
    if kind == "sglang":
        return [f"server_args model_path='{model_path(container)}'", "Load weight begin."]
    return [f"INFO Starting to load model {model_path(container)}..."]


def _shard(done: int) -> str:
    percent = 100 * done // SHARDS
    return f"Loading safetensors checkpoint shards: {percent:3d}% Completed | {done}/{SHARDS}"


def _serving(container: Object, kind: Flavour) -> list[str]:
    if kind == "sglang":
        return ["max_total_num_tokens=131072", "The server is fired up and ready to roll!"]
    return [
        "INFO GPU KV cache size: 131,072 tokens",
        "INFO Maximum concurrency for 32,768 tokens per request: 4.00x",
        f"INFO Starting vLLM API server 0 on http://0.0.0.0:{port(container)}",
        f"INFO Serving {served_name(container)}",
        "INFO:     Application startup complete.",
    ]


_LOADED_LINES = {
    "vllm": ["INFO Loading weights took 14.02 seconds", "INFO Model loading took 30.59 GiB"],
    "sglang": ["Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16"],
}
