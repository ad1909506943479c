"""Pure: StorageUnit, the five kinds of storage that a deployment's claim may stand for.

The fields are those of `storage.yaml`, in camel case there; every text has a grammar.
Sources: alibaba-cloud-csi-driver (the drivers' attributes and their error texts);
the OSS and RAM references for names of buckets and roles.
"""

import math
import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gitops.errors import InvalidRequestError
from gitops.names import (
    LABEL_KEY,
    LABEL_VALUE,
    QUANTITY,
    check_count,
    check_image,
    check_name,
    check_path,
    check_pattern,
)
from gitops.storage.keys import refuse_keys

GIB = 1024**3

ROOM = 1.2
"""Capacity over weights: tokenizer, index and a partial second download (finding 8)."""

STEP = 10
"""Capacities are whole tens of GiB: readers trust round figures, OSS enforces none."""

OSS_OPTIONS = ("umask=022", "allow_other")
"""Mount options of the guide, without its metadata cache of size 0 (finding 29)."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+\Z")
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}\Z")
_OPTION = re.compile(r"[a-z][a-z0-9_]{0,63}(=[A-Za-z0-9_./:-]{1,127})?\Z")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9]{0,98}[a-z0-9])?\Z")
_SECRET = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")
_NODE = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}\Z")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,127}\Z")


class _Value(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename="camel",
):
    """A frozen value that stands in storage.yaml: unknown keys are refused, defaults left out."""


class Hub(StrEnum):
    """Where a model is downloaded from."""

    MODELSCOPE = "modelscope"
    HUGGINGFACE = "huggingface"


class Bucket(_Value, frozen=True, kw_only=True):
    """A folder of an OSS bucket, and who may read it: a RAM role by RRSA, or a Secret by name.

    The role needs no key anywhere and is what we advise. `endpoint` is the region's, without the
    bucket's name.
    """

    name: str
    endpoint: str
    path: str = "/"
    role: str | None = None
    secret: str | None = None
    options: tuple[str, ...] = OSS_OPTIONS

    def __post_init__(self) -> None:
        refuse_keys(msgspec.structs.astuple(self), "bucket")
        check_pattern("bucket", self.name, _BUCKET, "a bucket's name such as team-models")
        endpoint = "an endpoint such as oss-cn-hangzhou-internal.aliyuncs.com"
        check_pattern("endpoint", self.endpoint, _HOST, endpoint)
        if self.endpoint.startswith(f"{self.name}."):
            raise InvalidRequestError(
                f"endpoint {self.endpoint}: is the bucket's domain; leave {self.name}. out of it"
            )
        _check_folder("bucket path", self.path)
        if (self.role is None) == (self.secret is None):
            raise InvalidRequestError(
                f"bucket {self.name}: expected role (a RAM role, by RRSA) or secret (the name of a"
                " Secret), one of them; name a role if you can: it needs no key"
            )
        check_pattern("RAM role", self.role or "a", _ROLE, "a role's name such as read-models")
        check_pattern("Secret", self.secret or "a", _SECRET, "a name such as oss-secret")
        check_count("mount options", self.options)
        for option in self.options:
            check_pattern("mount option", option, _OPTION, "a form such as umask=022")


class _Unit(_Value, frozen=True, kw_only=True, tag_field="kind"):
    """What all kinds have: the claim is called `name` and lies in `namespace`."""

    name: str
    environment: str
    namespace: str

    def __post_init__(self) -> None:
        refuse_keys(msgspec.to_builtins(self), f"storage {self.name}")
        check_name("storage", self.name)
        check_name("environment", self.environment)
        check_name("namespace", self.namespace)

    @property
    def folder(self) -> str:
        """Folder of the unit in the repository."""
        return f"overlays/{self.environment}/storage/{self.name}"


class _Volume(_Unit, frozen=True, kw_only=True):
    """A unit that brings a PersistentVolume; `volume` is its name where ours will not do."""

    capacity: str
    volume: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pattern("capacity", self.capacity, QUANTITY, "a quantity such as 80Gi")
        check_pattern("volume", self.volume_name, _OBJECT, "a name such as default-qwen3-32b")

    @property
    def volume_name(self) -> str:
        """Name of the PersistentVolume: volumes belong to the whole cluster (finding 10)."""
        return self.volume or f"{self.namespace}-{self.name}"


class ExistingClaim(_Unit, frozen=True, kw_only=True, tag="existing-claim"):
    """A claim that somebody else made and keeps; nothing is applied for it."""


class Oss(_Volume, frozen=True, kw_only=True, tag="oss"):
    """Files in an OSS bucket, read-only."""

    bucket: Bucket


class Nas(_Volume, frozen=True, kw_only=True, tag="nas"):
    """Files on a NAS file system; read and write, so that a download Job may fill it."""

    server: str
    path: str = "/"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pattern("NAS server", self.server, _HOST, "a host such as id.region.nas.aliyuncs.com")
        _check_folder("NAS path", self.path)


class NodeLocal(_Volume, frozen=True, kw_only=True, tag="node-local"):
    """Files that lie on every node of a group, each node with its own copy at one path.

    The nodes are named, or chosen by labels.
    """

    path: str
    nodes: tuple[str, ...] = ()
    node_selector: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_path("node path", self.path)
        if not self.nodes and not self.node_selector:
            raise InvalidRequestError(
                f"storage {self.name}: which nodes hold the files? give nodes or nodeSelector"
            )
        check_count("nodes", self.nodes)
        check_count("node labels", self.node_selector)
        for node in self.nodes:
            check_pattern("node", node, _NODE, "a node's name")
        for key, value in self.node_selector.items():
            check_pattern("node label", key, LABEL_KEY, "a label key")
            check_pattern(f"node label {key}", value, LABEL_VALUE, "a label value")


class DownloadJob(_Volume, frozen=True, kw_only=True, tag="download-job"):
    """A Job that downloads a model once, into a bucket or into a claim that can be written.

    With `bucket` the unit brings its own volume with another handle, since the one that
    deployments read is mounted read-only. With `claim` it fills the claim of another unit (NAS).
    `image` must hold the hub's command line (`modelscope`, `hf`); nothing is installed at run time.
    """

    source: Hub
    repository: str
    image: str
    revision: str | None = None
    bucket: Bucket | None = None
    claim: str | None = None
    token_secret: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pattern("repository", self.repository, _REPOSITORY, "a form such as Qwen/Qwen3-32B")
        check_pattern("revision", self.revision or "a", _REVISION, "a tag, branch or commit")
        check_image(self.image)
        check_pattern("token Secret", self.token_secret or "a", _SECRET, "a Secret's name")
        if (self.bucket is None) == (self.claim is None):
            raise InvalidRequestError(
                f"storage {self.name}: where do the files go? give bucket or claim, one of them"
            )
        check_name("claim", self.claim or "a")


StorageUnit = ExistingClaim | Oss | Nas | NodeLocal | DownloadJob
"""A storage unit of any kind; `kind` in storage.yaml says which."""


def capacity_for(weights_bytes: int) -> str:
    """Return the capacity of a volume for weights of so many bytes: a fifth more, rounded up."""
    return f"{math.ceil(weights_bytes * ROOM / GIB / STEP) * STEP}Gi"


def _check_folder(field: str, path: str) -> None:
    if path != "/":
        check_path(field, path)
