"""Pure: SGLang's arguments; every pod runs one rank of the same server.

Sources: `sglang/srt/server_args.py` of
0.4.10.post2, 0.5.5.post3, 0.5.9 and 0.5.23. Only long names: `--tp` and `--pp` are abbreviations,
and ambiguous in newer releases.
"""

from gitops.deployment import ModelDeployment
from gitops.fit import SGLANG_SHARE
from gitops.launch.argv import LEADER, PODS, PORT, RANK, Launch, above_one, api_key, extra
from gitops.launch.context import sglang_context
from gitops.models import Yarn
from gitops.versions import release

MEETING_PORT = "20000"
"""Where ranks meet, on the leader."""

MEMORY = str(SGLANG_SHARE)
"""Share of a card for weights and KV cache, unless a person says another. SGLang 0.4.10.post2's own
rule leaves about half of 40,960 tokens for Qwen3-32B at TP 2 on cards of 48 GB."""

ATTENTION_DATA = "0.5.23"
"""First release read that refuses `--dp-size` over several nodes and has `--attn-dp-size`."""


def serve(deployment: ModelDeployment, yarn: Yarn | None) -> Launch:
    """Return the arguments of the leader and of the workers, whose /health is probed too."""
    ranks = (
        *("--model-path", deployment.model_path),
        *("--served-model-name", deployment.served_model_name),
        *("--host", "0.0.0.0", "--port", PORT),  # noqa: S104 - inside the pod; all answer probes
        *_ranks(deployment),
        *(_nodes() if deployment.size > 1 else ()),
        *sglang_context(deployment, yarn),
        *_memory(deployment),
    )
    own = extra(deployment)
    leader = (*ranks, "--enable-metrics", *api_key(deployment), *own)
    return Launch(leader, (*ranks, *own) if deployment.size > 1 else None)


def _ranks(deployment: ModelDeployment) -> tuple[str, ...]:
    """Return the sizes; over several nodes data parallelism is that of attention, inside TP."""
    parallel = deployment.parallel
    inside = parallel.data > 1 and deployment.size > 1
    tensor = parallel.tensor * parallel.data if inside else parallel.tensor
    return (
        *("--tp-size", str(tensor)),
        *above_one("--pp-size", parallel.pipeline),
        *(_attention(deployment) if inside else above_one("--dp-size", parallel.data)),
        *(("--ep-size", str(tensor)) if parallel.expert > 1 else ()),
    )


def _attention(deployment: ModelDeployment) -> tuple[str, ...]:
    data = str(deployment.parallel.data)
    if release(deployment.engine_version) >= release(ATTENTION_DATA):
        return ("--attn-dp-size", data)
    return ("--dp-size", data, "--enable-dp-attention")


def _nodes() -> tuple[str, ...]:
    return ("--dist-init-addr", f"{LEADER}:{MEETING_PORT}", "--nnodes", PODS, "--node-rank", RANK)


def _memory(deployment: ModelDeployment) -> tuple[str, ...]:
    flag = "--mem-fraction-static"
    given = any(argument.partition("=")[0] == flag for argument in deployment.engine_args)
    return () if given else (flag, MEMORY)
