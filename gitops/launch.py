"""Pure: the argument list that starts each pod of a group.

Arguments are argv items and never pass a shell; `$(LWS_…)` is expanded by the kubelet from the
environment that LeaderWorkerSet's webhook adds to every container.
Sources: vLLM `vllm/engine/arg_utils.py` 0.10.0, SGLang `sglang/srt/server_args.py` 0.4.10.post2.
"""

from dataclasses import dataclass

from gitops.deployment import ModelDeployment

PORT = "8000"


@dataclass(frozen=True, slots=True)
class Launch:
    """Arguments of the leader, and of the workers where they take any."""

    leader: tuple[str, ...]
    workers: tuple[str, ...] | None


def launch(deployment: ModelDeployment, form: str) -> Launch:
    """Return the arguments for a launch form of the catalogue (`vllm-ray`, `sglang`)."""
    forms = {"vllm-ray": _vllm_ray, "sglang": _sglang}
    return forms[form](deployment)


def _vllm_ray(deployment: ModelDeployment) -> Launch:
    leader = (
        "--model", deployment.model_path,
        "--served-model-name", deployment.served_model_name,
        "--port", PORT,
        "--tensor-parallel-size", str(deployment.parallel.tensor),
        *_if_split("--pipeline-parallel-size", deployment),
        "--distributed-executor-backend", "ray",
    )  # fmt: skip
    return Launch(leader, None)


def _sglang(deployment: ModelDeployment) -> Launch:
    rank = (
        "--model-path", deployment.model_path,
        "--served-model-name", deployment.served_model_name,
        "--host", "0.0.0.0", "--port", PORT,  # noqa: S104 - inside the pod; workers answer probes
        "--tp-size", str(deployment.parallel.tensor),
        *_if_split("--pp-size", deployment),
        "--dist-init-addr", "$(LWS_LEADER_ADDRESS):20000",
        "--nnodes", "$(LWS_GROUP_SIZE)",
        "--node-rank", "$(LWS_WORKER_INDEX)",
    )  # fmt: skip
    return Launch((*rank, "--enable-metrics"), rank)


def _if_split(flag: str, deployment: ModelDeployment) -> tuple[str, ...]:
    size = deployment.parallel.pipeline
    return (flag, str(size)) if size > 1 else ()
