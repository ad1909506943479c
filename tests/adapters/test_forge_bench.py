"""What the tests of the Forge port share: a GitHub on real sockets, and requests written up."""

import contextlib
import dataclasses
import functools
from datetime import UTC, datetime

from gitops.assess import Assessment
from gitops.catalog import Catalog
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.forge import Revision
from gitops.github import GithubForge
from gitops.github.budget import ContentBudget
from gitops.impact import impact
from gitops.overlay import render
from gitops.plan import plan, plan_removal
from gitops.pull_request import Requested, write_up
from gitops.request import Changes, DeployRequest
from gitops.resolve import resolve
from gitops.settings import ForgeSettings
from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.github.host import GitHub
from sandbox.github.site import Account, Place
from sandbox.journal import Journal
from sandbox.serving import serving

BRANCH = "llm/example/qwen3-32b-sglang"
FOLDER = "overlays/example/qwen3-32b-sglang"
ACCOUNTS = {"bot": Account("leadline[bot]", is_bot=True), "bob": Account("bob")}
ALICE = Requested("slack:UALICE", "k1")
ALICE_AGAIN = Requested("slack:UALICE", "k2")
BOB = Requested("slack:UBOB", "k3")


class FastClock:
    """A clock for what waits: a sleep takes no time, and moves the server's time along."""

    def __init__(self, time):
        self.time, self.slept = time, []

    def now(self):
        return self.time.now()

    def monotonic(self):
        return self.time.monotonic()

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time.advance(seconds)


class Stage:
    """A GitHub with one commit, and the means to look into it."""

    def __init__(self, folder, limits=None, app=None, methods=("merge",)):
        self.path = folder / "r.git"
        self.time = Time(rate=0, start=datetime(2026, 11, 24, 20, tzinfo=UTC))
        self.clock = FastClock(self.time)
        self.journal, self.faults = Journal(), Faults()
        place = Place(self.path, merge_methods=methods)
        self.github = GitHub(self.time, self.journal, place, ACCOUNTS, limits, app)
        self.github.seed({"README.md": "Ours.\n"})
        self.budget = ContentBudget(self.clock)

    @contextlib.contextmanager
    def served(self):
        with serving(self.github.world(), self.faults) as server:
            self.url = server.url
            yield self

    def settings(self, token="bot", repository="acme/gitops", app=None):  # noqa: S107 - opens a test server
        return ForgeSettings(repository, token, self.url, app=app)

    def forge(self, token="bot", repository="acme/gitops", app=None, timeout=10):  # noqa: S107 - opens a test server
        settings = self.settings(token, repository, app)
        return GithubForge.connect(settings, self.clock, self.budget, timeout)

    def propose(self, requested=ALICE, forge=None, **words):
        """Ask as a fresh process would: read main, plan on it, propose."""
        forge = forge or self.forge()
        main = forge.main()
        return forge.propose(written(forge.files(FOLDER, main), requested, **words), main)

    def calls(self, since=0):
        """Return the calls that GitHub got, without what people did."""
        entries = [entry for entry in self.journal.entries() if entry.world == "github"]
        return [e.call for e in entries if "sent" in e.detail or e.call.startswith("GET")][since:]

    def writes(self, since=0):
        return [call for call in self.calls(since) if not call.startswith("GET")]

    def pulls(self):
        return self.github.state()["pulls"]

    def branches(self):
        return [name for name in self.github.state()["branches"] if name != "main"]

    def head(self, branch=BRANCH):
        return self.github.state()["branches"][branch]

    def folder(self, revision, folder=FOLDER):
        """Return the files below a folder at a branch or commit."""
        repository = self.github._site.repository
        entries = repository.files(repository.tree_of(revision))
        paths = [entry.path for entry in entries if entry.path.startswith(f"{folder}/")]
        return {path: self.github.read(revision, path).decode() for path in paths}

    def commit(self, sha):
        return self.github._site.repository.commit(sha)


@functools.cache
def catalog():
    return Catalog.load()


def deployment(**words):
    request = DeployRequest("qwen3-32b", Engine.SGLANG, changes=Changes(**words))
    return resolve(request, Environment(name="example"), catalog())


def planned(current=None, **words):
    return plan(render(deployment(**words)), current or {})


def written(current=None, requested=ALICE, **words):
    return written_up(planned(current, **words), requested)


def removal(current, requested=ALICE):
    return written_up(plan_removal(deployment(), current), requested)


def written_up(changed, requested):
    """Write a plan up without building it: what GitHub keeps of it does not depend on that."""
    found = dataclasses.replace(impact(None, None, None), gpus_after=changed.deployment.gpus)
    assessed = Assessment(changed, Environment(name="example"), found, (), (), None)
    return write_up(assessed, requested)


def test_a_revision_names_a_commit_and_its_tree(tmp_path):
    with Stage(tmp_path).served() as stage:
        main = stage.forge().main()

        assert main == Revision(stage.head("main"), stage.commit(stage.head("main")).tree)
