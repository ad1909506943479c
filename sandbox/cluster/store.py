"""The objects of the cluster and the history of their changes, which watches replay.

Objects that leave the store are shared and never changed in place; `edit` copies first.
Source: the API conventions on resourceVersion, generation and "410 Gone".
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from sandbox.clock import Time
from sandbox.cluster.objects import Key, Object, copied, stamp
from sandbox.cluster.refusals import already_exists, expired, not_found

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]

_LONGEST = 20_000  # changes we remember, some hours of a busy sandbox
_KEPT = ("uid", "creationTimestamp", "generation")  # set by the server, never by a writer


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the history, at a `moment` in seconds: the object as it became, and as it was."""

    number: int
    type: ChangeType
    key: Key
    object: Object
    before: Object | None = None
    moment: float = 0.0


class Store:
    """All objects by key; `changed` guards them and wakes whoever waits for the next change."""

    def __init__(self, time: Time) -> None:
        self.changed = threading.Condition()
        self.closed = False
        self._time = time
        self._objects: dict[Key, Object] = {}
        self._history: list[Change] = []
        self._oldest = 0
        self._listeners: list[Callable[[Change], None]] = []

    @property
    def version(self) -> int:
        """The resourceVersion of the newest change."""
        return self._oldest + len(self._history)

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` with every change, under the lock, in order."""
        self._listeners.append(listener)

    def get(self, key: Key) -> Object | None:
        """Return the object, or None."""
        with self.changed:
            return self._objects.get(key)

    def select(self, kind: str, namespace: str = "") -> list[Object]:
        """Return the objects of a kind by namespace and name; all namespaces for ""."""
        with self.changed:
            keys = sorted(key for key in self._objects if key.kind == kind)
            return [self._objects[key] for key in keys if namespace in ("", key.namespace)]

    def dependents(self, uid: str) -> list[Key]:
        """Return the objects that name `uid` as an owner."""
        with self.changed:
            return [key for key, item in self._objects.items() if uid in _owners(item)]

    def create(self, key: Key, item: Object, *, dry: bool = False) -> Object:
        """Add an object; a `dry` run only returns what would be there."""
        with self.changed:
            if key in self._objects:
                raise already_exists(key)
            item = copied(item)
            metadata = item["metadata"]
            metadata["uid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.version}/{key}"))
            metadata["creationTimestamp"] = stamp(self._time.now())
            if "spec" in item:
                metadata["generation"] = 1
            return item if dry else self._commit("ADDED", key, item, None)

    def replace(self, key: Key, item: Object, *, dry: bool = False) -> Object:
        """Put a new state in place of the old; a state that equals the old changes nothing."""
        return self._replace(key, copied(item), dry=dry)

    def edit(self, key: Key, change: Callable[[Object], None]) -> Object:
        """Let `change` alter a copy of the object, then put the copy in place.

        What lies below the fields of the spec is shared with the old state: replace, do not alter.
        """
        with self.changed:
            if key not in self._objects:
                raise not_found(key)
            item = {
                part: dict(value) if part == "spec" else copied(value)
                for part, value in self._objects[key].items()
            }
            change(item)
            return self._replace(key, item, dry=False)

    def _replace(self, key: Key, item: Object, *, dry: bool) -> Object:
        with self.changed:
            before = self._objects.get(key)
            if before is None:
                raise not_found(key)
            for kept in (*_KEPT, "resourceVersion"):
                if kept in before["metadata"]:
                    item["metadata"][kept] = before["metadata"][kept]
            if item == before:
                return before
            if "generation" in item["metadata"] and _intent(item) != _intent(before):
                item["metadata"]["generation"] += 1
            return item if dry else self._commit("MODIFIED", key, item, before)

    def remove(self, key: Key) -> Object:
        """Take an object away at once, whatever its finalizers."""
        with self.changed:
            before = self._objects.get(key)
            if before is None:
                raise not_found(key)
            return self._commit("DELETED", key, copied(before), before)

    def since(self, number: int) -> list[Change]:
        """Return the changes after `number`; 410 when some of them are forgotten."""
        with self.changed:
            if number < self._oldest:
                raise expired(number, self._oldest)
            return self._history[number - self._oldest :]

    def recent(self, moment: float) -> Iterator[Change]:
        """Yield the changes after a moment, the newest first."""
        for change in reversed(self._history):
            if change.moment < moment:
                return
            yield change

    def compact(self) -> None:
        """Forget the history, as etcd does every five minutes."""
        with self.changed:
            self._oldest = self.version
            self._history.clear()

    def close(self) -> None:
        """Let everybody who waits go."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def _commit(self, type_: ChangeType, key: Key, item: Object, before: Object | None) -> Object:
        number = self.version + 1
        item["metadata"]["resourceVersion"] = str(number)
        if type_ == "DELETED":
            del self._objects[key]
        else:
            self._objects[key] = item
        change = Change(number, type_, key, item, before, self._time.monotonic())
        self._history.append(change)
        if len(self._history) > _LONGEST:
            self._oldest += _LONGEST // 2
            del self._history[: _LONGEST // 2]
        for listener in self._listeners:
            listener(change)
        self.changed.notify_all()
        return item


def _owners(item: Object) -> list[str]:
    return [owner["uid"] for owner in item["metadata"].get("ownerReferences") or []]


def _intent(item: Object) -> tuple[object, object]:
    return item.get("spec"), item["metadata"].get("deletionTimestamp")
