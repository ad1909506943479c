"""Signing in as a GitHub App: its installation, tokens that end, keys that are wrong."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gitops.errors import ForgeUnavailableError, UsageError
from gitops.forge import Outcome
from gitops.settings import AppSettings
from sandbox.faults import Fault
from sandbox.github.apps import LIFETIME, App
from sandbox.github.troubles import Trouble
from tests.adapters.test_forge_bench import BRANCH, Stage

INSTALLATION = "GET installation"
TOKEN = r"POST /app/installations/77/access_tokens"


def private(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public(key):
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def stage(tmp_path, key):
    with Stage(tmp_path, app=App(5, "leadline", public(key), 77)).served() as made:
        yield made


@pytest.fixture
def signed_in(key):
    return AppSettings("5", private(key))


def test_an_app_finds_its_installation_and_proposes_as_itself(stage, signed_in):
    forge = stage.forge(app=signed_in)

    done = stage.propose(forge=forge)

    assert (done.outcome, done.pull.author) == (Outcome.OPENED, "leadline[bot]")
    sign_in = [call for call in stage.calls() if "installation" in call]
    assert sign_in == [INSTALLATION, TOKEN]
    assert len(stage.calls()) - len(sign_in) == 8


def test_an_installation_that_is_given_is_not_asked_for(stage, key):
    forge = stage.forge(app=AppSettings("5", private(key), 77))

    assert stage.propose(forge=forge).outcome is Outcome.OPENED
    assert INSTALLATION not in stage.calls()


def test_a_token_that_ended_is_exchanged_and_the_proposal_goes_on(stage, signed_in):
    forge = stage.forge(app=signed_in)
    forge.main()
    stage.time.advance(LIFETIME + 1)

    assert stage.propose(forge=forge).outcome is Outcome.OPENED
    assert stage.calls().count(TOKEN) == 2


@pytest.mark.parametrize("call", ["POST git/commits", "POST git/refs", "POST pulls"])
def test_a_token_that_ends_in_the_middle_is_exchanged_once(stage, signed_in, call):
    stage.github.arm(Trouble(call, "bad_credentials"))

    assert stage.propose(forge=stage.forge(app=signed_in)).outcome is Outcome.OPENED
    assert stage.calls().count(TOKEN) == 2
    assert (stage.branches(), len(stage.pulls())) == ([BRANCH], 1)
    assert stage.clock.slept in ([], [0.0])


def test_a_new_token_that_is_refused_too_is_an_error(stage, signed_in):
    stage.github.arm(Trouble("POST git/trees", "bad_credentials", times=99))

    with pytest.raises(ForgeUnavailableError, match="check GITHUB_APP_ID and the App's private"):
        stage.propose(forge=stage.forge(app=signed_in))

    assert stage.calls().count(TOKEN) == 2


def test_another_401_later_is_exchanged_again(stage, signed_in):
    forge = stage.forge(app=signed_in)
    stage.github.arm(Trouble("POST git/trees", "bad_credentials"))
    stage.github.arm(Trouble("GET branches/main", "bad_credentials", nth=3))

    stage.propose(forge=forge)
    forge.main()

    assert stage.calls().count(TOKEN) == 3


def test_signing_in_is_tried_again_when_the_server_is_sick(stage, signed_in):
    stage.faults.arm(Fault("github", TOKEN, "before", "refuse", status=503))

    assert stage.propose(forge=stage.forge(app=signed_in)).outcome is Outcome.OPENED


def test_a_key_of_another_app_is_said(stage):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    with pytest.raises(ForgeUnavailableError, match=r"401 .*; check GITHUB_APP_ID and the App's"):
        stage.forge(app=AppSettings("5", private(stranger))).main()


def test_a_repository_without_the_app_is_said(stage, signed_in):
    with pytest.raises(ForgeUnavailableError, match="404 Not Found; check LEADLINE_GITOPS_REPOS"):
        stage.forge(repository="acme/other", app=signed_in).main()


def test_a_key_that_is_none_is_said_without_showing_it(stage):
    broken = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"

    with pytest.raises(UsageError, match="the private key cannot be read") as refusal:
        stage.forge(app=AppSettings("5", broken)).main()

    assert "canary" not in str(refusal.value)
