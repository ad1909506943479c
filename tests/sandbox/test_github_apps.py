"""The sandbox's GitHub: Apps sign in with a key and act with tokens of an hour."""

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from github import Auth, Github, GithubIntegration

from sandbox.github.apps import App
from sandbox.github.jwt import PublicKey
from sandbox.github.troubles import Trouble
from tests.sandbox.test_github_bench import (
    ALICE,
    Hub,
    commit_on,
    open_pull,
    refusal,
    text,
)

INSTALLATION = 77


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public(key, form=serialization.PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.fixture
def hub(tmp_path, key):
    app = App(5, "leadline", public(key), INSTALLATION)
    with Hub(tmp_path, app=app).served() as found:
        yield found


@pytest.fixture
def app(hub, key):
    signed_in = Auth.AppAuth(5, private(key))
    with GithubIntegration(
        auth=signed_in, base_url=hub.url, seconds_between_requests=0, seconds_between_writes=0
    ) as client:
        yield client


def acting(hub, token):
    client = Github(
        auth=Auth.Token(token), base_url=hub.url, lazy=True, retry=None,
        seconds_between_requests=0, seconds_between_writes=0,
    )  # fmt: skip
    hub.clients.append(client)
    return client.get_repo("acme/gitops")


def signed(key, **claims):
    now = int(time.time())
    return jwt.encode({"iat": now - 60, "exp": now + 300, "iss": "5"} | claims, key, "RS256")


def ask(hub, token, path="/app", method="GET"):
    return requests.request(
        method, hub.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=5
    )


def test_an_app_finds_itself_and_its_installation(hub, app):
    assert app.get_app().slug == "leadline"
    assert app.get_repo_installation("acme", "gitops").id == INSTALLATION
    assert [one.id for one in app.get_installations()] == [INSTALLATION]
    assert app.get_app_installation(INSTALLATION).app_id == 5
    assert refusal(lambda: app.get_app_installation(1)).status == 404


def test_an_installation_token_proposes_as_the_bot(hub, app):
    given = app.get_access_token(INSTALLATION)
    repository = acting(hub, given.token)
    commit_on(repository, text("a.txt", "a"))
    pull = open_pull(repository)

    assert pull.user.login == "leadline[bot]"
    assert pull.user.type == "Bot"
    assert given.permissions["contents"] == "write"


def test_pygithub_gets_itself_a_token(hub, key, app):
    auth = Auth.AppAuth(5, private(key)).get_installation_auth(INSTALLATION)
    with Github(auth=auth, base_url=hub.url, seconds_between_requests=0) as client:
        assert client.get_repo("acme/gitops").full_name == "acme/gitops"
        assert client.get_repo("acme/gitops").get_branch("main").name == "main"

    # PyGithub compares expiry with the machine's clock, whatever the sandbox's says.
    assert len(hub.heard(f"POST /app/installations/{INSTALLATION}/access_tokens")) == 1


def test_a_token_says_that_it_ends_in_an_hour_of_the_machine(hub, app):
    left = app.get_access_token(INSTALLATION).expires_at - datetime.now(UTC)

    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_a_token_ends_after_an_hour(hub, app):
    repository = acting(hub, app.get_access_token(INSTALLATION).token)
    hub.time.advance(3599)
    assert repository.get_branch("main").name == "main"
    hub.time.advance(1)
    found = refusal(lambda: repository.get_branch("main"))

    assert (found.status, found.data["message"]) == (401, "Bad credentials")
    again = acting(hub, app.get_access_token(INSTALLATION).token)
    assert again.get_branch("main").name == "main"


@pytest.mark.parametrize(
    ("granted", "act"),
    [
        ({"contents": "read"}, lambda r: commit_on(r, text("a", "a"))),
        ({"contents": "write"}, open_pull),
        ({"pull_requests": "write"}, lambda r: r.get_contents("README.md")),
        ({"contents": "write"}, lambda r: r.get_commit("main").create_status("success")),
        ({"pull_requests": "write"}, lambda r: r.get_pull(1).merge()),
        ({"contents": "read"}, lambda r: r.get_pull(1).create_issue_comment("x")),
    ],
)
def test_a_token_may_only_what_it_was_given(hub, app, granted, act):
    commit_on(hub.repository(ALICE), text("z", "z"))
    open_pull(hub.repository(ALICE))
    token = app.get_access_token(INSTALLATION, permissions=granted).token
    found = refusal(lambda: act(acting(hub, token)))

    assert found.status == 403
    assert found.data["message"] == "Resource not accessible by integration"
    assert "x-accepted-github-permissions" in found.headers


def test_github_may_be_in_trouble_when_a_token_is_asked_for(hub, app):
    call = f"POST /app/installations/{INSTALLATION}/access_tokens"
    hub.github.arm(Trouble(call, "server_error"))

    assert refusal(lambda: app.get_access_token(INSTALLATION)).status == 500
    assert app.get_access_token(INSTALLATION).token


def test_an_app_is_not_given_more_than_its_installation_has(hub, app):
    found = refusal(lambda: app.get_access_token(INSTALLATION, permissions={"actions": "write"}))
    assert found.status == 422
    found = refusal(lambda: app.get_access_token(1))
    assert found.status == 404


@pytest.mark.parametrize(
    ("claims", "status", "message"),
    [
        ({"exp": 1}, 401, "'Expiration time' claim ('exp') must be a numeric value"),
        ({"exp": 2**40}, 401, "'Expiration time' claim ('exp') is too far in the future"),
        ({"iat": 2**40}, 401, "'Issued at' claim ('iat') must be an Integer"),
        ({"iss": "6"}, 404, "Integration not found"),
    ],
)
def test_a_jwt_that_github_would_refuse_is_refused(hub, key, claims, status, message):
    answer = ask(hub, signed(key, **claims))

    assert answer.status_code == status
    assert answer.json()["message"].startswith(message)


def test_a_jwt_of_another_key_or_none_is_not_decoded(hub, key):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    head, body, _ = signed(key).split(".")
    unsigned = jwt.encode({"iss": "5", "iat": 1, "exp": 2**33}, None, "none")
    for token in (signed(other), f"{head}.{body}.", unsigned, "x", "a.b.c", ALICE):
        answer = ask(hub, token)
        assert answer.status_code == 401
        assert answer.json()["message"] == "A JSON web token could not be decoded"


def test_a_token_does_not_open_the_apps_own_calls_nor_a_jwt_the_others(hub, key):
    assert ask(hub, ALICE).status_code == 401
    assert ask(hub, signed(key), "/repos/acme/gitops").status_code == 401


def test_both_forms_of_a_public_key_are_read(key):
    numbers = key.public_key().public_numbers()
    for form in (
        serialization.PublicFormat.SubjectPublicKeyInfo,
        serialization.PublicFormat.PKCS1,
    ):
        assert PublicKey.read(public(key, form)) == PublicKey(numbers.n, numbers.e)


def test_git_takes_the_token_too(hub, app):
    given = app.get_access_token(INSTALLATION, permissions={"contents": "read"}).token
    path = "/acme/gitops.git/info/refs"
    pull = requests.get(
        f"{hub.url}{path}?service=git-upload-pack", auth=("x-access-token", given), timeout=5
    )
    push = requests.get(
        f"{hub.url}{path}?service=git-receive-pack", auth=("x-access-token", given), timeout=5
    )

    assert (pull.status_code, push.status_code) == (200, 403)
