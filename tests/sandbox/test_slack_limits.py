"""The sandbox's Slack: troubles on demand, and what an app gets told when it has to wait."""

import pytest
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from sandbox.slack.settings import AppSettings
from tests.sandbox.test_slack_bench import OPS, TEAM, Slack, refusal


@pytest.fixture
def slack():
    with Slack().served() as found:
        yield found


def test_a_chosen_call_is_refused_with_a_chosen_code(slack):
    slack.workspace.trouble("chat.post.*", "fatal_error", nth=2)

    def post(text):
        return slack.client.chat_postMessage(channel=OPS, text=text)

    post("one")
    found = refusal(lambda: post("two"))
    post("three")

    assert (found.status_code, found["error"]) == (200, "fatal_error")
    assert [m["text"] for m in slack.workspace.messages(OPS)] == ["one", "three"]


def test_a_call_may_have_acted_before_it_is_refused(slack):
    slack.workspace.trouble("chat.postMessage", "internal_error", has_acted=True)
    found = refusal(lambda: slack.client.chat_postMessage(channel=OPS, text="kept"))

    assert found["error"] == "internal_error"
    assert [m["text"] for m in slack.workspace.messages(OPS)] == ["kept"]


def test_a_token_may_be_revoked_for_good(slack):
    slack.workspace.trouble(".*", "token_revoked", times=1000)

    assert refusal(slack.client.auth_test)["error"] == "token_revoked"
    assert refusal(slack.client.auth_test)["error"] == "token_revoked"


def test_the_sdks_own_handler_waits_out_a_limit(slack):
    slack.workspace.trouble("chat.postMessage", "ratelimited", retry_after=1)
    slack.client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    slack.client.chat_postMessage(channel=OPS, text="x")

    told = [entry.get("error") for entry in slack.heard("chat.postMessage")]
    assert told == ["ratelimited", None]


def test_a_mention_before_the_start_is_refused_rather_than_lost(slack):
    slack.workspace.configure(AppSettings(events=frozenset({"app_mention"})))
    slack.workspace.stop()

    with pytest.raises(RuntimeError, match="start the workspace"):
        slack.workspace.people.mention("hello", next(iter(TEAM.people)), OPS)
