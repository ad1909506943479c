"""Pure: a deployment as the files of its overlay, and back.

`llm.yaml` holds the deployment and is the one source; the other files are rendered from it.
Kustomize does not know LeaderWorkerSet's schema and would replace whole container lists under a
strategic merge, so the patches are JSON 6902 lists.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops.catalog import Recipe
from gitops.deployment import Engine, ModelDeployment, printable
from gitops.documents import dump, load_mapping
from gitops.errors import InvalidRequestError
from gitops.launch import Launch, launch

STATE_ANNOTATION = "leadline/desired-state"
"""On the LeaderWorkerSet's metadata: which desired state is applied. Never in a pod template,
where a change would restart every group."""

_HEADER = "# Rendered by Leadline from llm.yaml. Do not edit: change llm.yaml and render again.\n"
_SOURCE_HEADER = "# The inputs of this deployment; the files beside it are rendered from them.\n"
_TEMPLATES = "/spec/leaderWorkerTemplate"


@dataclass(frozen=True, slots=True)
class Overlay:
    """The files of one overlay, by their path in the repository."""

    deployment: ModelDeployment
    state: str
    files: Mapping[str, str]


def render(deployment: ModelDeployment, recipe: Recipe) -> Overlay:
    """Return the overlay of a deployment: the same deployment gives the same bytes."""
    source = _SOURCE_HEADER + dump(_fields(deployment))
    state = hashlib.sha256(f"{recipe.base}\n{source}".encode()).hexdigest()[:16]
    arguments = launch(deployment, recipe.launch)
    rendered = {
        "kustomization.yaml": _kustomization(deployment, recipe),
        "leaderworkerset.yaml": _leaderworkerset(deployment, arguments, state),
        "service.yaml": _service(deployment),
    }
    files = {"llm.yaml": source} | {name: _HEADER + dump(x) for name, x in rendered.items()}
    return Overlay(
        deployment, state, {f"{deployment.folder}/{name}": text for name, text in files.items()}
    )


def read(text: str, source: str) -> ModelDeployment:
    """Return the deployment that an `llm.yaml` holds; `source` names the file in errors.

    Raises:
        InvalidRequestError: unknown, missing or wrong fields.
    """
    fields = load_mapping(text, source)
    known = {_camel(field.name): field for field in dataclasses.fields(ModelDeployment)}
    if unknown := [key for key in fields if key not in known]:
        raise InvalidRequestError(f"{source}: unknown field {printable(unknown[0])}")
    if missing := [key for key in known if key not in fields]:
        raise InvalidRequestError(f"{source}: {missing[0]} is missing")
    values: dict[str, Any] = {
        field.name: _typed(fields[key], field.type, f"{source}: {key}")
        for key, field in known.items()
    }
    return ModelDeployment(**values)


def _typed(value: object, wanted: object, where: str) -> object:
    if wanted is Engine:
        if value not in set(Engine):
            raise InvalidRequestError(f"{where}: expected one of {', '.join(Engine)}")
        return Engine(str(value))
    if type(value) is not wanted:
        raise InvalidRequestError(f"{where}: expected {wanted}, found {printable(repr(value))}")
    return value


def _fields(deployment: ModelDeployment) -> dict[str, object]:
    values = dataclasses.asdict(deployment)
    return {_camel(name): str(v) if isinstance(v, Engine) else v for name, v in values.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _kustomization(deployment: ModelDeployment, recipe: Recipe) -> dict[str, object]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": deployment.namespace,
        "resources": [f"../../../{recipe.base}"],
        "images": [_image(deployment)],
        "labels": [{"pairs": _labels(deployment)}],
        "patches": [
            {"path": "leaderworkerset.yaml", "target": {"kind": "LeaderWorkerSet"}},
            {"path": "service.yaml", "target": {"kind": "Service"}},
        ],
    }


def _image(deployment: ModelDeployment) -> dict[str, str]:
    name, _, digest = deployment.image.partition("@")
    if digest:
        return {"name": deployment.engine.value, "newName": name, "digest": digest}
    name, _, tag = deployment.image.rpartition(":")
    return {"name": deployment.engine.value, "newName": name, "newTag": tag}


def _labels(deployment: ModelDeployment) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": deployment.model,
        "app.kubernetes.io/instance": deployment.name,
        "app.kubernetes.io/managed-by": "leadline",
    }


def _leaderworkerset(
    deployment: ModelDeployment, arguments: Launch, state: str
) -> list[dict[str, object]]:
    leader = f"{_TEMPLATES}/leaderTemplate"
    workload = f"{leader}/metadata/labels/alibabacloud.com~1inference-workload"
    return [
        _set("/metadata/name", deployment.name),
        {"op": "add", "path": "/metadata/annotations", "value": {STATE_ANNOTATION: state}},
        _set("/spec/replicas", deployment.replicas),
        _set(f"{_TEMPLATES}/size", deployment.size),
        _set(workload, deployment.name),
        *_template(leader, deployment, arguments.leader),
        *_template(f"{_TEMPLATES}/workerTemplate", deployment, arguments.workers),
    ]


def _template(
    template: str, deployment: ModelDeployment, arguments: tuple[str, ...] | None
) -> list[dict[str, object]]:
    container = f"{template}/spec/containers/0"
    amounts = {
        "nvidia.com/gpu": str(deployment.gpus_per_pod),
        "cpu": str(deployment.cpu),
        "memory": deployment.memory,
    }
    start = [] if arguments is None else [_set(f"{container}/args", list(arguments))]
    volumes = f"{template}/spec/volumes"
    return [
        *start,
        _set(f"{container}/resources", {"limits": amounts, "requests": amounts}),
        _set(f"{container}/volumeMounts/0/mountPath", deployment.model_path),
        _set(f"{volumes}/0/persistentVolumeClaim/claimName", deployment.claim),
        _set(f"{volumes}/1/emptyDir/sizeLimit", deployment.shared_memory),
    ]


def _service(deployment: ModelDeployment) -> list[dict[str, object]]:
    selector = "/spec/selector/leaderworkerset.sigs.k8s.io~1name"
    return [
        _set("/metadata/name", f"{deployment.name}-leader"),
        _set(selector, deployment.name),
    ]


def _set(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}
