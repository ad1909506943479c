"""A new pull request at a round trip of 80 ms: Leadline's Forge beside PyGithub as it comes.

    python benchmarks/deploy.py

Both open a pull request with the same files on the sandbox's GitHub, each answer 80 ms late. The
naive way is that of PyGithub's own examples: a branch, `create_file` for each file, a pull request,
labels, with PyGithub's default pauses between requests, which are most of its time; a third row
leaves them out. Prints calls and wall seconds, the best of five runs; ends with 1 when the target
is missed.
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from github import Auth, Github
from werkzeug.wrappers import Request, Response

from gitops.assess import assess
from gitops.catalog import Catalog
from gitops.clock import SystemClock
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.github import GithubForge
from gitops.overlay import render
from gitops.plan import plan
from gitops.pull_request import Requested, Written, write_up
from gitops.request import DeployRequest
from gitops.resolve import resolve
from gitops.settings import ForgeSettings
from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.github.host import GitHub
from sandbox.github.site import Account, Place
from sandbox.journal import Journal
from sandbox.serving import World, serving

ROUND_TRIP = 0.080  # seconds
ROUNDS = 5
TARGET = 0.1  # of the naive way's wall time


def wanted() -> Written:
    """Write up a deployment of the guide's model."""
    environment, catalog = Environment(name="example"), Catalog.load()
    request = DeployRequest("qwen3-32b", Engine.SGLANG)
    made = plan(render(resolve(request, environment, catalog)), {})
    assessed = assess(made, {}, environment, catalog)
    return write_up(assessed, Requested("benchmark", "1"))


def leadline(url: str, written: Written) -> None:
    """Propose as the worker does: read the folder on main, then propose."""
    forge = GithubForge.connect(ForgeSettings("acme/gitops", "bot", url))
    main = forge.main()
    forge.files(written.plan.folder, main)
    forge.propose(written, main)


def naive(url: str, written: Written) -> None:
    """Propose as PyGithub's examples do."""
    _naive(Github(auth=Auth.Token("bot"), base_url=url), written)


def unpaused(url: str, written: Written) -> None:
    """Propose as PyGithub's examples do, without the pauses that it makes to please GitHub."""
    pauses = {"seconds_between_requests": 0, "seconds_between_writes": 0}
    _naive(Github(auth=Auth.Token("bot"), base_url=url, **pauses), written)


def _naive(hub: Github, written: Written) -> None:
    with hub as client:
        repository = client.get_repo("acme/gitops")
        branch = written.plan.branch
        repository.create_git_ref(f"refs/heads/{branch}", repository.get_branch("main").commit.sha)
        for change in written.plan.changes:
            repository.create_file(change.path, written.message, change.new or "", branch=branch)
        title, body = written.plan.title, written.body
        pull = repository.create_pull("main", branch, title=title, body=body)
        pull.add_to_labels(*written.labels)


def measure(propose: Callable[[str, Written], None], written: Written) -> tuple[int, float]:
    """Return calls and wall seconds of one proposal on a fresh GitHub."""
    with tempfile.TemporaryDirectory() as folder:
        hub = GitHub(Time(), Journal(), Place(Path(folder) / "r.git"), {"bot": Account("b[bot]")})
        hub.seed({"README.md": "Ours.\n"})
        calls = itertools.count()

        def late(request: Request) -> Response:
            next(calls)
            SystemClock().sleep(ROUND_TRIP)
            return hub.answer(request)

        world = hub.world()
        with serving(World(world.name, world.call_of, late), Faults()) as server:
            start = time.perf_counter()
            propose(server.url, written)
            return next(calls), time.perf_counter() - start


def main() -> int:
    """Measure all in turn and print the best of each."""
    written = wanted()
    found = {}
    for propose in (leadline, naive, unpaused):
        rounds = [measure(propose, written) for _ in range(ROUNDS)]
        found[propose.__name__] = best = min(rounds, key=lambda each: each[1])
        print(f"{propose.__name__:9} {best[0]:3} calls {best[1]:6.2f} s")
    ratio = found["leadline"][1] / found["naive"][1]
    print(f"ratio     {ratio:.3f} (target {TARGET})")
    print(f"unpaused  {found['leadline'][1] / found['unpaused'][1]:.3f} (no target)")
    return int(ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
