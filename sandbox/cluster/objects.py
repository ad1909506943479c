"""Pure: reading and building Kubernetes objects, which are plain dicts here.

Sources: Kubernetes API conventions (metadata, owner references, conditions).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

Object = dict[str, Any]

PREFIX = "leaderworkerset.sigs.k8s.io/"
NAME = PREFIX + "name"
GROUP_INDEX = PREFIX + "group-index"
GROUP_KEY = PREFIX + "group-key"
WORKER_INDEX = PREFIX + "worker-index"
REVISION = PREFIX + "template-revision-hash"
SIZE = PREFIX + "size"
LEADER_NAME = PREFIX + "leader-name"
FOREGROUND = "foregroundDeletion"

_HASH_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' SafeEncodeString: no words, no mix-ups


class Key(NamedTuple):
    """Where an object lives: the plural of its kind, its namespace ("" for none), its name."""

    kind: str
    namespace: str
    name: str


def copied(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy of JSON-able builtins, five times as fast as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [copied(each) for each in value]
    return value


def labels(item: Object) -> Mapping[str, str]:
    """Return the labels."""
    return item["metadata"].get("labels") or {}


def annotations(item: Object) -> Mapping[str, str]:
    """Return the annotations."""
    return item["metadata"].get("annotations") or {}


def name_of(item: Object) -> str:
    """Return the name."""
    return str(item["metadata"]["name"])


def uid_of(item: Object) -> str:
    """Return the uid."""
    return str(item["metadata"]["uid"])


def terminating(item: Object) -> bool:
    """Say whether the object is being deleted."""
    return "deletionTimestamp" in item["metadata"]


def controller_of(item: Object) -> Object:
    """Return the owner reference of the controller, or {}."""
    owners = item["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), {})


def owned_by(item: Object, owner: Object) -> bool:
    """Say whether `owner`, this very incarnation, controls the object."""
    return bool(controller_of(item).get("uid") == uid_of(owner))


def owner_reference(owner: Object) -> Object:
    """Return the reference by which a controller marks what it made."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def reference(item: Object) -> Object:
    """Return the reference that an Event carries."""
    metadata = item["metadata"]
    wanted = {
        key: metadata[key]
        for key in ("name", "namespace", "uid", "resourceVersion")
        if key in metadata
    }
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], **wanted}


def condition(item: Object, kind: str) -> Object:
    """Return the condition of that type, or {}."""
    conditions = item.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {})


def ready(pod: Object) -> bool:
    """Say whether a pod's Ready condition is True."""
    return bool(condition(pod, "Ready").get("status") == "True")


def running(pod: Object) -> bool:
    """Say whether all containers of a pod run."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return bool(statuses) and all("running" in status["state"] for status in statuses)


def ordinal(name: str) -> int:
    """Return the number at the end of a pod's name."""
    return int(name.rpartition("-")[2])


def short_hash(value: object) -> str:
    """Return ten letters that stand for a JSON-able value, as revision names carry them."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return "".join(_HASH_LETTERS[byte % len(_HASH_LETTERS)] for byte in digest[:10])


def stamp(moment: datetime) -> str:
    """Return metav1.Time: whole seconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(moment: datetime) -> str:
    """Return metav1.MicroTime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
