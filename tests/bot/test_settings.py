"""What a process needs to start, and what it never shows."""

import pytest

from bot.settings import Settings
from gitops.errors import UsageError

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-canary-1",
    "SLACK_SIGNING_SECRET": "canary-signing",
    "SLACK_APP_TOKEN": "xapp-canary-1",
    "GITHUB_TOKEN": "ghp_canary1",
    "GITHUB_WEBHOOK_SECRET": "canary-webhook",
    "REDIS_URL": "redis://:canary-redis@redis:6379/0",
}
ALL = {**SECRETS, "LEADLINE_GITOPS_REPOSITORY": "acme/llm-gitops"}


SLACK = ["SLACK_BOT_TOKEN"]
SIGNED = [*SLACK, "SLACK_SIGNING_SECRET"]
GITHUB = ["GITHUB_TOKEN", "LEADLINE_GITOPS_REPOSITORY"]
REDIS = ["REDIS_URL"]


@pytest.mark.parametrize(
    ("roles", "missing"),
    [
        (("serve",), SIGNED + REDIS),
        (("work",), SLACK + GITHUB + REDIS),
        (("watch",), SLACK + GITHUB + REDIS),
        (("serve", "work", "watch"), SIGNED + GITHUB + REDIS),
    ],
    ids=["serve", "work", "watch", "all"],
)
def test_all_missing_names_of_a_role_are_reported_at_once(roles, missing):
    with pytest.raises(UsageError) as refused:
        Settings.load({}, roles)

    said = f"settings missing: {', '.join(missing)}; set them in the environment"
    assert str(refused.value) == said


def test_an_app_token_means_socket_mode_and_needs_no_signing_secret():
    names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "REDIS_URL")

    made = Settings.load({name: ALL[name] for name in names}, ("serve",))

    assert made.slack.app_token == "xapp-canary-1"
    assert made.slack.signing_secret == ""


def test_serve_alone_holds_no_token_of_github_even_where_one_is_set():
    assert Settings.load(ALL, ("serve",)).forge.token == ""
    assert Settings.load(ALL, ("work",)).forge.token == "ghp_canary1"


def test_no_secret_stands_in_a_repr():
    shown = repr(Settings.load(ALL))

    assert [value for value in SECRETS.values() if value in shown] == []
    assert "canary" not in shown


def test_every_secret_is_known_to_the_log():
    assert set(Settings.load(ALL).secrets) == {
        *(set(SECRETS.values()) - {SECRETS["REDIS_URL"]}),
        "canary-redis",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEADLINE_PORT", "http"),
        ("LEADLINE_HEALTH_PORT", "-1"),
        ("LEADLINE_POLL_SECONDS", "nan"),
        ("LEADLINE_CHANGE_THREADS", "0"),
        ("LEADLINE_ASK_THREADS", "1.5"),
    ],
)
def test_a_number_that_is_none_is_refused_with_its_name(name, value):
    with pytest.raises(UsageError, match=f"{name} is '{value}'; write a number"):
        Settings.load({**ALL, name: value})


def test_a_log_format_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="LEADLINE_PLAIN_WORDS is 'yes'; write true or false"):
        Settings.load({**ALL, "LEADLINE_PLAIN_WORDS": "yes"})
    with pytest.raises(UsageError, match="LEADLINE_LOG_FORMAT is 'xml'; write text or json"):
        Settings.load({**ALL, "LEADLINE_LOG_FORMAT": "xml"})


def test_the_port_for_probes_is_8080_and_a_free_one_beside_a_sandbox():
    assert Settings.load(ALL).process.port == 8080
    beside = {**ALL, "LEADLINE_SANDBOX_URL": "http://127.0.0.1:1"}
    assert Settings.load(beside).process.port == 0
