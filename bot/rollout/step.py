"""Pure: a step of a rollout's record, and what is news of it."""

from dataclasses import dataclass, replace

from bot.notice import Notice
from bot.store import Rollout


@dataclass(frozen=True, slots=True)
class News:
    """A notice, and the key that lets it be said once."""

    key: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class Step:
    """The new state and what is to be said about it, in order."""

    rollout: Rollout
    news: tuple[News, ...] = ()


def times(rollout: Rollout, kind: str) -> int:
    """Return how often news of a kind was told: part of the keys of what may come again.

    A notice is said before it is counted, so that its key is the same after a kill in between.
    """
    return rollout.times.get(kind, 0)


def counted(rollout: Rollout, kind: str) -> Rollout:
    """Return the record with one more notice of that kind told."""
    return replace(rollout, times={**rollout.times, kind: times(rollout, kind) + 1})
