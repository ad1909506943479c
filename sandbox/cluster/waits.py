"""How long each stage of a pod still takes, and when what failed is tried again.

Source: client-go's exponential rate limiter (5 ms, doubled each time).
"""

from collections import Counter
from collections.abc import Hashable

_NOTHING = 1e-6  # seconds; below it a wait is over, whatever the rounding says


_FIRST = 0.005  # seconds until the first retry
_LONGEST = 1000.0


class Retries:
    """Counts the failures of each piece of work in a row."""

    def __init__(self) -> None:
        self._failures: Counter[Hashable] = Counter()

    def after(self, work: Hashable) -> float:
        """Count a failure and return the seconds until the next try."""
        self._failures[work] += 1
        return float(min(_FIRST * 2 ** (self._failures[work] - 1), _LONGEST))

    def forget(self, work: Hashable) -> None:
        """Begin anew after a success."""
        self._failures.pop(work, None)


class Waits:
    """Remembers when each stage ends; a stage begins when it is first asked for."""

    def __init__(self) -> None:
        self._due: dict[Hashable, float] = {}

    def left(self, stage: Hashable, seconds: float, now: float) -> float:
        """Return the seconds that are left of a stage; 0.0 when it is over."""
        left = self._due.setdefault(stage, now + seconds) - now
        return left if left > _NOTHING else 0.0

    def share(self, stage: Hashable, seconds: float, now: float) -> float:
        """Return how much of a stage is done, 0 to 1, without beginning it."""
        if stage not in self._due:
            return 0.0
        return min(1.0, max(0.0, 1.0 - (self._due[stage] - now) / seconds)) if seconds else 1.0
