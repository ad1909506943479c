"""What the clusters have shown so far, in memory only: each watch shows it all again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.cluster import Contact, Found, Listed, Observation, Scope, Unit

_Namespace = tuple[str, str]


@dataclass(slots=True)
class Sight:
    """The newest observation of each LeaderWorkerSet, by its cluster's context and namespace."""

    sets: dict[_Namespace, dict[str, Observation]] = field(default_factory=dict)
    names: dict[_Namespace, frozenset[str]] = field(default_factory=dict)
    lost: dict[_Namespace, datetime | None] = field(default_factory=dict)
    units: dict[tuple[str, str, str], Unit] = field(default_factory=dict)

    def take(self, found: Found, now: Callable[[], datetime]) -> None:
        """Keep what was found; `now` tells when a contact was lost."""
        match found:
            case Observation():
                self._observe((found.context, found.namespace), found)
            case Listed(context, namespace, names):
                known = self.sets.get((context, namespace), {})
                self.names[context, namespace] = names
                self.sets[context, namespace] = {n: known[n] for n in known if n in names}
            case Contact(context, namespace, ok):
                since = None if ok else self.lost.get((context, namespace)) or now()
                self.lost[context, namespace] = since
            case Unit() if found.deleted:
                self.units.pop((found.context, found.namespace, found.name), None)
            case Unit():
                self.units[found.context, found.namespace, found.name] = found

    def _observe(self, place: _Namespace, found: Observation) -> None:
        self.sets.setdefault(place, {})[found.name] = found
        if place in self.names and found.name not in self.names[place]:
            self.names[place] |= {found.name}

    def seen(self, context: str, namespace: str, name: str) -> Observation | None:
        """Return the newest observation of a set: deleted where a list did not have it.

        None before the first list.
        """
        found = self.sets.get((context, namespace), {}).get(name)
        names = self.names.get((context, namespace))
        if found is not None or names is None or name in names:
            return found
        return Observation(
            namespace, name, "", "", 0, 0, current=False, pods=(), deleted=True, context=context
        )

    def tried(self, context: str, namespace: str) -> bool:
        """Say whether it is known by now if a namespace can be watched."""
        return (context, namespace) in self.lost

    def lost_at(self, context: str, namespace: str) -> datetime | None:
        """Return since when a namespace cannot be watched; None while it can."""
        return self.lost.get((context, namespace))

    def units_of(self, context: str) -> Iterable[Unit]:
        """Return what the GitOps controller of a cluster says."""
        return [unit for unit in self.units.values() if unit.context == context]

    def forget(self, scope: Scope) -> None:
        """Forget a scope that is watched no longer."""
        place = (scope.context, scope.namespace)
        if scope.controller is not None:
            gone = [key for key in self.units if key[:2] == place]
            for key in gone:
                del self.units[key]
            return
        self.sets.pop(place, None)
        self.names.pop(place, None)
        self.lost.pop(place, None)
