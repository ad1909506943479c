"""Pure: storage units: where model files lie, apart from the deployments that read them.

A unit is a folder of its own, `overlays/<environment>/storage/<name>/`; its `storage.yaml` is the
one source, the other files are rendered from it. Deployments only name the claim, which is called
like the unit, so removing a deployment never touches a file here.
"""

from gitops.storage.files import RenderedStorage, read_storage, render_storage, write_storage
from gitops.storage.keys import refuse_keys
from gitops.storage.units import (
    Bucket,
    DownloadJob,
    ExistingClaim,
    Hub,
    Nas,
    NodeLocal,
    Oss,
    StorageUnit,
    capacity_for,
)

__all__ = [
    "Bucket",
    "DownloadJob",
    "ExistingClaim",
    "Hub",
    "Nas",
    "NodeLocal",
    "Oss",
    "RenderedStorage",
    "StorageUnit",
    "capacity_for",
    "read_storage",
    "refuse_keys",
    "render_storage",
    "write_storage",
]
