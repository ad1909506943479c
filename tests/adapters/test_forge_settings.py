"""Settings of the Git host: all that is missing at once, and no secret where it can be read."""

import pytest

from bot.settings import Settings
from gitops.errors import UsageError
from gitops.settings import AppSettings, ForgeSettings, forge_settings

TOKEN = {"GITHUB_TOKEN": "canary", "LEADLINE_GITOPS_REPOSITORY": "acme/gitops"}
PEM = "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\n"
APP = {
    "GITHUB_APP_ID": "5",
    "GITHUB_APP_PRIVATE_KEY": PEM,
    "LEADLINE_GITOPS_REPOSITORY": "acme/gitops",
}


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "GITHUB_TOKEN, LEADLINE_GITOPS_REPOSITORY"),
        ({"GITHUB_TOKEN": "x"}, "LEADLINE_GITOPS_REPOSITORY"),
        ({"GITHUB_APP_ID": "5"}, "GITHUB_APP_PRIVATE_KEY, LEADLINE_GITOPS_REPOSITORY"),
        ({"GITHUB_APP_PRIVATE_KEY": PEM}, "GITHUB_APP_ID, LEADLINE_GITOPS_REPOSITORY"),
        ({"GITHUB_APP_PRIVATE_KEY_FILE": "k"}, "GITHUB_APP_ID, LEADLINE_GITOPS_REPOSITORY"),
        (APP | {"GITHUB_APP_ID": ""}, "GITHUB_APP_ID"),
    ],
)
def test_everything_that_is_missing_is_named_at_once(given, missing):
    with pytest.raises(UsageError) as refusal:
        forge_settings(given)

    told = str(refusal.value).splitlines()  # a file that is not there is a fault of its own
    assert told[0] == f"settings missing: {missing}; set them in the environment"


def test_a_token_is_enough():
    found = forge_settings(TOKEN)

    assert found == ForgeSettings("acme/gitops", "canary")
    assert (found.api_url, found.branch, found.app) == ("https://api.github.com", "main", None)


def test_another_address_and_branch_are_taken():
    given = {"GITHUB_API_URL": "https://git.example/api/v3/", "LEADLINE_GITOPS_BRANCH": "live"}

    found = forge_settings(TOKEN | given)

    assert (found.api_url, found.branch) == ("https://git.example/api/v3", "live")


def test_an_app_is_read_from_the_environment():
    found = forge_settings(APP | {"GITHUB_APP_INSTALLATION_ID": "77"})

    assert found.app == AppSettings("5", PEM, 77)


def test_a_key_may_have_escaped_line_breaks():
    found = forge_settings(APP | {"GITHUB_APP_PRIVATE_KEY": PEM.replace("\n", "\\n")})

    assert found.app == AppSettings("5", PEM)


def test_a_key_may_lie_in_a_file(tmp_path):
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    given = APP | {"GITHUB_APP_PRIVATE_KEY": "", "GITHUB_APP_PRIVATE_KEY_FILE": str(file)}

    assert forge_settings(given).app == AppSettings("5", PEM)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (APP | {"GITHUB_APP_PRIVATE_KEY_FILE": "/no/such"}, "/no/such cannot be read"),
        (APP | {"GITHUB_APP_PRIVATE_KEY": "canary"}, "holds no private key in PEM"),
        (APP | {"GITHUB_APP_INSTALLATION_ID": "seven"}, "write its number"),
        (APP | {"LEADLINE_GITOPS_REPOSITORY": "gitops"}, "write it as owner/name"),
        (TOKEN | {"LEADLINE_GITOPS_REPOSITORY": "a/b/c"}, "write it as owner/name"),
        (TOKEN | {"GITHUB_API_URL": "git.example"}, "write it as https://"),
    ],
)
def test_a_value_that_cannot_be_one_is_refused_without_showing_a_secret(given, reason):
    with pytest.raises(UsageError, match=reason) as refusal:
        forge_settings(given)

    assert "canary" not in str(refusal.value)


def test_the_bot_needs_no_token_where_there_is_an_app():
    more = {"SLACK_BOT_TOKEN": "x", "SLACK_SIGNING_SECRET": "x", "REDIS_URL": "redis://x"}

    assert Settings.load(APP | more).forge.app == AppSettings("5", PEM)
    with pytest.raises(UsageError, match="missing: GITHUB_APP_PRIVATE_KEY; set"):
        Settings.load(APP | more | {"GITHUB_APP_PRIVATE_KEY": ""})


@pytest.mark.parametrize("given", [TOKEN, APP])
def test_no_secret_is_shown(given):
    assert "canary" not in repr(forge_settings(given))
