"""Pure: the PersistentVolume and the PersistentVolumeClaim of a storage unit.

Both name each other, so that nothing else can bind (finding 9), and both stay when their unit
leaves Git: Argo CD and Flux are told so. Sources: alibaba-cloud-csi-driver; Argo
CD's sync options; Flux's Kustomization (prune).
"""

from collections.abc import Mapping
from typing import Any

from gitops.storage.units import Bucket, DownloadJob, Nas, NodeLocal, Oss

OSS_DRIVER = "ossplugin.csi.alibabacloud.com"
NAS_DRIVER = "nasplugin.csi.alibabacloud.com"

NEVER_PRUNE: Mapping[str, str] = {
    # Prune: when the file leaves Git. Delete: when the whole Application is deleted.
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
"""Annotations that keep a volume and its claim, whatever happens to their files in Git."""

Object = dict[str, Any]


def volume(unit: Oss | Nas | NodeLocal | DownloadJob) -> Object:
    """Return the PersistentVolume of a unit."""
    labels = {"labels": {"alicloud-pvname": unit.volume_name}} if _bucket(unit) else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": unit.volume_name, **labels, "annotations": dict(NEVER_PRUNE)},
        "spec": {
            "capacity": {"storage": unit.capacity},
            "accessModes": [access_mode(unit)],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": unit.namespace, "name": unit.name},
            **_source(unit),
        },
    }


def claim(unit: Oss | Nas | NodeLocal | DownloadJob) -> Object:
    """Return the PersistentVolumeClaim of a unit.

    Without the empty class a default one would be filled in, and the claim would never bind.
    """
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": unit.name, "annotations": dict(NEVER_PRUNE)},
        "spec": {
            "accessModes": [access_mode(unit)],
            "storageClassName": "",
            "volumeName": unit.volume_name,
            "resources": {"requests": {"storage": unit.capacity}},
        },
    }


def access_mode(unit: Oss | Nas | NodeLocal | DownloadJob) -> str:
    """Return how a unit is mounted: what deployments only read is read-only where it can be."""
    return "ReadOnlyMany" if isinstance(unit, Oss | NodeLocal) else "ReadWriteMany"


def _source(unit: Oss | Nas | NodeLocal | DownloadJob) -> Object:
    if isinstance(unit, NodeLocal):
        return _local(unit)
    if isinstance(unit, Nas):
        return _nas(unit)
    bucket = _bucket(unit)
    return {"csi": _oss(unit, bucket)} if bucket else {}


def _bucket(unit: Oss | Nas | NodeLocal | DownloadJob) -> Bucket | None:
    return unit.bucket if isinstance(unit, Oss | DownloadJob) else None


def _oss(unit: Oss | DownloadJob, bucket: Bucket) -> Object:
    """Return a static OSS volume; its handle equals its name, and is unique in the cluster."""
    # The driver reads the Secret in the namespace that stands here: the claim's (finding 11).
    secret = {"nodePublishSecretRef": {"name": bucket.secret, "namespace": unit.namespace}}
    role = {"authType": "rrsa", "roleName": bucket.role}
    options = {"otherOpts": " ".join(f"-o {option}" for option in bucket.options)}
    return {
        "driver": OSS_DRIVER,
        "volumeHandle": unit.volume_name,
        **(secret if bucket.secret else {}),
        "volumeAttributes": {
            "bucket": bucket.name,
            "url": bucket.endpoint,
            "path": bucket.path,
            **(role if bucket.role else {}),
            **(options if bucket.options else {}),
        },
    }


def _nas(unit: Nas) -> Object:
    return {
        "mountOptions": ["nolock", "tcp", "noresvport", "vers=3"],
        "csi": {
            "driver": NAS_DRIVER,
            "volumeHandle": unit.volume_name,
            "volumeAttributes": {"server": unit.server, "path": unit.path, "vers": "3"},
        },
    }


def _local(unit: NodeLocal) -> Object:
    """Return a `local` volume rather than a hostPath.

    The API demands the node affinity of a local volume, so pods cannot land where no copy is; and
    kubelet refuses a path that is missing, where a hostPath could start an engine on an empty
    folder. Kubernetes calls hostPath volumes a means of testing on one node.
    """
    names = [_in("kubernetes.io/hostname", *unit.nodes)] if unit.nodes else []
    labels = [_in(key, value) for key, value in sorted(unit.node_selector.items())]
    terms = [{"matchExpressions": [*names, *labels]}]
    return {
        "local": {"path": unit.path},
        "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
    }


def _in(key: str, *values: str) -> Object:
    return {"key": key, "operator": "In", "values": list(values)}
