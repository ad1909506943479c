"""Pure: a deployment as the files of its overlay, and back.

`llm.yaml` holds the deployment and is the one source; the other files are rendered from it and say
so in their first lines. `custom/` belongs to people: its first file is written once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from gitops.deployment import ModelDeployment
from gitops.documents import dump
from gitops.launch import launch
from gitops.models import Yarn
from gitops.overlay.components import (
    CUSTOM,
    SET,
    WAIT,
    custom_file,
    folder_of,
    included,
    plain,
    replacements,
)
from gitops.overlay.patches import STATE_ANNOTATION, service_patch, set_patch
from gitops.overlay.source import FIELDS, SCHEMA, read, schema_text, source_of
from gitops.overlay.stamp import RENDERER, SAYS, Verdict, judge_text, stamped, state_in

__all__ = [
    "FIELDS",
    "RENDERER",
    "SAYS",
    "SCHEMA",
    "STATE_ANNOTATION",
    "Overlay",
    "Verdict",
    "folder_of",
    "judge",
    "judge_all",
    "read",
    "render",
    "schema_text",
    "source_of",
    "state_of",
]


@dataclass(frozen=True, slots=True)
class Overlay:
    """The files of one overlay, by their path in the repository.

    `files` are llm.yaml and what is rendered from it. `once` are files that are written where they
    do not stand yet, and never rewritten, compared or judged.
    """

    deployment: ModelDeployment
    state: str
    files: Mapping[str, str]
    once: Mapping[str, str]

    @property
    def all_files(self) -> dict[str, str]:
        """Everything that a new overlay holds; what a build in memory needs."""
        return {**self.files, **self.once}


def render(deployment: ModelDeployment, *, yarn: Yarn | None = None) -> Overlay:
    """Return the overlay of a deployment: the same deployment gives the same bytes.

    `yarn` stretches the context where it is longer than the model's own: `Catalog.yarn`.

    Raises:
        InvalidRequestError: the base's launch form, a component or a variable does not fit.
    """
    source, state = source_of(deployment), _state(deployment)
    components = included(deployment)
    rendered: Mapping[str, object] = {
        "kustomization.yaml": _kustomization(deployment, components),
        "leaderworkerset.yaml": set_patch(deployment, launch(deployment, yarn), state),
        "service.yaml": service_patch(deployment),
    }
    files = {"llm.yaml": source} | {n: stamped(dump(x), state) for n, x in rendered.items()}
    folder = deployment.folder
    return Overlay(
        deployment,
        state,
        {f"{folder}/{name}": text for name, text in files.items()},
        {f"{folder}/{CUSTOM}/kustomization.yaml": custom_file()},
    )


def state_of(deployment: ModelDeployment, files: Mapping[str, str]) -> str:
    """Return the desired state that the files of an overlay put into the cluster.

    It is the one that the rendered files name: an older Leadline may have counted another.
    """
    rendered = files.get(f"{deployment.folder}/leaderworkerset.yaml", "")
    return state_in(rendered) or _state(deployment)


def judge(path: str, text: str | None, overlay: Overlay) -> Verdict:
    """Return what one file of an overlay is beside what rendering now gives; None is no file.

    Files of `custom/` and others that the overlay does not render are OK.
    """
    if path not in overlay.files:
        return Verdict.OK
    if text is None:
        return Verdict.MISSING
    if path == f"{overlay.deployment.folder}/llm.yaml":
        return Verdict.OK  # people write it: comments and order are theirs
    return judge_text(text, overlay.files[path], overlay.state)


def judge_all(found: Mapping[str, str], overlay: Overlay) -> dict[str, Verdict]:
    """Return the verdict on every file that should stand in an overlay's folder, by path."""
    return {path: judge(path, found.get(path), overlay) for path in overlay.files}


def _kustomization(deployment: ModelDeployment, components: tuple[str, ...]) -> dict[str, object]:
    fields: dict[str, object] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": deployment.namespace,
        "resources": [f"../../../{deployment.base}"],
        "components": [*(f"../../../{folder_of(name)}" for name in components), CUSTOM],
        "images": _images(deployment, components),
        "labels": [{"pairs": _labels(deployment)}],
        "patches": [
            {"path": "leaderworkerset.yaml", "target": {"kind": "LeaderWorkerSet", "name": SET}},
            {"path": "service.yaml", "target": {"kind": "Service", "name": f"{SET}-leader"}},
        ],
    }
    names = replacements(components)
    return fields | ({"replacements": names} if names else {})


def _images(deployment: ModelDeployment, components: tuple[str, ...]) -> list[dict[str, str]]:
    """Give the engine's image to the engine, and to the init container that waits in it."""
    image, _, digest = deployment.image.partition("@")
    if digest:
        pinned = {"newName": image, "digest": digest}
    else:
        name, _, tag = image.rpartition(":")
        pinned = {"newName": name, "newTag": tag}
    waits = WAIT in map(plain, components)
    placeholders = [deployment.engine.value, *(["engine"] if waits else [])]
    return [{"name": placeholder} | pinned for placeholder in placeholders]


def _labels(deployment: ModelDeployment) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": deployment.model,
        "app.kubernetes.io/instance": deployment.name,
        "app.kubernetes.io/managed-by": "leadline",
    }


def _state(deployment: ModelDeployment) -> str:
    return hashlib.sha256(source_of(deployment).encode()).hexdigest()[:16]
