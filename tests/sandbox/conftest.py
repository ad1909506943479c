"""The hosts that the GitHub contract runs against, one after the other, each test a new one."""

from contextlib import contextmanager

import pytest
from github import GithubException

from tests.counterparts.github import Rules
from tests.sandbox.test_github_differences import KNOWN

# What a test raises when a host answers otherwise than GitHub documents. Anything else, such as a
# connection that breaks, is no known difference and fails.
OTHERWISE = (AssertionError, GithubException, pytest.fail.Exception)


@contextmanager
def expected(request, rules=None):
    """Give a host to a test, after saying what the tables expect of the two."""
    fresh = request.getfixturevalue(f"{request.param}_server")
    known, name = KNOWN[request.param], request.node.originalname
    if call := known.call_missing_for(name):
        pytest.skip(f"{known.name} has no call {call}")
    if name in known.differs:
        reason = f"{known.name}: {known.differs[name]}"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True, raises=OTHERWISE))
    with fresh(rules) as found:
        yield found


@pytest.fixture(params=KNOWN)
def host(request):
    with expected(request) as found:
        yield found


@pytest.fixture(params=KNOWN)
def reviewed(request):
    """Give a host whose main asks for one approval."""
    with expected(request, Rules(approvals=1)) as found:
        yield found


@pytest.fixture(params=KNOWN)
def checked(request):
    """Give a host whose main asks for the status `ci`."""
    with expected(request, Rules(contexts=("ci",))) as found:
        yield found
