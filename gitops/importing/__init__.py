"""Pure: `leadline import`: manifests of any hand as overlays and storage units.

What cannot be carried is said in words, field by field, and the values of Secrets never are.
"""

from dataclasses import dataclass, field
from typing import Any

from gitops.catalog import Catalog
from gitops.deployment import ModelDeployment
from gitops.documents import load_all
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.importing.amounts import gibi
from gitops.importing.models import Wanted
from gitops.importing.reading import title
from gitops.importing.services import read_service
from gitops.importing.sets import read_set
from gitops.importing.volumes import read_secret, read_volumes
from gitops.models import Scheme
from gitops.storage import ExistingClaim, StorageUnit, capacity_for

__all__ = ["Imported", "Wanted", "import_manifests"]

NOTHING = Wanted()
"""A person who says nothing."""

_STORAGE = {"PersistentVolume", "PersistentVolumeClaim"}


@dataclass(frozen=True, slots=True)
class Imported:
    """What manifests became, and a note for everything that was not carried or changed."""

    overlays: list[ModelDeployment] = field(default_factory=list)
    storage: list[StorageUnit] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def import_manifests(
    text: str,
    environment: Environment,
    catalog: Catalog,
    wanted: Wanted = NOTHING,
    source: str = "the manifest",
) -> Imported:
    """Return the overlays and storage units that a YAML text becomes in an environment.

    `wanted` is what a person says where the manifest does not; `source` names the text in errors.

    Raises:
        InvalidRequestError: not YAML, or a set that cannot be a deployment.
    """
    manifests = _manifests(text, source)
    notes: list[str] = []
    sets = []
    for manifest in _of_kind(manifests, "LeaderWorkerSet"):
        try:
            sets.append(read_set(manifest, environment, catalog, wanted))
        except InvalidRequestError as error:
            raise InvalidRequestError(f"importing {title(manifest)}: {error}") from error
        notes += sets[-1].notes
    for manifest in _of_kind(manifests, "Service"):
        notes += read_service(manifest, sets)
    storage, said = read_volumes([m for m in manifests if m.get("kind") in _STORAGE], environment)
    notes += said
    notes += [read_secret(m, environment) for m in _of_kind(manifests, "Secret")]
    notes += _others(manifests)
    notes += _small(storage, [found.deployment for found in sets], catalog)
    return Imported([found.deployment for found in sets], storage, tuple(dict.fromkeys(notes)))


def _manifests(text: str, source: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for document in load_all(text, source):
        if not isinstance(document, dict):
            raise InvalidRequestError(f"{source}: a document is not a mapping; import manifests")
        items = document.get("items") if document.get("kind") == "List" else [document]
        found += [item for item in items or [] if isinstance(item, dict)]
    if not found:
        raise InvalidRequestError(f"{source}: holds no manifest; name a file with one")
    return found


def _of_kind(manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests if manifest.get("kind") == kind]


def _others(manifests: list[dict[str, Any]]) -> list[str]:
    known = {"LeaderWorkerSet", "Service", "Secret"} | _STORAGE
    return [
        f"{title(manifest)}: was not carried: import knows no {title(manifest).split()[0]}; put it"
        " into custom/"
        for manifest in manifests
        if manifest.get("kind") not in known
    ]


def _small(
    storage: list[StorageUnit], deployments: list[ModelDeployment], catalog: Catalog
) -> list[str]:
    """Tell volumes that are smaller than the weights that lie on them (finding 8)."""
    notes = []
    for unit in storage:
        for deployment in (d for d in deployments if d.claim == unit.name):
            model = catalog.model(deployment.model)
            scheme = Scheme(deployment.quantization or model.native_scheme)
            wanted = capacity_for(model.weights_bytes(scheme))
            if not isinstance(unit, ExistingClaim) and gibi(unit.capacity) < gibi(wanted):
                notes.append(
                    f"storage {unit.name}: {unit.capacity} was kept, {model.id} wants {wanted};"
                    " raise it before the claim is made, since a bound one cannot grow"
                )
    return notes
