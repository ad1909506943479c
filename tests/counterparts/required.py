"""What a test does for want of a counterpart: a real server or an independent emulator."""

import os
from pathlib import Path

import pytest


def missing(what):
    """Skip, or fail where the machine is said to have them all."""
    if os.environ.get("LEADLINE_TEST_COUNTERPARTS") == "required":
        pytest.fail(f"{what} is missing, and LEADLINE_TEST_COUNTERPARTS says required")
    pytest.skip(f"{what} is not on this machine; .ci/run installs it")


def installed(what, variable, program):
    """Return the path of a program below the folder that a variable names."""
    folder = os.environ.get(variable)
    if not folder:
        missing(f"{what} ({variable})")
    found = Path(folder, program).absolute()
    if not found.exists():
        pytest.fail(f"{variable} is set, but there is no {found}; run .ci/emulators/install")
    return found
