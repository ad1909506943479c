"""The garbage collector: removes what lost its owner, finishes foreground deletions.

Source: recordings v0.10.0/02 (owner gone), 08 and 16 (foreground), 15 (background).
"""

from collections.abc import Iterable

from sandbox.clock import Time
from sandbox.cluster.deletion import delete, has_died
from sandbox.cluster.kinds import by_object
from sandbox.cluster.objects import FOREGROUND, Key, Object, terminating, uid_of
from sandbox.cluster.store import Change, Store


class Garbage:
    """Looks at every object whose owner or dependent went away."""

    priority = 2

    def __init__(self, store: Store, time: Time) -> None:
        self._store = store
        self._time = time

    def wants(self, change: Change) -> Iterable[Key]:
        """Name the dependents and owners of what is gone, and what waits for its dependents."""
        item = change.object
        if change.type == "DELETED":
            yield from self._store.dependents(uid_of(item))
            yield from (owner for owner, _ in _owners(change.key, item))
        elif _news(change):
            yield change.key

    def reconcile(self, key: Key, now: float) -> float | None:  # noqa: ARG002 - a Controller's
        """Delete an orphan, or take a foreground deletion one step further."""
        item = self._store.get(key)
        if item is None:
            return None
        if self._orphaned(key, item):
            delete(self._store, self._time, key)
        elif _waits(item):
            self._finish(key, item)
        return None

    def _orphaned(self, key: Key, item: Object) -> bool:
        owners = _owners(key, item)
        return bool(owners) and not any(
            (live := self._store.get(owner)) is not None and uid_of(live) == uid
            for owner, uid in owners
        )

    def _finish(self, key: Key, item: Object) -> None:
        waiting = self._store.dependents(uid_of(item))
        for dependent in waiting:
            child = self._store.get(dependent)
            grandchildren = child is not None and self._store.dependents(uid_of(child))
            delete(
                self._store, self._time, dependent, "Foreground" if grandchildren else "Background"
            )
        if not self._store.dependents(uid_of(item)):
            self._release(key, item)

    def _release(self, key: Key, item: Object) -> None:
        if has_died(item):
            self._store.remove(key)
        else:
            self._store.edit(key, lambda each: each["metadata"].pop("finalizers"))


def _news(change: Change) -> bool:
    """Say whether an owned object came up, or began to wait for its dependents."""
    if change.type == "ADDED":
        return bool(_owners(change.key, change.object))
    return _waits(change.object) and not (change.before and _waits(change.before))


def _waits(item: Object) -> bool:
    return terminating(item) and FOREGROUND in (item["metadata"].get("finalizers") or [])


def _owners(key: Key, item: Object) -> list[tuple[Key, str]]:
    return [
        (
            Key(by_object(owner["apiVersion"], owner["kind"]).plural, key.namespace, owner["name"]),
            owner["uid"],
        )
        for owner in item["metadata"].get("ownerReferences") or []
    ]
