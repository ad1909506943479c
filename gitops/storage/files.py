"""Pure: a storage unit as the files of its folder, and back.

`storage.yaml` holds the unit and is the one source; the other files are rendered from it.
"""

from collections.abc import Mapping
from enum import Enum

import msgspec

from gitops.documents import dump, load_mapping
from gitops.errors import InvalidRequestError
from gitops.names import printable
from gitops.storage.download import job
from gitops.storage.keys import refuse_keys
from gitops.storage.units import (
    Bucket,
    DownloadJob,
    ExistingClaim,
    Nas,
    NodeLocal,
    Oss,
    StorageUnit,
)
from gitops.storage.volumes import claim, volume
from gitops.typed import typed

RenderedStorage = Mapping[str, str]
"""The files of a unit, by their path in the repository."""

KINDS = ("existing-claim", "oss", "nas", "node-local", "download-job")
"""What `kind` in storage.yaml may say."""

_HEADER = (
    "# Rendered by Leadline from storage.yaml. Do not edit: change storage.yaml and render again.\n"
)
_SOURCE_HEADER = "# Where model files lie; the files beside it are rendered from this one.\n"

_FIELDS = (
    "kind",
    *(f.encode_name for u in (Oss, Nas, NodeLocal, DownloadJob) for f in msgspec.structs.fields(u)),
    *(f.encode_name for f in msgspec.structs.fields(Bucket)),
)


def render_storage(unit: StorageUnit) -> RenderedStorage:
    """Return the files of a unit: the same unit gives the same bytes."""
    objects = _objects(unit)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": unit.namespace,
        "resources": list(objects),
    }
    rendered = {"kustomization.yaml": _HEADER + dump(kustomization)} | objects
    files = {"storage.yaml": write_storage(unit)} | rendered
    return {f"{unit.folder}/{name}": text for name, text in files.items()}


def write_storage(unit: StorageUnit) -> str:
    """Return the text of the `storage.yaml` that holds a unit."""
    return _SOURCE_HEADER + dump({"kind": unit.__struct_config__.tag} | _written(unit))


def read_storage(text: str, source: str) -> StorageUnit:
    """Return the unit that a `storage.yaml` holds; `source` names the file in errors.

    Raises:
        InvalidRequestError: unknown, missing or wrong fields, or an access key.
    """
    fields = load_mapping(text, source)
    refuse_keys(fields, source)
    if fields.get("kind") not in KINDS:
        kind = printable(str(fields.get("kind")))
        raise InvalidRequestError(f"{source}: kind {kind}: expected one of {', '.join(KINDS)}")
    unit: StorageUnit = typed(fields, StorageUnit, source, _FIELDS)
    return unit


def _written(value: msgspec.Struct) -> dict[str, object]:
    """Return the fields of a value by their names in YAML, without what equals its default."""
    written = {}
    for field in msgspec.structs.fields(value):
        inner = getattr(value, field.name)
        empty = (
            field.default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT
        )
        if inner == field.default or (empty and not inner):
            continue
        if isinstance(inner, msgspec.Struct):
            inner = _written(inner)
        elif isinstance(inner, Enum):
            inner = inner.value
        written[field.encode_name] = list(inner) if isinstance(inner, tuple) else inner
    return written


def _objects(unit: StorageUnit) -> dict[str, str]:
    if isinstance(unit, ExistingClaim):
        return {}
    objects = {}
    if not (isinstance(unit, DownloadJob) and unit.claim):
        objects["persistentvolume.yaml"] = _HEADER + _secret_note(unit) + dump(volume(unit))
        objects["persistentvolumeclaim.yaml"] = _HEADER + dump(claim(unit))
    if isinstance(unit, DownloadJob):
        objects["job.yaml"] = _HEADER + dump(job(unit))
    return objects


def _secret_note(unit: Oss | Nas | NodeLocal | DownloadJob) -> str:
    bucket = unit.bucket if isinstance(unit, Oss | DownloadJob) else None
    if bucket is None or bucket.secret is None:
        return ""
    return (
        f"# The access key is in the Secret {bucket.secret}, which this repository only names:\n"
        f"#   kubectl -n {unit.namespace} create secret generic {bucket.secret}"
        " --from-literal=akId=… --from-literal=akSecret=…\n"
    )
