"""Fixtures of the scenarios: all worlds on loopback, and Leadline as real processes."""

import pytest

from sandbox.leadline import running
from sandbox.worlds import sandbox

RATE = 20.0
"""Sandbox seconds in a real one: a rollout of half a minute takes about a second."""


@pytest.fixture
def worlds(tmp_path):
    with sandbox(tmp_path, RATE) as made:
        yield made


@pytest.fixture
def leadline(worlds):
    with running(worlds) as processes:
        yield processes
