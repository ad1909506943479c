"""What the GitHub tests share: a served repository, and the real PyGithub's client."""

import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from github import Auth, Github, GithubException, InputGitTreeElement

from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.github.host import GitHub
from sandbox.github.limits import Limits
from sandbox.github.site import Account, Place
from sandbox.journal import Journal
from sandbox.serving import serving

BOT, ALICE, BOB = "ghs_bot", "ghp_alice", "ghp_bob"
ACCOUNTS = {
    BOT: Account("leadline", is_bot=True),
    ALICE: Account("alice"),
    BOB: Account("bob"),
}
SEED = {"README.md": "# gitops\n", "overlays/prod/old/llm.yaml": "name: old\n"}
BRANCH = "llm/prod/qwen"


class Hub:
    """A GitHub, its server and PyGithub clients."""

    def __init__(self, folder, limits=None, app=None, methods=("merge",)):
        self.path = folder / "gitops.git"
        self.time = Time(rate=0, start=datetime(2026, 11, 24, 20, tzinfo=UTC))
        self.journal = Journal()
        self.faults = Faults()
        self.limits = limits or Limits(hourly=5000)
        place = Place(self.path, merge_methods=methods)
        self.github = GitHub(self.time, self.journal, place, ACCOUNTS, self.limits, app)
        self.first = self.github.seed(SEED)

    @contextmanager
    def served(self):
        with serving(self.github.world(), self.faults) as server:
            self.url = server.url
            self.clients = []
            yield self
            for client in self.clients:
                client.close()

    def repository(self, token=BOT, name="acme/gitops"):
        client = Github(
            base_url=self.url,
            auth=Auth.Token(token),
            lazy=True,
            seconds_between_requests=0,
            seconds_between_writes=0,
            retry=None,
        )
        self.clients.append(client)
        return client.get_repo(name)

    def heard(self, call):
        return [e.detail for e in self.journal.entries() if e.call == call]

    def git(self, *words):
        done = subprocess.run(
            ["git", f"--git-dir={self.path}", *words], capture_output=True, check=True, text=True
        )
        return done.stdout.strip()


def text(path, content):
    return InputGitTreeElement(path, "100644", "blob", content=content)


def gone(path):
    return InputGitTreeElement(path, "100644", "blob", sha=None)


def commit_on(repository, *elements, branch=BRANCH, message="Deploy qwen."):
    """Put files on a new branch as the product does: tree, commit, ref."""
    base = repository.get_commit("main")
    tree = repository.create_git_tree(list(elements), base.commit.tree)
    commit = repository.create_git_commit(message, tree, [base.commit])
    repository.create_git_ref(f"refs/heads/{branch}", commit.sha)
    return commit


def open_pull(repository, branch=BRANCH, **more):
    given = {"title": "Deploy qwen", "body": "by alice", "base": "main", "head": branch}
    return repository.create_pull(**given | more)


def proposed(hub, path="overlays/prod/qwen/llm.yaml", branch=BRANCH):
    repository = hub.repository()
    commit_on(repository, text(path, "name: qwen\n"), branch=branch)
    return open_pull(repository, branch)


def ref_of(repository, name):
    """Read a ref. A lazy one has the wrong URL for `edit` and `delete` until it is read."""
    ref = repository.get_git_ref(name)
    ref.complete()
    return ref


def refusal(act):
    with pytest.raises(GithubException) as caught:
        act()
    return caught.value
