"""The garbage collector: removes what lost its owner, finishes foreground deletions.

Source: recordings v0.10.0/02 (owner gone), 08 and 16 (foreground), 15 (background).
"""

from collections.abc import Iterable
from functools import partial

from sandbox.clock import Time
from sandbox.cluster.deletion import delete, has_died
from sandbox.cluster.kinds import by_object
from sandbox.cluster.loop import Others, Outcome, Pause
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
        elif _news(change) or (change.type == "ADDED" and self._orphaned(change.key, item)):
            yield change.key

    def reconcile(self, key: Key, now: float) -> Outcome:  # noqa: ARG002 - a Controller's
        """Delete an orphan, or take a foreground deletion one step further."""
        item = self._store.get(key)
        if item is None:
            return None
        if _waits(item):
            return self._finish(key, item)
        if self._orphaned(key, item):
            delete(self._store, self._time, key)
        elif self._owner_waits(key, item):
            waiting = self._store.dependents(uid_of(item))
            delete(self._store, self._time, key, "Foreground" if waiting else "Background")
        return None

    def _orphaned(self, key: Key, item: Object) -> bool:
        return bool(_owners(key, item)) and not self._living_owners(key, item)

    def _owner_waits(self, key: Key, item: Object) -> bool:
        return any(_waits(owner) for owner in self._living_owners(key, item))

    def _living_owners(self, key: Key, item: Object) -> list[Object]:
        live = ((self._store.get(owner), uid) for owner, uid in _owners(key, item))
        return [owner for owner, uid in live if owner is not None and uid_of(owner) == uid]

    def _finish(self, key: Key, item: Object) -> Outcome:
        """Have the dependents looked at; let go of the object when there are none left."""
        dependents = self._store.dependents(uid_of(item))
        if dependents:
            return Others(tuple(dependents))
        return Pause("release", partial(self._release, key, item))

    def _release(self, key: Key, item: Object, now: float) -> None:  # noqa: ARG002 - a Pause's
        """Let go of an object; a dependent that came up meanwhile becomes an orphan."""
        live = self._store.get(key)
        if live is None or uid_of(live) != uid_of(item) or not _waits(live):
            return
        if has_died(live):
            self._store.remove(key)
        else:
            self._store.edit(key, lambda each: each["metadata"].pop("finalizers"))


def _news(change: Change) -> bool:
    """Say whether an object began to wait for its dependents, or could go on to wait no longer."""
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
