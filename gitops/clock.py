"""Port and adapters: the time. Whoever waits takes a Clock, so that tests own the time."""

import json
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast


class Clock(Protocol):
    """The time of day, a steady time for durations, and a wait."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never jumps; only differences mean something."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Adapter: the machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time of day, in UTC."""
        return datetime.fromtimestamp(time.time(), UTC)

    def monotonic(self) -> float:
        """Return the machine's steady time, in seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class SandboxClock:
    """Adapter: the clock of a sandbox, kept by its control API and shared by all processes."""

    control_url: str

    def now(self) -> datetime:
        """Return the sandbox's time of day, in UTC."""
        return datetime.fromisoformat(str(self._ask("/clock")["now"]))

    def monotonic(self) -> float:
        """Return the sandbox's steady time, in seconds."""
        return float(str(self._ask("/clock")["monotonic"]))

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds of the sandbox; the control API answers in slices."""
        remaining = seconds
        while remaining > 0:
            remaining = float(str(self._ask("/clock/sleep", {"seconds": remaining})["remaining"]))

    def _ask(self, path: str, body: Mapping[str, object] | None = None) -> Mapping[str, object]:
        request = urllib.request.Request(  # noqa: S310 - the control URL comes from our settings
            self.control_url.rstrip("/") + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            return cast("Mapping[str, object]", json.load(answer))
