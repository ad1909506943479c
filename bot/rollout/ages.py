"""How long each environment's cluster has been silent, as the metric of the watch's age shows it.

An environment is as old as the one of its namespaces that was heard last the longest ago: one that
may not be read must not hide behind another. What was never heard counts from when it was wanted.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

Place = tuple[str, str]
"""A context and a namespace."""


@dataclass(slots=True)
class Ages:
    """`tell` gets an environment and its last word in steady seconds; None once it is gone."""

    tell: Callable[[str, float | None], None] = lambda environment, at: None  # noqa: ARG005 - nobody listens
    now: Callable[[], float] = time.monotonic
    _heard: dict[Place, float] = field(default_factory=dict)
    _watched: Mapping[str, AbstractSet[Place]] = field(default_factory=dict)

    def watch(self, wanted: Mapping[str, AbstractSet[Place]]) -> None:
        """Take note of which namespaces each environment has now; others are forgotten."""
        now, there = self.now(), {place for places in wanted.values() for place in places}
        self._heard = {place: self._heard.get(place, now) for place in there}
        for environment in self._watched.keys() - wanted.keys():
            self.tell(environment, None)
        self._watched = dict(wanted)
        self._say(wanted)

    def hear(self, place: Place) -> None:
        """Take note of an answer of a cluster for a namespace."""
        if place in self._heard:
            self._heard[place] = self.now()
            self._say(name for name, places in self._watched.items() if place in places)

    def _say(self, environments: Iterable[str]) -> None:
        for environment in environments:
            self.tell(environment, min(self._heard[p] for p in self._watched[environment]))
