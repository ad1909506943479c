"""Pure: a deployment as the files of its overlay, and back.

`llm.yaml` holds the deployment and is the one source; the other files are rendered from it.
Kustomize does not know LeaderWorkerSet's schema and would replace whole container lists under a
strategic merge, so the patches are JSON 6902 lists.
"""

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import msgspec

from gitops.catalog import Recipe
from gitops.deployment import ModelDeployment
from gitops.documents import dump, load_mapping
from gitops.errors import InvalidRequestError
from gitops.launch import Launch, launch
from gitops.names import printable

STATE_ANNOTATION = "leadline/desired-state"
"""On the LeaderWorkerSet's metadata: which desired state is applied. Never in a pod template,
where a change would restart every group."""

_HEADER = "# Rendered by Leadline from llm.yaml. Do not edit: change llm.yaml and render again.\n"
_SOURCE_HEADER = "# The inputs of this deployment; the files beside it are rendered from them.\n"
_TEMPLATES = "/spec/leaderWorkerTemplate"


FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(ModelDeployment))
"""The keys of llm.yaml, in order."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The files of one overlay, by their path in the repository."""

    deployment: ModelDeployment
    state: str
    files: Mapping[str, str]


def render(deployment: ModelDeployment, recipe: Recipe) -> Overlay:
    """Return the overlay of a deployment: the same deployment gives the same bytes."""
    source = source_of(deployment)
    state = hashlib.sha256(source.encode()).hexdigest()[:16]
    arguments = launch(deployment, recipe.launch)
    rendered = {
        "kustomization.yaml": _kustomization(deployment),
        "leaderworkerset.yaml": _leaderworkerset(deployment, arguments, state),
        "service.yaml": _service(deployment),
    }
    files = {"llm.yaml": source} | {name: _HEADER + dump(x) for name, x in rendered.items()}
    return Overlay(
        deployment, state, {f"{deployment.folder}/{name}": text for name, text in files.items()}
    )


def source_of(deployment: ModelDeployment) -> str:
    """Return the text of the `llm.yaml` that holds a deployment."""
    return _SOURCE_HEADER + dump(_written(deployment))


def read(text: str, source: str) -> ModelDeployment:
    """Return the deployment that an `llm.yaml` holds; `source` names the file in errors.

    Raises:
        InvalidRequestError: unknown, missing or wrong fields.
    """
    fields = load_mapping(text, source)
    try:
        return msgspec.convert(fields, ModelDeployment)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"{source}: {_in_words(error)}") from error
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{source}: {error}") from error


def _in_words(error: msgspec.ValidationError) -> str:
    """Return msgspec's message, with the nearest known field where one is unknown."""
    text = str(error)
    if found := re.match(r"Object contains unknown field `(.+?)`(?: - at `\$\.(.+)`)?", text):
        near = difflib.get_close_matches(found[1], FIELDS, 1)
        where = f" in {found[2]}" if found[2] else ""
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"unknown field {printable(found[1])}{where}{hint}"
    return printable(text.replace("`", "").replace("$.", ""))


def _written(value: object) -> object:
    """Return a value as it stands in llm.yaml: camel case, and nothing that equals its default."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        there = {field.encode_name: (field, getattr(value, field.name)) for field in fields}
        return {key: _written(v) for key, (field, v) in there.items() if v != _default(field)}
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    return str(value) if isinstance(value, Enum) else value


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _kustomization(deployment: ModelDeployment) -> dict[str, object]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": deployment.namespace,
        "resources": [f"../../../{deployment.base}"],
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
        "nvidia.com/gpu": str(deployment.resources.gpus),
        "cpu": str(deployment.resources.cpu),
        "memory": deployment.resources.memory,
    }
    start = [] if arguments is None else [_set(f"{container}/args", list(arguments))]
    volumes = f"{template}/spec/volumes"
    return [
        *start,
        _set(f"{container}/resources", {"limits": amounts, "requests": amounts}),
        _set(f"{container}/volumeMounts/0/mountPath", deployment.model_path),
        _set(f"{volumes}/0/persistentVolumeClaim/claimName", deployment.claim),
        _set(f"{volumes}/1/emptyDir/sizeLimit", deployment.resources.shared_memory),
    ]


def _service(deployment: ModelDeployment) -> list[dict[str, object]]:
    selector = "/spec/selector/leaderworkerset.sigs.k8s.io~1name"
    return [
        _set("/metadata/name", f"{deployment.name}-leader"),
        _set(selector, deployment.name),
    ]


def _set(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}
