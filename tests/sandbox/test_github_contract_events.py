"""What GitHub documents of webhooks and Apps, asked of our server and, unchanged, of emulators."""

import hashlib
import hmac
import json
import queue
import re
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.wrappers import Response

from sandbox.faults import Faults
from sandbox.serving import World, serving
from tests.counterparts.github import private_key
from tests.sandbox.test_github_contract_bench import branched, opened, refusal, said

# -- webhooks --------------------------------------------------------------------------------------


@pytest.fixture
def hooked(host):
    got = queue.Queue()

    def take(request):
        got.put((request.headers, request.get_data()))
        return Response("", 202)

    with serving(World("receiver", lambda request: request.path, take), Faults()) as server:
        config = {"url": f"{server.url}/", "content_type": "json", "secret": "s3cret"}
        sent = {"name": "web", "active": True, "events": ["*"], "config": config}
        made = host.call("hooks", "POST", sent=sent)
        assert made.status_code == 201
        yield got
        host.call(f"hooks/{made.json()['id']}", "DELETE")


def until(got, event):
    while True:
        headers, body = got.get(timeout=5)
        if headers["X-GitHub-Event"] == event:
            return headers, body


def test_a_webhook_is_signed(host, hooked):
    opened(host)
    headers, body = until(hooked, "pull_request")
    digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()

    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"


def test_a_webhook_says_what_happened(host, hooked):
    pull = opened(host)
    told = json.loads(until(hooked, "pull_request")[1])

    assert (told["action"], told.get("number")) == ("opened", pull.number)
    assert told["repository"]["full_name"] == host.repository
    assert told["sender"]["login"] == "octobot"


def test_a_webhook_has_a_guid(host, hooked):
    opened(host)
    headers, _ = until(hooked, "pull_request")

    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["X-GitHub-Delivery"])


def test_a_push_through_the_api_is_told(host, hooked):
    name = branched(host)
    _, body = until(hooked, "push")

    assert json.loads(body)["ref"] == f"refs/heads/{name}"


def test_a_hook_that_was_removed_is_gone(host, hooked):
    (hook,) = host.repo().get_hooks()
    hook.delete()

    assert list(host.repo().get_hooks()) == []
    assert host.call(f"hooks/{hook.id}", "DELETE").status_code == 404


# -- Apps ------------------------------------------------------------------------------------------


def test_an_app_finds_itself_and_where_it_is_installed(host):
    app, (owner, name) = host.as_app(), host.repository.split("/")

    assert app.get_app().slug == host.app.slug
    assert app.get_repo_installation(owner, name).id == host.app.installation
    assert [one.id for one in app.get_installations()] == [host.app.installation]
    assert app.get_app_installation(host.app.installation).app_id == host.app.id


def test_an_app_signs_in_with_its_own_key_only(host):
    found = refusal(host.as_app(private_key()).get_app)

    assert said(found) == (401, "A JSON web token could not be decoded")


def test_an_app_has_no_token_where_it_is_not_installed(host):
    assert refusal(lambda: host.as_app().get_access_token(1)).status == 404


def test_an_installation_token_lasts_an_hour(host):
    left = host.as_app().get_access_token(host.app.installation).expires_at - datetime.now(UTC)

    assert timedelta(minutes=59) < left <= timedelta(minutes=60, seconds=1)


def test_an_installation_token_reads_the_repository(host):
    token = host.as_app().get_access_token(host.app.installation).token

    assert host.repo(token).get_branch("main").name == "main"


def test_an_installation_token_may_what_the_installation_may(host):
    given = host.as_app().get_access_token(host.app.installation)
    pull = host.repo(given.token).create_pull("main", branched(host), title="Deploy", body="x")

    assert given.permissions["pull_requests"] == "write"
    assert (pull.user.login, pull.user.type) == ("leadline[bot]", "Bot")


def test_an_installation_token_may_only_what_it_was_given(host):
    app, asked = host.as_app(), {"contents": "read"}
    token = app.get_access_token(host.app.installation, permissions=asked).token
    main = host.repo().get_branch("main").commit.sha
    found = refusal(lambda: host.repo(token).create_git_ref("refs/heads/x", main))

    assert said(found) == (403, "Resource not accessible by integration")


def test_an_app_gives_no_token_more_than_its_installation_has(host):
    app, asked = host.as_app(), {"actions": "write"}
    found = refusal(lambda: app.get_access_token(host.app.installation, permissions=asked))

    assert found.status == 422
