"""Several replicas of a role, of which one acts: the one that holds the role's lock.

Times are real seconds of the machine's steady clock.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.errors import StoreUnavailableError
from bot.store import Fence
from bot.store.holding import Locks

_log = logging.getLogger(__name__)

LEASE = 15.0
"""Seconds after which another replica takes over from one that is silent."""

RENEW = 3.0
"""Seconds between renewals, and between looks of a replica that waits."""

MARGIN = 2.0
"""Seconds before the end of a lease that could not be renewed, at which a leader stops to act."""


@dataclass(frozen=True, slots=True)
class Lead:
    """We lead: `fence` goes with every write, and `lost` is set when we may lead no longer."""

    fence: Fence
    lost: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Leader:
    """Leads by a lock. `holder` is the replica's own name: started again, it leads on at once.

    The locks are connected with the patience of EDGE, so that a renewal that hangs ends well inside
    the margin.
    """

    locks: Locks
    holder: str
    lease: float = LEASE
    renew: float = RENEW
    margin: float = MARGIN

    @contextlib.contextmanager
    def hold(self, name: str, stop: threading.Event) -> Iterator[Lead | None]:
        """Wait until we lead the role `name`, keep the lead in the block, let it go at its end.

        Yields None when `stop` is set first. In the block, stop acting when `lost` is set, leave,
        and hold again.
        """
        fence = self._wait(f"role:{name}", stop)
        if fence is None:
            yield None
            return
        _log.info("leading role=%s holder=%s token=%s", name, self.holder, fence.token)
        lead, left = Lead(fence), threading.Event()
        renewer = threading.Thread(target=self._keep, args=(lead, left), name=f"lead-{name}")
        renewer.start()
        try:
            yield lead
        finally:
            left.set()
            renewer.join()
            with contextlib.suppress(StoreUnavailableError):  # then it runs out by itself
                self.locks.release(fence)

    def _wait(self, key: str, stop: threading.Event) -> Fence | None:
        while not stop.is_set():
            try:
                if fence := self.locks.acquire(key, self.holder, self.lease):
                    return fence
            except StoreUnavailableError as error:
                _log.warning("waiting to lead key=%s error=%s", key, error)
            stop.wait(self.renew)
        return None

    def _keep(self, lead: Lead, left: threading.Event) -> None:
        """Renew until the block is left, another leads, or the lease is about to run out."""
        until = time.monotonic() + self.lease - self.margin
        while not left.wait(self.renew):
            asked = time.monotonic()
            try:
                if not self.locks.renew(lead.fence, self.lease):
                    break
                until = asked + self.lease - self.margin
            except StoreUnavailableError as error:
                _log.warning("lead not renewed key=%s error=%s", lead.fence.key, error)
            if time.monotonic() >= until:
                break
        else:
            return
        _log.warning("lead lost key=%s", lead.fence.key)
        lead.lost.set()
