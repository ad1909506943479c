"""Deleting an object: grace for pods, the foreground finalizer, or at once.

Source: Kubernetes garbage collection; recordings v0.10.0/08, 10, 15, 16.
"""

from datetime import timedelta

from sandbox.clock import Time
from sandbox.cluster.objects import FOREGROUND, Key, Object, stamp, terminating
from sandbox.cluster.store import Store

_GRACE = 30  # terminationGracePeriodSeconds when a pod does not say


def delete(store: Store, time: Time, key: Key, *, foreground: bool = False) -> Object:
    """Start or finish the deletion of an object and return its last state.

    Pods on a node wait for their kubelet; a foreground deletion waits for the dependents.
    """
    with store.changed:
        item = store.get(key)
        if item is None or terminating(item):
            return item or {}
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


def has_died(item: Object) -> bool:
    """Say whether nothing but finalizers keeps a deleted object."""
    return terminating(item) and item["metadata"].get("deletionGracePeriodSeconds") == 0


def _grace(item: Object) -> int | None:
    if item["kind"] != "Pod" or not item["spec"].get("nodeName"):
        return None
    return int(item["spec"].get("terminationGracePeriodSeconds", _GRACE))
