"""How much a caller may ask: tiers a minute and messages a channel.

Sources: docs.slack.dev/apis/web-api/rate-limits, and the "Rate limits" line of each method page.
The burst a channel tolerates and the idle time of a stream are not documented; they are guesses.
"""

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.clock import Time
from sandbox.slack.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls a minute by method, a channel's bucket, and spans in the sandbox's seconds.

    `minute` is how far back calls are counted: less for tests in which calls arrive late beside a
    clock that runs fast. `stream_idle` is how long a stream may pause, `trigger_life` how long a
    trigger opens a modal (real seconds, where the sandbox's run faster).
    """

    per_minute: Mapping[str, int] = field(default_factory=dict)
    channel_burst: int = 0
    channel_per_second: float = 0.0
    minute: float = 60.0
    stream_idle: float = math.inf
    trigger_life: float = 3.0

    @classmethod
    def none(cls) -> "Limits":
        """Limit nothing but the life of triggers, which is protocol rather than rate."""
        return cls()

    @classmethod
    def documented(cls) -> "Limits":
        """Limit as Slack says it does."""
        return cls(_TIERS, channel_burst=5, channel_per_second=1.0, stream_idle=300.0)


_TIERS = {
    "apps.connections.open": 50,
    "chat.delete": 50,
    "chat.update": 50,
    "chat.postEphemeral": 100,
    "chat.startStream": 20,
    "chat.appendStream": 100,
    "chat.stopStream": 20,
    "conversations.history": 50,
    "conversations.replies": 50,
    "conversations.info": 50,
    "conversations.open": 50,
    "files.completeUploadExternal": 100,
    "files.getUploadURLExternal": 100,
    "usergroups.users.list": 20,
    "users.info": 100,
    "views.open": 100,
    "views.update": 100,
}


class Meter:
    """Counts calls and refuses those above the limits with 429 and Retry-After."""

    def __init__(self, limits: Limits, time: Time) -> None:
        self._limits = limits
        self._time = time
        self._calls: defaultdict[str, deque[float]] = defaultdict(deque)
        self._buckets: dict[str, tuple[float, float]] = {}

    def admit(self, method: str, channel: str) -> None:
        """Count one call, or refuse it."""
        if (allowed := self._limits.per_minute.get(method)) is not None:
            self._in_the_last_minute(method, allowed)
        if method == "chat.postMessage" and self._limits.channel_burst:
            self._in_the_channel(channel)

    def _in_the_last_minute(self, method: str, allowed: int) -> None:
        now, calls = self._time.monotonic(), self._calls[method]
        while calls and calls[0] <= now - self._limits.minute:
            calls.popleft()
        if len(calls) >= allowed:
            raise _too_fast(calls[0] + self._limits.minute - now)
        calls.append(now)

    def _in_the_channel(self, channel: str) -> None:
        now, rate = self._time.monotonic(), self._limits.channel_per_second
        left, then = self._buckets.get(channel, (float(self._limits.channel_burst), now))
        left = min(self._limits.channel_burst, left + (now - then) * rate)
        if left < 1:
            raise _too_fast((1 - left) / rate)
        self._buckets[channel] = (left - 1, now)


def _too_fast(seconds: float) -> RefusedError:
    return RefusedError("ratelimited", status=429, retry_after=max(1, math.ceil(seconds)))
