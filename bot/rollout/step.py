"""Pure: a step of a rollout's record, and what is news of it."""

from dataclasses import dataclass

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
