"""How a lane works: threads, times and tries; and how it waits for a Redis that is away."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from bot.errors import StoreUnavailableError
from bot.store import Lane

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a lane works. All times in seconds.

    `threads` jobs run at once; `ahead` more may be held while earlier ones of their deployments
    run. A claim is renewed every `renew`; the lock lasts `lease` without that. What nobody works on
    is looked for every `look`. With nothing to do the lane asks every `idle`, and every `blocked`
    while a held job waits for another process. A job that broke is tried `again` after so long, and
    parked after `tries` tries. A stop waits `grace` for running jobs.
    """

    threads: int = 4
    ahead: int = 16
    renew: float = 10.0
    lease: float = 45.0
    look: float = 5.0
    idle: float = 1.0
    blocked: float = 0.1
    again: float = 1.0
    tries: int = 3
    grace: float = 6.0


def patiently(stop: threading.Event, lane: Lane, away: Callable[[], None]) -> tenacity.Retrying:
    """Return what makes a call again while Redis is away, until `stop` is set.

    Between two tries it calls `away`, and waits up to 5 s, for longer each time.
    """

    def waiting(state: tenacity.RetryCallState) -> None:
        error = state.outcome and state.outcome.exception()
        _log.warning("waiting lane=%s try=%s error=%s", lane, state.attempt_number, error)
        away()

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(StoreUnavailableError),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
        stop=tenacity.stop_when_event_set(stop),
        sleep=tenacity.sleep_using_event(stop),
        before_sleep=waiting,
        retry_error_callback=lambda _: None,
    )
