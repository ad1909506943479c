"""Pure: a pod template of a set as what a deployment says of its pods.

What the engine's base brings in its own way (names, ports, probes, labels, service links) is taken
and, where it changes what people see, noted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gitops.deployment import Placement, Toleration
from gitops.errors import InvalidRequestError
from gitops.importing.reading import Path, Reading
from gitops.names import printable

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a path in a container

BASE_TOLERATION = Toleration(key="nvidia.com/gpu", effect="NoSchedule")
"""What every engine base tolerates already."""

BASE_LABELS = (
    "role",
    "alibabacloud.com/inference-workload",
    "alibabacloud.com/inference-backend",
    "alibabacloud.com/inference_backend",
)
"""Labels that every engine base puts on leaders."""

BASE_VARIABLES = {"NCCL_SOCKET_IFNAME": "eth0", "GLOO_SOCKET_IFNAME": "eth0"}
"""Variables that every engine base sets."""

_KEPT_SECRET = re.compile(r"(?:^|_)(?:TOKEN|PASSWORD|PASSWD|SECRET|API_KEY|ACCESS_KEY)\Z")
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@dataclass(frozen=True, slots=True)
class Mount:
    """A claim and where it is mounted; `below` is the folder of it, where one is named."""

    claim: str
    path: str
    below: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A key of a Secret, by name."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Pod:
    """What one template says; texts are empty, amounts absent, where it says nothing."""

    image: str
    words: tuple[str, ...]
    limits: Mapping[str, str]
    mount: Mount | None
    shared_memory: str
    variables: Mapping[str, str]
    secrets: Mapping[str, Reference]
    placement: Placement
    pull_secrets: tuple[str, ...] = ()
    service_account: str = ""
    priority_class: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def read_pod(reading: Reading, template: str, role: str) -> Pod:
    """Take a template (`leaderTemplate`, `workerTemplate`) as what it says; `role` names it.

    Raises:
        InvalidRequestError: a template without a container.
    """
    top: Path = ("spec", "leaderWorkerTemplate", template)
    pod: Path = (*top, "spec")
    container = _engine(reading, pod, role)
    variables, secrets = _variables(reading, container, role)
    _ports_and_probes(reading, container, role)
    mount, shared = _mounts(reading, pod, container)
    labels = {name: reading.text(*top, "metadata", "labels", name) for name in BASE_LABELS}
    _defaults(reading, pod, container)
    return Pod(
        image=reading.text(*container, "image"),
        words=tuple(
            str(w) for key in ("command", "args") for w in reading.take(*container, key) or ()
        ),
        limits=_limits(reading, container, role),
        mount=mount,
        shared_memory=shared,
        variables=variables,
        secrets=secrets,
        placement=_placement(reading, pod),
        pull_secrets=tuple(
            reading.text(*pod, "imagePullSecrets", index, "name")
            for index, _ in reading.entries(*pod, "imagePullSecrets")
        ),
        service_account=reading.text(*pod, "serviceAccountName"),
        priority_class=reading.text(*pod, "priorityClassName"),
        labels=labels,
    )


def keeps_secret(variable: str) -> bool:
    """Say whether a variable's name says that its value is a secret."""
    return bool(_KEPT_SECRET.search(variable))


def _engine(reading: Reading, pod: Path, role: str) -> Path:
    """Return the path of the container that runs the engine: the one with GPUs, or the first."""
    containers = reading.entries(*pod, "containers")
    if not containers:
        raise InvalidRequestError(f"{role}: no container; import needs one")
    with_gpus = [index for index, entry in containers if "nvidia.com/gpu" in str(entry)]
    chosen: Path = (*pod, "containers", (with_gpus or [containers[0][0]])[0])
    reading.take(*chosen, "name")
    return chosen


def _variables(
    reading: Reading, container: Path, role: str
) -> tuple[dict[str, str], dict[str, Reference]]:
    """Take plain variables, and the Secrets of those that come from one; note the others."""
    plain: dict[str, str] = {}
    secrets: dict[str, Reference] = {}
    for index, entry in reading.entries(*container, "env"):
        name, value = str(entry.get("name")), entry.get("value")
        reading.take(*container, "env", index)
        reference = (entry.get("valueFrom") or {}).get("secretKeyRef") or {}
        if reference:
            secrets[name] = Reference(str(reference.get("name")), str(reference.get("key")))
        elif not isinstance(value, str) or "$(" in value:
            reading.note(f"{role}: variable {printable(name)} was not carried: put it into custom/")
        elif keeps_secret(name):
            reading.note(
                f"{role}: variable {printable(name)} was not carried: its value is a secret; make"
                " a Secret with kubectl and put the reference into custom/"
            )
        elif BASE_VARIABLES.get(name) != value:
            plain[name] = value
    return plain, secrets


def _ports_and_probes(reading: Reading, container: Path, role: str) -> None:
    for index, port in reading.entries(*container, "ports"):
        number = printable(str(port.get("containerPort")))
        if role == "worker":
            reading.note(f"worker: port {number} was left to the engine's base")
        elif number != "8000":
            reading.note(f"{role}: port {number} was not carried: 8000 is served")
        for key in ("name", "containerPort", "protocol"):
            reading.take(*container, "ports", index, key)
    for name in _PROBES:
        probe = reading.mapping(*container, name)
        kind = next((k for k in ("httpGet", "tcpSocket", "exec", "grpc") if k in probe), "")
        if kind:
            reading.note(f"{role}: {name} ({kind}) was replaced: the engine's base asks /health")


def _mounts(reading: Reading, pod: Path, container: Path) -> tuple[Mount | None, str]:
    """Take the claim's mount and the size of /dev/shm; other volumes stay."""
    volumes = {str(entry.get("name")): at for at, entry in reading.entries(*pod, "volumes")}
    model, shared = None, ""
    for index, mount in reading.entries(*container, "volumeMounts"):
        at = volumes.get(str(mount.get("name")))
        if at is None:
            continue
        source: dict[str, Any] = reading.entries(*pod, "volumes")[at][1]
        if mount.get("mountPath") == SHARED_MEMORY and "emptyDir" in source:
            shared = str(reading.mapping(*pod, "volumes", at, "emptyDir").get("sizeLimit", ""))
        elif "persistentVolumeClaim" in source and model is None:
            claim = reading.mapping(*pod, "volumes", at, "persistentVolumeClaim")
            path = str(mount.get("mountPath", "")).rstrip("/")
            model = Mount(str(claim.get("claimName")), path, str(mount.get("subPath", "")))
        else:
            continue
        reading.take(*container, "volumeMounts", index)
        reading.take(*pod, "volumes", at, "name")
    return model, shared


def _limits(reading: Reading, container: Path, role: str) -> dict[str, str]:
    limits = {k: str(v) for k, v in reading.mapping(*container, "resources", "limits").items()}
    asked = {k: str(v) for k, v in reading.mapping(*container, "resources", "requests").items()}
    differing = sorted(name for name in asked if name in limits and asked[name] != limits[name])
    if differing:
        reading.note(f"{role}: requests of {', '.join(differing)} differ; its limits were taken")
    amounts = asked | limits
    for name in sorted(set(amounts) - {"nvidia.com/gpu", "cpu", "memory"}):
        reading.note(f"{role}: resource {printable(name)} was not carried: put it into custom/")
    return amounts


def _placement(reading: Reading, pod: Path) -> Placement:
    selector = {key: str(v) for key, v in reading.mapping(*pod, "nodeSelector").items()}
    tolerations = []
    for index, entry in reading.entries(*pod, "tolerations"):
        reading.take(*pod, "tolerations", index)
        try:
            toleration = msgspec.convert(entry, Toleration)
        except msgspec.ValidationError:
            key = printable(str(entry.get("key")))
            reading.note(f"toleration of {key} was not carried: put it into custom/")
            continue
        if toleration != BASE_TOLERATION:
            tolerations.append(toleration)
    return Placement(node_selector=selector, tolerations=tuple(tolerations))


def _defaults(reading: Reading, pod: Path, container: Path) -> None:
    """Take what the base says too; another value stays, and is noted."""
    same: Mapping[Path, tuple[object, ...]] = {
        (*pod, "enableServiceLinks"): (False, True),
        (*pod, "restartPolicy"): ("Always",),
        (*pod, "dnsPolicy"): ("ClusterFirst",),
        (*pod, "schedulerName"): ("default-scheduler",),
        (*pod, "terminationGracePeriodSeconds"): (30, 60),
        (*pod, "securityContext"): ({},),
        (*container, "imagePullPolicy"): ("IfNotPresent",),
        (*container, "terminationMessagePath"): ("/dev/termination-log",),
        (*container, "terminationMessagePolicy"): ("File",),
    }
    for path, values in same.items():
        if reading.peek(*path) in values:
            reading.take(*path)
