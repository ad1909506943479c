"""Counterparts that more than one folder of tests uses; each is started once, when first asked."""

import gc
import warnings

import pytest

from tests.counterparts import github


@pytest.fixture(scope="session")
def ours_server(tmp_path_factory):
    with github.ours(tmp_path_factory.mktemp("ours")) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def emulate_server(tmp_path_factory):
    with github.emulate(tmp_path_factory.mktemp("emulate")) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def myworld_server(tmp_path_factory):
    with github.myworld(tmp_path_factory.mktemp("myworld")) as fresh:
        yield fresh


@pytest.fixture
def emulate_github(emulate_server):
    """Give a new repository on emulate: `url`, `author` and `reviewer` (tokens), `repository`."""
    with emulate_server() as host:
        yield host


@pytest.fixture
def unclosed_by_slack_sdk():
    """Collect what slack-sdk leaves open of an answer that breaks off, before another test does."""
    warnings.simplefilter("ignore", ResourceWarning)  # until this test has ended
    yield
    gc.collect()
