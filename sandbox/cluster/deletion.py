"""Deleting an object: grace for pods, the foreground finalizer, or at once.

Source: Kubernetes garbage collection; recordings v0.10.0/08, 10, 15, 16.
"""

from datetime import timedelta

from sandbox.clock import Time
from sandbox.cluster.objects import FOREGROUND, Key, Object, stamp, terminating, uid_of
from sandbox.cluster.store import Store

_GRACE = 30  # terminationGracePeriodSeconds when a pod does not say


def delete(store: Store, time: Time, key: Key, policy: str = "Background") -> Object:
    """Start or finish the deletion of an object and return its last state.

    Pods on a node wait for their kubelet; `Foreground` waits for the dependents; `Orphan` lets
    them stay, without an owner.
    """
    foreground = policy == "Foreground"
    with store.changed:
        item = store.get(key)
        if item is None or terminating(item):
            return item or {}
        if policy == "Orphan":
            _orphan(store, item)
        grace = _grace(item)
        if not foreground and grace is None:
            return store.remove(key)

        def mark(item: Object) -> None:
            end = time.now() + timedelta(seconds=grace or 0)
            item["metadata"]["deletionTimestamp"] = stamp(end)
            item["metadata"]["deletionGracePeriodSeconds"] = grace or 0
            if foreground:
                item["metadata"]["finalizers"] = [FOREGROUND]

        return store.edit(key, mark)


def _orphan(store: Store, owner: Object) -> None:
    for dependent in store.dependents(uid_of(owner)):
        store.edit(dependent, lambda item: _disown(item, uid_of(owner)))


def _disown(item: Object, uid: str) -> None:
    owners = [each for each in item["metadata"]["ownerReferences"] if each["uid"] != uid]
    item["metadata"]["ownerReferences"] = owners


def has_died(item: Object) -> bool:
    """Say whether nothing but finalizers keeps a deleted object."""
    return terminating(item) and item["metadata"].get("deletionGracePeriodSeconds") == 0


def _grace(item: Object) -> int | None:
    if item["kind"] != "Pod" or not item["spec"].get("nodeName"):
        return None
    return int(item["spec"].get("terminationGracePeriodSeconds", _GRACE))
