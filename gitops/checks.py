"""Pure: rules on built manifests that a reviewer should not have to check by eye."""

from collections.abc import Callable, Iterator
from typing import Any

from gitops.errors import CheckFailedError

Manifest = dict[str, Any]
Rule = Callable[[list[Manifest]], Iterator[str]]

LABEL = "leaderworkerset.sigs.k8s.io"


def check(manifests: list[Manifest], name: str) -> None:
    """Refuse manifests that break a rule; `name` says whose they are.

    Raises:
        CheckFailedError: with every finding.
    """
    if findings := list(find(manifests)):
        raise CheckFailedError(f"checking {name}: " + "; ".join(findings))


def find(manifests: list[Manifest]) -> Iterator[str]:
    """Yield every finding, in words."""
    for rule in RULES:
        yield from rule(manifests)


def _no_secret(manifests: list[Manifest]) -> Iterator[str]:
    for secret in _kind(manifests, "Secret"):
        yield f"Secret {_name(secret)} must not be in Git; refer to it by name"


def _service_selects_the_leaders(manifests: list[Manifest]) -> Iterator[str]:
    sets = {_name(lws) for lws in _kind(manifests, "LeaderWorkerSet")}
    for service in _kind(manifests, "Service"):
        selector = service["spec"].get("selector", {})
        if _name(service) in sets:
            yield f"Service {_name(service)} has the LeaderWorkerSet's name; pods lose their DNS"
        if (
            selector.get(f"{LABEL}/name") not in sets
            or selector.get(f"{LABEL}/worker-index") != "0"
        ):
            yield f"Service {_name(service)} must select {LABEL}/name and worker-index 0"


def _images_are_pinned(manifests: list[Manifest]) -> Iterator[str]:
    for where, _, container in _containers(manifests):
        image = str(container.get("image", ""))
        tag = image.rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and tag in {"", "latest"}:
            yield f"{where}: image {image or 'missing'} has no version tag or digest"


def _gpus_are_limits(manifests: list[Manifest]) -> Iterator[str]:
    for where, _, container in _containers(manifests):
        resources = container.get("resources", {})
        limits, requests = resources.get("limits", {}), resources.get("requests", {})
        if limits.get("nvidia.com/gpu") != requests.get("nvidia.com/gpu"):
            yield f"{where}: GPU requests and limits differ"


def _models_are_read_only(manifests: list[Manifest]) -> Iterator[str]:
    for where, pod, container in _containers(manifests):
        claims = {v["name"] for v in pod.get("volumes", []) if "persistentVolumeClaim" in v}
        mounts = [m for m in container.get("volumeMounts", []) if m["name"] in claims]
        if not mounts:
            yield f"{where}: the model is not mounted"
        if any(not mount.get("readOnly") for mount in mounts):
            yield f"{where}: the model is not mounted read-only"


RULES: tuple[Rule, ...] = (
    _no_secret,
    _service_selects_the_leaders,
    _images_are_pinned,
    _gpus_are_limits,
    _models_are_read_only,
)


def _kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest.get("kind") == kind]


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def _containers(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    for lws in _kind(manifests, "LeaderWorkerSet"):
        for part in ("leaderTemplate", "workerTemplate"):
            pod = lws["spec"]["leaderWorkerTemplate"].get(part, {}).get("spec", {})
            for container in pod.get("containers", []):
                yield f"{_name(lws)} {part} {container['name']}", pod, container
