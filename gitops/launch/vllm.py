"""Pure: vLLM's arguments, with Ray and by itself.

Sources: `vllm/engine/arg_utils.py`,
`vllm/entrypoints/cli/serve.py`. With `--nnodes` vLLM infers the local data parallel size, a pod's
first data parallel rank and the data parallel address from node rank and master address.
"""

from gitops.deployment import ModelDeployment
from gitops.errors import InvalidRequestError
from gitops.launch.argv import LEADER, PODS, PORT, RANK, Launch, above_one, api_key, extra
from gitops.launch.context import vllm_context
from gitops.models import Yarn

MASTER_PORT = "29501"
"""Where ranks meet; 29500 is the data parallel master's."""


def with_ray(deployment: ModelDeployment, yarn: Yarn | None) -> Launch:
    """Return the arguments where Ray spans the pods: only the leader takes any.

    Raises:
        InvalidRequestError: data parallel ranks that span pods, which Ray's placement cannot do.
    """
    backend = "ray" if deployment.size > 1 else "mp"
    leader = (
        *("--model", deployment.model_path),
        *("--served-model-name", deployment.served_model_name, "--port", PORT),
        *_ranks(deployment),
        *_ray_data(deployment),
        *("--distributed-executor-backend", backend),
        *vllm_context(deployment, yarn),
        *api_key(deployment),
        *extra(deployment),
    )
    return Launch(leader, None)


def native(deployment: ModelDeployment, yarn: Yarn | None) -> Launch:
    """Return the arguments where vLLM spans the pods itself: the same everywhere, workers headless.

    A group of one pod has no nodes to name, and its worker template is never used.
    """
    name = ("--served-model-name", deployment.served_model_name)
    ranks = (
        *_ranks(deployment),
        *("--distributed-executor-backend", "mp"),
        *(_nodes() if deployment.size > 1 else ()),
        *vllm_context(deployment, yarn),
    )
    own = extra(deployment)
    leader = (deployment.model_path, *name, "--port", PORT, *ranks, *api_key(deployment), *own)
    workers = (deployment.model_path, *name, *ranks, "--headless", *own)
    return Launch(leader, workers if deployment.size > 1 else None)


def _ranks(deployment: ModelDeployment) -> tuple[str, ...]:
    parallel = deployment.parallel
    return (
        *("--tensor-parallel-size", str(parallel.tensor)),
        *above_one("--pipeline-parallel-size", parallel.pipeline),
        *above_one("--data-parallel-size", parallel.data),
        *(("--enable-expert-parallel",) if parallel.expert > 1 else ()),
    )


def _nodes() -> tuple[str, ...]:
    return (
        *("--nnodes", PODS, "--node-rank", RANK),
        *("--master-addr", LEADER, "--master-port", MASTER_PORT),
    )


def _ray_data(deployment: ModelDeployment) -> tuple[str, ...]:
    data, size = deployment.parallel.data, deployment.size
    if data == 1 or size == 1:
        return ()
    if data % size:
        raise InvalidRequestError(
            f"DP {data} over {size} pods: with Ray each pod holds whole ranks; use a DP that"
            f" {size} divides, or vLLM 0.11.1 or newer"
        )
    return ("--data-parallel-size-local", str(data // size), "--data-parallel-backend", "ray")
