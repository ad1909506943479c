"""What a controller sees of the cluster: its informer's cache, which may lag behind the store.

Source: client-go's shared informers. A controller that reads right after a write often reads what
was there before; it never goes back to an older state than it has seen.
"""

from sandbox.cluster.objects import Key, Object
from sandbox.cluster.pace import Pace
from sandbox.cluster.store import Store

_MEMORY = 0.5  # seconds; no cache lags behind by more


class Cache:
    """One controller's view; a `Pace` says by how many seconds it lags behind, as work "view"."""

    def __init__(self, store: Store, pace: Pace) -> None:
        self._store = store
        self._pace = pace
        self._seen: dict[Key, int] = {}  # the newest change that was shown

    def get(self, key: Key, now: float) -> Object | None:
        """Return the object as the cache has it, None if it has none."""
        seen = self._seen.get(key, 0)
        changes = [each for each in self._store.recent(now - _MEMORY) if each.key == key]
        lag = self._pace.wait("view", f"{key.name}/{key.kind}", now) if changes else 0.0
        missed = [each for each in changes if each.moment > now - lag and each.number > seen]
        if not lag or not missed:
            self._seen[key] = self._store.version
            return self._store.get(key)
        self._seen[key] = missed[-1].number - 1
        return missed[-1].before
