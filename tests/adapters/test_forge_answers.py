"""Answers that are none of GitHub's: whatever arrives, callers meet an error of ours."""

import pytest

from gitops.errors import ForgeUnavailableError
from gitops.github import GithubForge
from gitops.settings import ForgeSettings
from sandbox.clock import Time
from tests.adapters.test_slack_answers import ANSWERS, answering


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_is_none_of_githubs_is_an_error_of_ours(what):
    with answering(ANSWERS[what]) as there:
        address = there.api_url.removesuffix("/api/")
        forge = GithubForge.connect(ForgeSettings("acme/gitops", "bot", address), Time(rate=1_000))
        for ask in (forge.main, lambda: forge.pull_request(3)):
            with pytest.raises(ForgeUnavailableError, match=r"on GitHub: .*try again in a minute"):
                ask()
