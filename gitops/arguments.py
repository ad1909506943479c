"""Pure: the words of a request, the same in a terminal and in a chat.

Each command returns a frozen request and does nothing: who runs it decides what happens next.
"""

import click

from gitops.engine import Engine
from gitops.request import DeployRequest


@click.command(short_help="Propose a deployment of a model.")
@click.argument("model")
@click.argument("engine", metavar="ENGINE", type=click.Choice([engine.value for engine in Engine]))
@click.argument("name", required=False)
@click.option("--environment", help="Environment; the default one when absent.")
@click.option("--replicas", type=int, help="Groups, each an independent server.")
@click.option("--tp", "tensor_parallel_size", type=int, help="Tensor parallel size of a group.")
@click.option("--pp", "pipeline_parallel_size", type=int, help="Pipeline parallel size of a group.")
@click.option("--nodes", "size", type=int, help="Pods of a group, one a node.")
@click.option("--gpus-per-node", "gpus_per_pod", type=int, help="GPUs of a pod.")
@click.option("--reason", default="", help="Why; stands in the pull request.")
def deploy(engine: str, **words: object) -> DeployRequest:
    """Propose a deployment: deploy qwen3-32b sglang."""
    return DeployRequest(engine=Engine(engine), **words)  # type: ignore[arg-type] # click checked them
