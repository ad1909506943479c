"""What a process needs to start, and what it never shows."""

import pytest
from redis.connection import parse_url

from bot.settings import Settings
from bot.store.connection import EDGE, connect
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


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LEADLINE_PORT", "99999", "a number from 0 to 65535"),
        ("LEADLINE_HEALTH_PORT", "65536", "a number from 0 to 65535"),
        ("LEADLINE_POLL_SECONDS", "inf", "a number from 0.1 to 3600.0"),
        ("LEADLINE_PROOF_SECONDS", "1e9", "a number from 1.0 to 3600.0"),
        ("LEADLINE_CHANGE_THREADS", "100000", "a number from 1 to 200"),
        ("LEADLINE_ASK_THREADS", "201", "a number from 1 to 200"),
        ("SLACK_API_URL", "nonsense", "it as https://HOST/PATH"),
        ("SLACK_API_URL", "https://", "it as https://HOST/PATH"),
        ("GITHUB_API_URL", "http://host:port", "it as https://HOST/PATH"),
        ("LEADLINE_ENGINE_PROXY", "host:3128", "it as https://HOST/PATH"),
        ("LEADLINE_SANDBOX_URL", "ftp://host", "it as https://HOST/PATH"),
        ("LEADLINE_ASK_THROUGH", "tunnel", "network or api-server"),
    ],
)
def test_a_value_that_cannot_be_one_is_refused_with_how_to_write_it(name, value, told):
    with pytest.raises(UsageError) as refused:
        Settings.load({**ALL, name: value})

    assert str(refused.value) == f"{name} is {value!r}; write {told}"


ADDRESSES = {
    "redis://redis:6379/0": (),
    "redis://redis": (),
    "rediss://user:secret@redis:6380/1": ("secret",),
    "redis://:p@ss@host": ("p@ss",),
    "redis://:p%40ss@host": ("p%40ss", "p@ss"),
    "redis://host/0?password=secret": ("secret",),
    "unix://:secret@/run/redis.sock": ("secret",),
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_the_password_that_redis_gets_is_known_to_the_log(url):
    made = Settings.load({**ALL, "REDIS_URL": url})
    without = Settings.load({**ALL, "REDIS_URL": "redis://redis"})

    assert {*made.secrets} - {*without.secrets} == {*ADDRESSES[url]}
    used = parse_url(made.redis_url).get("password")
    assert used is None or used in made.secrets


@pytest.mark.parametrize(
    "url", ["foo", "localhost:6379", "http://redis", "redis:redis", "redis://:canary#1@redis",
            "redis://:canary@redis:port", "redis://:canary@redis:70000", "redis://redis:0",
            "redis://:canary@redis/zero", "redis://[::1", "unix://"],
)  # fmt: skip
def test_an_address_of_redis_that_is_none_is_refused_without_its_password(url):
    with pytest.raises(UsageError) as refused:
        Settings.load({**ALL, "REDIS_URL": url})

    told = "REDIS_URL is no address of Redis; write it as redis://:PASSWORD@HOST:6379/0"
    assert str(refused.value) == told


@pytest.mark.parametrize("option", ["socket_timeout=canary", "foo=1", "protocol=9"])
def test_an_option_of_redis_that_cannot_be_one_is_a_wrong_setting_too(option):
    with pytest.raises(UsageError, match="REDIS_URL has options that redis-py does not take"):
        connect(f"redis://redis/0?{option}", EDGE)


@pytest.mark.parametrize("value", ["user:canary@proxy:3128", "http://user:canary@proxy:99999"])
def test_a_wrong_address_that_may_hold_a_password_is_not_shown(value):
    with pytest.raises(UsageError, match="LEADLINE_ENGINE_PROXY is no address of HTTP") as refused:
        Settings.load({**ALL, "LEADLINE_ENGINE_PROXY": value})
    assert "canary" not in str(refused.value)


def test_the_password_of_a_proxy_is_known_to_the_log_and_not_shown():
    made = Settings.load({**ALL, "LEADLINE_ENGINE_PROXY": "http://user:can%40ry@proxy:3128"})

    assert {"can%40ry", "can@ry"} <= {*made.secrets}
    assert "can%40ry" not in repr(made)


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "GITHUB_TOKEN"])
def test_a_token_is_one_line_without_the_blanks_around_it(name):
    made = Settings.load({**ALL, name: f" {ALL[name]}\n"})
    assert ALL[name] in made.secrets

    with pytest.raises(UsageError, match=f"{name} holds what no token holds") as refused:
        Settings.load({**ALL, name: "canary\n2"})
    assert "canary" not in str(refused.value)


def test_blank_values_are_missing():
    with pytest.raises(UsageError, match="settings missing: SLACK_BOT_TOKEN, REDIS_URL; set"):
        Settings.load({**ALL, "SLACK_BOT_TOKEN": "  ", "REDIS_URL": "\t"})


def test_all_faults_are_told_at_once_missing_and_wrong_a_line_each():
    given = {"SLACK_BOT_TOKEN": "x", "REDIS_URL": "foo", "LEADLINE_PORT": "x", "GITHUB_TOKEN": "x",
             "LEADLINE_LOG_FORMAT": "xml", "LEADLINE_GITOPS_REPOSITORY": "gitops"}  # fmt: skip
    with pytest.raises(UsageError) as refused:
        Settings.load(given)

    assert str(refused.value).splitlines() == [
        "settings missing: SLACK_SIGNING_SECRET; set them in the environment",
        "LEADLINE_PORT is 'x'; write a number from 0 to 65535",
        "LEADLINE_GITOPS_REPOSITORY is 'gitops'; write it as owner/name",
        "REDIS_URL is no address of Redis; write it as redis://:PASSWORD@HOST:6379/0",
        "LEADLINE_LOG_FORMAT is 'xml'; write text or json",
    ]


def test_a_log_format_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="LEADLINE_PLAIN_WORDS is 'yes'; write true or false"):
        Settings.load({**ALL, "LEADLINE_PLAIN_WORDS": "yes"})
    with pytest.raises(UsageError, match="LEADLINE_LOG_FORMAT is 'xml'; write text or json"):
        Settings.load({**ALL, "LEADLINE_LOG_FORMAT": "xml"})


def test_the_port_for_probes_is_8080_and_a_free_one_beside_a_sandbox():
    assert Settings.load(ALL).process.port == 8080
    beside = {**ALL, "LEADLINE_SANDBOX_URL": "http://127.0.0.1:1"}
    assert Settings.load(beside).process.port == 0
