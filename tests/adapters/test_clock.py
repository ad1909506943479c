"""One clock for all processes: the sandbox keeps the time, and its control API moves it."""

import threading
from datetime import UTC, datetime

import pytest

from gitops.clock import SandboxClock, SystemClock
from sandbox.clock import Time
from sandbox.control import Control
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.serving import serving

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def stage():
    time = Time(rate=0, start=NOON)
    control = Control(time, Journal(), Faults(), {}, {}, {})
    with serving(control.world(), Faults()) as server:
        yield time, SandboxClock(server.url)


def test_the_time_is_the_sandboxs(stage):
    _, clock = stage

    assert (clock.now(), clock.monotonic()) == (NOON, 0.0)


def test_a_sleeper_in_another_process_wakes_when_the_time_is_moved(stage):
    time, clock = stage
    woken = threading.Event()
    sleeper = threading.Thread(target=lambda: (clock.sleep(300), woken.set()))
    sleeper.start()
    assert time.await_sleepers(1)

    time.advance(299)
    assert not woken.is_set()
    time.advance(1)

    assert woken.wait(10)
    sleeper.join()
    assert clock.monotonic() == 300.0


def test_the_systems_clock_is_utc_and_steady():
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
