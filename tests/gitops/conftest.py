"""Fixtures of desired state."""

import pytest

from gitops.catalog import Catalog


@pytest.fixture(scope="session")
def catalog():
    return Catalog.load()
