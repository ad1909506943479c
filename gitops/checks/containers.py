"""Pure: lints on every container: its image, its amounts, its model and /dev/shm.

Sources: the review of the ACK guide's manifests (findings 7, 20, 22 and 23) and Kubernetes'
rules: extended resources cannot be overcommitted, tmpfs counts against the memory limit.
"""

from collections.abc import Iterator

from gitops.checks.finding import Found
from gitops.checks.subject import GIB, Container, Manifest, Subject, amount, within

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a path in a container


def image_is_pinned(subject: Subject) -> Iterator[Found]:
    """An image must have a version tag or a digest."""
    for container in subject.containers:
        image = str(container.spec.get("image", ""))
        tag = image.rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and tag in {"", "latest"}:
            yield Found(
                container.where,
                f"{container.where}: image {image or 'missing'} has no version tag or digest;"
                " pin one",
            )


def gpus_are_limits(subject: Subject) -> Iterator[Found]:
    """GPUs and other devices must be requested and limited alike."""
    for container in subject.containers:
        requests = within(container.spec, "resources", "requests")
        for name in sorted({*container.limits, *requests}):
            if "/" in name and str(container.limits.get(name)) != str(requests.get(name)):
                yield Found(
                    container.where,
                    f"{container.where}: GPU requests and limits differ; give {name} the same"
                    " amount in both",
                )


def model_is_read_only(subject: Subject) -> Iterator[Found]:
    """Engines must mount the model, and nobody may write it."""
    for container in subject.containers:
        claims = [v.get("name") for v in container.volumes() if "persistentVolumeClaim" in v]
        mounts = [mount for mount in container.mounts() if mount.get("name") in claims]
        if not mounts and container.runs_engine and not _other_model(container):
            yield Found(
                container.where, f"{container.where}: the model is not mounted; mount its claim"
            )
        if any(not mount.get("readOnly") for mount in mounts):
            yield Found(
                container.where,
                f"{container.where}: the model is not mounted read-only; set readOnly: true",
            )


def shared_memory_fits(subject: Subject) -> Iterator[Found]:
    """Shared memory must be bounded, and leave the engine its memory: it counts as the pod's."""
    for container in subject.engines:
        volumes = {str(volume.get("name")): volume for volume in container.volumes()}
        for mount in container.mounts():
            memory = within(volumes, str(mount.get("name")), "emptyDir")
            if mount.get("mountPath") == SHARED_MEMORY:
                yield from _overdrawn(container, memory, subject.facts.engine_gib)


def no_service_links(subject: Subject) -> Iterator[Found]:
    """Pods must not get variables of the Services beside them: an engine reads VLLM_*."""
    for name, template, pod in subject.pods:
        if pod.get("enableServiceLinks") is not False:
            where = f"{name} {template}"
            yield Found(
                where, f"{where}: set enableServiceLinks: false; Services would set variables"
            )


def _overdrawn(container: Container, memory: Manifest, wanted: float) -> Iterator[Found]:
    where = container.where
    size, limit = amount(memory.get("sizeLimit")), amount(container.limits.get("memory"))
    if size is None:
        yield Found(where, f"{where}: {SHARED_MEMORY} has no sizeLimit; set one")
    elif limit is not None and (left := (limit - size) / GIB) < wanted:
        yield Found(
            where,
            f"{where}: {SHARED_MEMORY} of {size / GIB:g} GiB leaves {left:g} GiB of the memory"
            f" limit, the engine needs {wanted:g}; raise the limit or lower sizeLimit",
        )


def _other_model(container: Container) -> bool:
    """Say whether the pod brings its model otherwise: from the node, an image or a claim made."""
    others = {"hostPath", "image", "ephemeral", "nfs", "csi"}
    return any(others & set(volume) for volume in container.volumes())
