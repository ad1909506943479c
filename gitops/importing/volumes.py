"""Pure: volumes, claims and Secrets of any hand as storage units.

A claim whose volume is of a kind that units know becomes such a unit; any other stays what it is,
an existing claim. Of a Secret nothing is carried but its name, where a volume refers to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.importing.reading import Reading, title
from gitops.names import printable
from gitops.storage import Bucket, ExistingClaim, Nas, NodeLocal, Oss, StorageUnit
from gitops.storage.keys import KEY_FIELDS
from gitops.storage.volumes import NAS_DRIVER, OSS_DRIVER

PLACEHOLDERS = {
    "bucket": "your-bucket-name",
    "url": "oss-your-region-internal.aliyuncs.com",
    "path": "/your-model-path",
}
"""What stands for a guide's `<your-…>` until somebody fills it in."""

_NO_CACHE = "max_stat_cache_size=0"


@dataclass(frozen=True, slots=True)
class _Common:
    """What every unit with a volume says."""

    name: str
    environment: str
    namespace: str
    capacity: str
    volume: str | None


def read_volumes(
    manifests: Sequence[dict[str, Any]], environment: Environment
) -> tuple[list[StorageUnit], list[str]]:
    """Return the units that volumes and claims become, and notes.

    Raises:
        InvalidRequestError: a volume that cannot be a unit; the text says why.
    """
    claims = {title(m): m for m in manifests if m.get("kind") == "PersistentVolumeClaim"}
    units: list[StorageUnit] = []
    notes: list[str] = []
    for volume in (m for m in manifests if m.get("kind") == "PersistentVolume"):
        claim = next((m for m in claims.values() if _binds(m, volume)), None)
        try:
            unit, said = _unit(volume, claim, environment)
        except InvalidRequestError as error:
            raise InvalidRequestError(f"importing {title(volume)}: {error}") from error
        units += [unit] if unit else []
        notes += said
        if claim is not None:
            notes += _claim_notes(claim)
            claims.pop(title(claim))
    for manifest in claims.values():
        units.append(_existing(_name(manifest), environment))
        notes.append(
            f"{title(manifest)}: stays outside Git, as kind existing-claim: no volume here"
        )
    return units, notes


def read_secret(manifest: dict[str, Any], environment: Environment) -> str:
    """Return the note on a Secret; its values are not looked at."""
    name = printable(_name(manifest))
    values = {**_within(manifest, "stringData"), **_within(manifest, "data")}
    literals = "".join(f" --from-literal={printable(key)}=…" for key in values)
    return (
        f"Secret {name}: its values were not carried, and never are; make it with kubectl -n"
        f" {environment.namespace} create secret generic {name}{literals}"
    )


def _unit(
    manifest: dict[str, Any], claim: dict[str, Any] | None, environment: Environment
) -> tuple[StorageUnit | None, list[str]]:
    reading = Reading.of(manifest)
    reference = reading.mapping("spec", "claimRef")
    name = _name(claim) if claim else str(reference.get("name", ""))
    if not name:
        reading.note("was not carried: no claim of this file binds it, and it names none")
        return None, reading.notes
    volume = _name(manifest)
    common = _Common(
        name=name,
        environment=environment.name,
        namespace=environment.namespace,
        capacity=reading.text("spec", "capacity", "storage"),
        volume=None if volume == f"{environment.namespace}-{name}" else volume,
    )
    unit = _of_source(reading, common) or _existing(name, environment)
    if isinstance(unit, ExistingClaim):
        reading.note(
            "its kind of volume is not known: the claim stays outside Git (existing-claim)"
        )
        return unit, reading.notes
    _same(reading)
    for path in reading.left():
        reading.note(f"{path} was not carried: storage units have no such field")
    return unit, reading.notes


def _of_source(reading: Reading, common: _Common) -> StorageUnit | None:
    driver = reading.text("spec", "csi", "driver")
    if driver == OSS_DRIVER:
        return _oss(reading, common)
    if driver == NAS_DRIVER:
        return _nas(reading, common)
    return _local(reading, common)


def _oss(reading: Reading, common: _Common) -> Oss | None:
    attributes = ("spec", "csi", "volumeAttributes")
    _refuse_values(reading, attributes)
    role = reading.text(*attributes, "roleName") or reading.text(*attributes, "ramRole")
    reading.take(*attributes, "authType")
    reading.text("spec", "csi", "volumeHandle")
    secret = reading.mapping("spec", "csi", "nodePublishSecretRef")
    if secret.get("namespace", common.namespace) != common.namespace:
        there = printable(str(secret["namespace"]))
        reading.note(f"reads its Secret from {common.namespace} now, not {there}: make it there")
    return Oss(
        **_fields(common),
        bucket=Bucket(
            name=_filled(reading, "bucket", reading.text(*attributes, "bucket")),
            endpoint=_endpoint(reading, reading.text(*attributes, "url")),
            path=_folder(_filled(reading, "path", reading.text(*attributes, "path") or "/")),
            role=role or None,
            secret=None if role else str(secret.get("name", "")) or None,
            options=_options(reading, reading.text(*attributes, "otherOpts")),
        ),
    )


def _nas(reading: Reading, common: _Common) -> Nas:
    attributes = ("spec", "csi", "volumeAttributes")
    reading.text("spec", "csi", "volumeHandle")
    reading.text(*attributes, "vers")
    reading.take("spec", "mountOptions")
    server, path = reading.text(*attributes, "server"), reading.text(*attributes, "path")
    return Nas(**_fields(common), server=server, path=_folder(path or "/"))


def _local(reading: Reading, common: _Common) -> NodeLocal | None:
    """Return a local volume whose nodes are chosen by single labels; None for any other."""
    path = reading.peek("spec", "local", "path")
    terms = reading.peek("spec", "nodeAffinity", "required", "nodeSelectorTerms")
    if not isinstance(path, str) or not isinstance(terms, list) or len(terms) != 1:
        return None
    nodes: tuple[str, ...] = ()
    labels = {}
    for entry in terms[0].get("matchExpressions") or ():
        values = [str(value) for value in entry.get("values") or ()]
        if entry.get("operator") != "In" or not values:
            return None
        if entry.get("key") == "kubernetes.io/hostname":
            nodes = tuple(values)
        elif len(values) == 1:
            labels[str(entry.get("key"))] = values[0]
        else:
            return None
    reading.take("spec", "local")
    reading.take("spec", "nodeAffinity")
    return NodeLocal(**_fields(common), path=path, nodes=nodes, node_selector=labels)


def _refuse_values(reading: Reading, path: tuple[str, ...]) -> None:
    """Take access keys away without looking at them."""
    for key in list(reading.peek(*path) or {}):
        if str(key).lower() in KEY_FIELDS:
            reading.take(*path, key)
            reading.note(f"{printable(key)} is an access key and was not carried: revoke it")


def _filled(reading: Reading, what: str, value: str) -> str:
    """Return a value, or what stands for a placeholder such as <your-bucket-name>."""
    if not re.search(r"[<>]", value):
        return value
    ours = PLACEHOLDERS[what]
    reading.note(f"{what} was the placeholder {printable(value)}: set it, {ours} stands there now")
    return ours


def _endpoint(reading: Reading, value: str) -> str:
    return re.sub(r"\Ahttps?://", "", _filled(reading, "url", value)).rstrip("/")


def _folder(path: str) -> str:
    return path.rstrip("/") or "/"


def _options(reading: Reading, text: str) -> tuple[str, ...]:
    words = [word for word in text.split() if word != "-o"]
    options = tuple(word.removeprefix("-o") for word in words)
    if _NO_CACHE in options:
        reading.note(
            f"-o {_NO_CACHE} was left out: it slows the opening of files that never change"
        )
    return tuple(option for option in options if option != _NO_CACHE)


def _same(reading: Reading) -> None:
    """Take what every unit says too."""
    for path, ours in {
        ("spec", "persistentVolumeReclaimPolicy"): "Retain",
        ("spec", "volumeMode"): "Filesystem",
        ("spec", "storageClassName"): "",
    }.items():
        if reading.peek(*path) == ours:
            reading.take(*path)
    reading.take("spec", "accessModes")
    reading.take("metadata", "labels", "alicloud-pvname")


def _claim_notes(manifest: dict[str, Any]) -> list[str]:
    reading = Reading.of(manifest)
    if reading.take("spec", "selector") or reading.peek("spec", "storageClassName") is None:
        reading.note(
            "its volume is named now, and its class is empty; a claim that is in the cluster"
            " already cannot be changed so: keep it with kind existing-claim, or delete claim and"
            " volume first (Retain keeps the files)"
        )
    for path in ("accessModes", "storageClassName", "volumeName", "volumeMode"):
        reading.take("spec", path)
    reading.take("spec", "resources", "requests", "storage")
    reading.take("metadata", "namespace")
    for path in reading.left():
        reading.note(f"{path} was not carried: storage units have no such field")
    return reading.notes


def _binds(claim: dict[str, Any], volume: dict[str, Any]) -> bool:
    """Say whether a claim and a volume belong together: by name, by reference or by labels."""
    spec = _within(claim, "spec")
    wanted = _within(spec, "selector", "matchLabels")
    labels = _within(volume, "metadata", "labels")
    return (
        spec.get("volumeName") == _name(volume)
        or _within(volume, "spec", "claimRef").get("name") == _name(claim)
        or bool(wanted and wanted.items() <= labels.items())
    )


def _existing(name: str, environment: Environment) -> ExistingClaim:
    return ExistingClaim(name=name, environment=environment.name, namespace=environment.namespace)


def _fields(common: _Common) -> dict[str, Any]:
    return {name: getattr(common, name) for name in common.__slots__}


def _name(manifest: dict[str, Any]) -> str:
    return str(_within(manifest, "metadata").get("name"))


def _within(manifest: object, *names: str) -> dict[str, Any]:
    for name in names:
        manifest = manifest.get(name) if isinstance(manifest, dict) else None
    return manifest if isinstance(manifest, dict) else {}
