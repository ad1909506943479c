"""Pure: the Job that downloads a model, step by step without a shell.

ossfs writes slowly and only in order, so a bucket is filled in three steps: download to the node's
disk, copy, compare. A claim that takes random writes (NAS) is filled at once. Sources:
the drivers' documentation; `modelscope download` and `hf download`.

The Job's name holds a digest of its content: a Job cannot be changed, so a changed unit is a new
Job, and the controller prunes the old one. It has no time to live: a Job that cleaned itself up
would be applied, and run, again.
"""

import hashlib
from typing import Any

from gitops.documents import dump
from gitops.storage.units import DownloadJob, Hub

MODELS = "/models"
"""Where the target is mounted; its root holds the model's files, as deployments mount it."""

SCRATCH = "/download"
"""Where the node's disk is mounted, for a target that takes no random writes."""

LONGEST = 86_400
"""Longest a download may take, in seconds; 700 GB at 10 MB/s take 19 hours."""

_TOKENS = {Hub.MODELSCOPE: "MODELSCOPE_API_TOKEN", Hub.HUGGINGFACE: "HF_TOKEN"}

Object = dict[str, Any]


def job(unit: DownloadJob) -> Object:
    """Return the Job of a unit."""
    spec = _spec(unit)
    digest = hashlib.sha256(dump(spec).encode()).hexdigest()[:8]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{unit.name}-{digest}"},
        "spec": spec,
    }


def _spec(unit: DownloadJob) -> Object:
    steps = _into_bucket(unit) if unit.bucket else [_download(unit, MODELS)]
    scratch = {"name": "download", "emptyDir": {"sizeLimit": unit.capacity}}
    target = {"name": "model", "persistentVolumeClaim": {"claimName": unit.claim or unit.name}}
    pod = {
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        **({"initContainers": steps[:-1]} if steps[:-1] else {}),
        "containers": steps[-1:],
        "volumes": [target, *([scratch] if unit.bucket else [])],
    }
    return {
        "backoffLimit": 3,
        "activeDeadlineSeconds": LONGEST,
        "template": {"spec": pod},
    }


def _into_bucket(unit: DownloadJob) -> list[Object]:
    return [
        _download(unit, SCRATCH),
        _step(unit, "copy", ["cp", "-r", f"{SCRATCH}/.", f"{MODELS}/"]),
        _step(unit, "compare", ["diff", "-r", "-q", SCRATCH, MODELS]),
    ]


def _download(unit: DownloadJob, folder: str) -> Object:
    revision = ["--revision", unit.revision] if unit.revision else []
    if unit.source is Hub.HUGGINGFACE:
        command = ["hf", "download", unit.repository, "--local-dir", folder, *revision]
    else:
        # --local_dir is known to all releases; --token is expanded by kubelet, never in Git.
        token = ["--token", f"$({_TOKENS[unit.source]})"] if unit.token_secret else []
        command = ["modelscope", "download", "--model", unit.repository]
        command += ["--local_dir", folder, *revision, *token]
    return _step(unit, "download", command) | _environment(unit)


def _environment(unit: DownloadJob) -> Object:
    if unit.token_secret is None:
        return {}
    reference = {"secretKeyRef": {"name": unit.token_secret, "key": "token"}}
    return {"env": [{"name": _TOKENS[unit.source], "valueFrom": reference}]}


def _step(unit: DownloadJob, name: str, command: list[str]) -> Object:
    amounts = {"cpu": "4", "memory": "8Gi"}
    disk = {"ephemeral-storage": unit.capacity} if unit.bucket else {}
    scratch = [{"name": "download", "mountPath": SCRATCH}] if unit.bucket else []
    return {
        "name": name,
        "image": unit.image,
        "command": command,
        "resources": {"limits": amounts, "requests": amounts | disk},
        "securityContext": {"allowPrivilegeEscalation": False},
        "volumeMounts": [{"name": "model", "mountPath": MODELS}, *scratch],
    }
