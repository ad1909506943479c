"""Trigger ids: an app may open one modal with each, within three seconds of the person's act.

Source: docs.slack.dev/interactivity/handling-user-interaction (trigger ids expire in three seconds
and are exchanged once) and the errors of reference/methods/views.open. The seconds are the
sandbox's, so a test can let them pass; a sandbox that runs fast gives the app its three real ones.
"""

import itertools
from dataclasses import dataclass

from sandbox.clock import Time
from sandbox.slack.errors import RefusedError

_MOST_KEPT = 1000


@dataclass(slots=True)
class _Trigger:
    user: str
    made: float
    is_exchanged: bool = False


class Triggers:
    """All triggers that are not too old to matter."""

    def __init__(self, time: Time, life: float, team: str) -> None:
        self._time = time
        self._life = life * max(1.0, time.rate)
        self._team = team
        self._numbers = itertools.count(1)
        self._made: dict[str, _Trigger] = {}

    def issue(self, user: str, ts: str) -> str:
        """Return a new trigger for what this person just did; `ts` makes it look like Slack's."""
        trigger = f"{next(self._numbers)}.{self._team}.{ts}"
        self._made[trigger] = _Trigger(user, self._time.monotonic())
        while len(self._made) > _MOST_KEPT:
            del self._made[next(iter(self._made))]
        return trigger

    def exchange(self, trigger: str) -> str:
        """Use a trigger up and return whose it is, or refuse."""
        found = self._made.get(trigger)
        if found is None:
            raise RefusedError("invalid_trigger_id")
        if found.is_exchanged:
            raise RefusedError("exchanged_trigger_id")
        if self._time.monotonic() - found.made > self._life:
            raise RefusedError("expired_trigger_id")
        found.is_exchanged = True
        return found.user
