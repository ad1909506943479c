"""Pure: the words of a request, the same in a terminal and in a chat.

Each command returns a frozen request and does nothing: who runs it decides what happens next.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from gitops.deployment import RestartPolicy, Toleration
from gitops.engine import Engine
from gitops.request import Changes, DeployRequest, UndeployRequest, UpdateRequest

F = TypeVar("F", bound=Callable[..., Any])

_DIGITS = re.compile(r"[+-]?[0-9]+\Z")


class Whole(click.types.IntParamType):
    """A whole number in plain digits: Python's own int() also takes `1_0` and `٣`."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """Return the number, or refuse in click's own words."""
        if isinstance(value, str) and not _DIGITS.match(value):
            self.fail(f"{value!r} is not a valid integer.", param, ctx)
        number: int = super().convert(value, param, ctx)
        return number


WHOLE = Whole()

_ENGINES = click.Choice([engine.value for engine in Engine])
_POLICIES = click.Choice([policy.value for policy in RestartPolicy])

_OPTIONS = (
    click.option("--replicas", type=WHOLE, help="Groups, each an independent server."),
    click.option("--nodes", "size", type=WHOLE, help="Pods of a group, one a node."),
    click.option("--gpus-per-node", "gpus_per_pod", type=WHOLE, help="GPUs of a pod."),
    click.option("--tp", "tensor", type=WHOLE, help="Tensor parallel size of a group."),
    click.option("--pp", "pipeline", type=WHOLE, help="Pipeline parallel size of a group."),
    click.option("--dp", "data", type=WHOLE, help="Data parallel size of a group."),
    click.option("--ep", "expert", type=WHOLE, help="Expert parallel size; 1 is off."),
    click.option("--context", "max_model_len", type=WHOLE, help="Longest request, in tokens."),
    click.option("--quant", "quantization", help="Number format of the weights, as fp8."),
    click.option("--engine-version", help="Release of the engine, as 0.10.0."),
    click.option("--image", help="Image with a version tag or a digest."),
    click.option("--model-path", help="Folder of the weights in the pod."),
    click.option("--served-model-name", help="Model id that clients use."),
    click.option("--storage", "claim", help="Storage claim that holds the weights."),
    click.option("--arg", "engine_args", multiple=True, help="One more engine argument."),
    click.option(
        "--env", "variables", multiple=True, metavar="NAME=VALUE", help="Variable of the engine."
    ),
    click.option("--api-key-secret", help="Secret that holds the API key, under `api-key`."),
    click.option(
        "--image-pull-secret", "image_pull_secrets", multiple=True, help="Secret for the registry."
    ),
    click.option("--service-account", help="Service account of the pods."),
    click.option("--priority-class", help="Priority class of the pods."),
    click.option("--cpu", type=WHOLE, help="CPUs of a pod."),
    click.option("--memory", help="Memory of a pod, as 52Gi; /dev/shm counts against it."),
    click.option("--shm", "shared_memory", help="Size of /dev/shm, as 15Gi."),
    click.option("--restart-policy", type=_POLICIES, help="When a group is recreated."),
    click.option("--max-unavailable", type=WHOLE, help="Groups down at once in a rollout."),
    click.option("--max-surge", type=WHOLE, help="Groups more while a rollout runs."),
    click.option("--partition", type=WHOLE, help="Update groups from this index on."),
    click.option(
        "--node-label", "labels", multiple=True, metavar="KEY=VALUE", help="Label of its nodes."
    ),
    click.option("--toleration", "taints", multiple=True, metavar="KEY", help="Taint it bears."),
    click.option("--exclusive-topology", help="Node label that one group has for itself."),
    click.option(
        "--component", "components", multiple=True, help="Component to add, as wait-for-model."
    ),
    click.option("--owner", help="Who answers for it."),
    click.option("--expires", help="When it may go, as 2026-12-31."),
    click.option("--reason", help="Why; stands in the pull request."),
)


def _change_options(command: F) -> F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_environment = click.option("--environment", help="Environment; the default one when absent.")


@click.command(short_help="Propose a deployment of a model.")
@click.argument("model")
@click.argument("engine", metavar="ENGINE", type=_ENGINES)
@click.argument("name", required=False)
@_environment
@click.option("--namespace", help="Namespace of the objects; the environment's when absent.")
@_change_options
def deploy(
    model: str,
    engine: str,
    name: str | None,
    environment: str | None,
    namespace: str | None,
    **words: Any,  # noqa: ANN401 - the options above, checked by click
) -> DeployRequest:
    """Propose a deployment, for example: deploy qwen3-32b sglang."""
    return DeployRequest(model, Engine(engine), name, environment, namespace, _changes(words))


@click.command(short_help="Propose other fields for a deployment.")
@click.argument("name")
@_environment
@_change_options
def update(name: str, environment: str | None, **words: Any) -> UpdateRequest:  # noqa: ANN401 - as above
    """Propose a change, for example: update qwen3-32b-sglang --context 16384."""
    changes = _changes(words)
    if not changes.named:
        raise click.UsageError("nothing to change; name at least one option")
    return UpdateRequest("update", name, environment, changes)


@click.command(short_help="Propose more or fewer groups.")
@click.argument("name")
@click.argument("replicas", type=WHOLE)
@_environment
@click.option("--reason", help="Why; stands in the pull request.")
def scale(name: str, replicas: int, environment: str | None, reason: str | None) -> UpdateRequest:
    """Propose another number of groups, for example: scale qwen3-32b-sglang 2."""
    return UpdateRequest("scale", name, environment, Changes(replicas=replicas, reason=reason))


@click.command(short_help="Propose a restart of all groups.")
@click.argument("name")
@_environment
@click.option("--reason", help="Why; stands in the pull request.")
def restart(name: str, environment: str | None, reason: str | None) -> UpdateRequest:
    """Propose a rolling restart, for example: restart qwen3-32b-sglang."""
    return UpdateRequest("restart", name, environment, Changes(reason=reason))


@click.command(short_help="Propose the end of a deployment.")
@click.argument("name")
@_environment
@click.option("--reason", help="Why; stands in the pull request.")
def undeploy(name: str, environment: str | None, reason: str | None) -> UndeployRequest:
    """Propose the end of a deployment; storage stays, for example: undeploy qwen3-32b-sglang."""
    return UndeployRequest(name, environment, reason)


def _changes(words: dict[str, Any]) -> Changes:
    variables, labels = words.pop("variables"), words.pop("labels")
    taints, policy = words.pop("taints"), words.pop("restart_policy")
    lists = ("engine_args", "image_pull_secrets", "components")
    return Changes(
        **{key: value or None for key, value in words.items() if key in lists},
        **{key: value for key, value in words.items() if key not in lists},
        environment_variables=_pairs("--env", variables),
        node_selector=_pairs("--node-label", labels),
        tolerations=tuple(Toleration(key=key) for key in taints) or None,
        restart_policy=RestartPolicy(policy) if policy else None,
    )


def _pairs(option: str, words: tuple[str, ...]) -> dict[str, str] | None:
    pairs = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise click.UsageError(f"{option} {word}: expected NAME=VALUE")
        pairs[key] = value
    return pairs or None
