"""Pure: what an overlay changes in its base, as JSON 6902 patches.

Kustomize does not know LeaderWorkerSet's schema and would replace whole container lists under a
strategic merge. A base promises: the engine is the first container and bears the engine's name for
an image; the model is its first volume and mount, /dev/shm the second; NCCL_SOCKET_IFNAME and
GLOO_SOCKET_IFNAME are its first two variables; metadata of all three levels has annotations. The
`test` operations fail the build where something was put in front.
"""

from collections.abc import Iterator

import msgspec

from gitops.deployment import ModelDeployment, Toleration
from gitops.errors import InvalidRequestError
from gitops.launch import KEY_VARIABLE, Launch, literal
from gitops.versions import release

STATE_ANNOTATION = "leadline/desired-state"
"""On the LeaderWorkerSet's metadata: which desired state is applied. Never in a pod template,
where a change would restart every group."""

RESTART_ANNOTATION = "leadline/restarted-at"
"""On both pod templates: a new time restarts every group as a rollout."""

PARTITION = "0.7.0"
"""First LeaderWorkerSet with `partition`; it is written out from there on, as all defaults are."""

Operation = dict[str, object]

_GROUP = "/spec/leaderWorkerTemplate"
_BASE_VARIABLES = ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME")
_EXCLUSIVE = "/metadata/annotations/leaderworkerset.sigs.k8s.io~1exclusive-topology"


def set_patch(deployment: ModelDeployment, arguments: Launch, state: str) -> list[Operation]:
    """Return the patch of the LeaderWorkerSet.

    Raises:
        InvalidRequestError: a variable that LeaderWorkerSet sets itself.
    """
    leader, worker = f"{_GROUP}/leaderTemplate", f"{_GROUP}/workerTemplate"
    workload = f"{leader}/metadata/labels/alibabacloud.com~1inference-workload"
    topology = deployment.placement.exclusive_topology
    return [
        _replace("/metadata/name", deployment.name),
        _add(f"/metadata/annotations/{_escaped(STATE_ANNOTATION)}", state),
        *([_replace(_EXCLUSIVE, topology)] if topology else ()),
        _replace("/spec/replicas", deployment.replicas),
        *_rollout(deployment),
        _replace(f"{_GROUP}/size", deployment.size),
        _replace(f"{_GROUP}/restartPolicy", str(deployment.restart_policy)),
        _replace(workload, deployment.name),
        *_template(leader, deployment, arguments.leader),
        *_api_key(leader, deployment),
        *_template(worker, deployment, arguments.workers),
    ]


def service_patch(deployment: ModelDeployment) -> list[Operation]:
    """Return the patch of the leaders' Service; it never carries the LeaderWorkerSet's name."""
    selector = "/spec/selector/leaderworkerset.sigs.k8s.io~1name"
    return [
        _replace("/metadata/name", f"{deployment.name}-leader"),
        _replace(selector, deployment.name),
    ]


def _rollout(deployment: ModelDeployment) -> Iterator[Operation]:
    path = "/spec/rolloutStrategy/rollingUpdateConfiguration"
    yield _replace(f"{path}/maxUnavailable", deployment.rollout.max_unavailable)
    yield _replace(f"{path}/maxSurge", deployment.rollout.max_surge)
    if release(deployment.lws_version) >= release(PARTITION):
        yield _add(f"{path}/partition", deployment.rollout.partition)


def _template(
    template: str, deployment: ModelDeployment, arguments: tuple[str, ...] | None
) -> Iterator[Operation]:
    container, volumes = f"{template}/spec/containers/0", f"{template}/spec/volumes"
    yield {"op": "test", "path": f"{container}/image", "value": deployment.engine.value}
    if arguments is not None:
        yield _replace(f"{container}/args", list(arguments))
    yield from _variables(container, deployment)
    yield from _amounts(container, deployment)
    yield _replace(f"{container}/volumeMounts/0/mountPath", deployment.model_path)
    yield _replace(f"{volumes}/0/persistentVolumeClaim/claimName", deployment.claim)
    yield _replace(f"{volumes}/1/emptyDir/sizeLimit", deployment.resources.shared_memory)
    yield from _placement(template, deployment)
    if deployment.restarted_at:
        path = f"{template}/metadata/annotations/{_escaped(RESTART_ANNOTATION)}"
        yield _add(path, deployment.restarted_at)


def _amounts(container: str, deployment: ModelDeployment) -> Iterator[Operation]:
    """Set each amount by itself: a component may have added others, such as rdma/hca."""
    amounts = {
        "nvidia.com/gpu": str(deployment.resources.gpus),
        "cpu": str(deployment.resources.cpu),
        "memory": deployment.resources.memory,
    }
    for kind in ("limits", "requests"):
        for name, amount in amounts.items():
            yield _replace(f"{container}/resources/{kind}/{_escaped(name)}", amount)


def _variables(container: str, deployment: ModelDeployment) -> Iterator[Operation]:
    """Set a person's variables: those of the base by their place, since a name stands only once."""
    for name, value in deployment.environment_variables.items():
        if name.startswith("LWS_"):
            raise InvalidRequestError(
                f"environment variable {name}: LeaderWorkerSet sets LWS_… itself; leave it out"
            )
        if name in _BASE_VARIABLES:
            place = f"{container}/env/{_BASE_VARIABLES.index(name)}"
            yield {"op": "test", "path": f"{place}/name", "value": name}
            yield _replace(f"{place}/value", literal(value))
        else:
            yield _add(f"{container}/env/-", {"name": name, "value": literal(value)})


def _api_key(template: str, deployment: ModelDeployment) -> Iterator[Operation]:
    if deployment.api_key_secret:
        place = f"{template}/spec/containers/0/env/{len(_BASE_VARIABLES)}"
        yield {"op": "test", "path": f"{place}/name", "value": KEY_VARIABLE}
        yield _replace(f"{place}/valueFrom/secretKeyRef/name", deployment.api_key_secret)


def _placement(template: str, deployment: ModelDeployment) -> Iterator[Operation]:
    pod, placement = f"{template}/spec", deployment.placement
    if placement.node_selector:
        yield _add(f"{pod}/nodeSelector", dict(placement.node_selector))
    for toleration in placement.tolerations:
        yield _add(f"{pod}/tolerations/-", _toleration(toleration))
    if deployment.image_pull_secrets:
        secrets = [{"name": name} for name in deployment.image_pull_secrets]
        yield _add(f"{pod}/imagePullSecrets", secrets)
    if deployment.service_account:
        yield _add(f"{pod}/serviceAccountName", deployment.service_account)
    if deployment.priority_class:
        yield _add(f"{pod}/priorityClassName", deployment.priority_class)


def _toleration(toleration: Toleration) -> dict[str, str]:
    return {name: value for name, value in msgspec.structs.asdict(toleration).items() if value}


def _replace(path: str, value: object) -> Operation:
    return {"op": "replace", "path": path, "value": value}


def _add(path: str, value: object) -> Operation:
    return {"op": "add", "path": path, "value": value}


def _escaped(name: str) -> str:
    """Return a key as it stands in a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
