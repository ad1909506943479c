"""How long each piece of the controllers' work waits before it is done.

In a real cluster the controllers race, and which one wins differs from run to run. Here the races
are decided by a `Pace`: `Prompt` never waits, `Drawn` draws lots from a seed, and a test brings its
own to see one exact order. Source: controller-runtime's work queues and informer caches.
"""

import random
from typing import Protocol

_LONGEST = 0.03  # seconds; what most waits in the recordings stay under


class Pace(Protocol):
    """Decides every race of the cluster."""

    def wait(self, work: str, name: str, now: float) -> float:
        """Return the seconds until a piece of `work` on the object called `name` is done."""
        ...


class Prompt:
    """Does everything at once, in the order of the controllers' priorities."""

    def wait(self, work: str, name: str, now: float) -> float:  # noqa: ARG002 - a Pace's
        """Return 0."""
        return 0.0


class Drawn:
    """Draws every wait; the same seed and the same acts give the same history."""

    def __init__(self, seed: int) -> None:
        self._lots = random.Random(seed)  # noqa: S311 - races, not secrets

    def wait(self, work: str, name: str, now: float) -> float:  # noqa: ARG002 - a Pace's
        """Return some milliseconds; the view of a cache is fresh nine times out of ten."""
        if work == "view" and self._lots.random() < 0.9:  # noqa: PLR2004 - a share
            return 0.0
        return self._lots.uniform(0.0, _LONGEST)
