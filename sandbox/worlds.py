"""All worlds of a sandbox together, wired as a team's own would be, in one directory."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from werkzeug.wrappers import Request, Response

from gitops import assets
from gitops.scaffold import read_bases, read_folder
from sandbox import acts
from sandbox.acting import Act
from sandbox.agent import FLAVOURS, Agent, Settings
from sandbox.clock import Time
from sandbox.cluster import Cluster, Speeds, Target
from sandbox.collaboration import Collaboration
from sandbox.control import Control
from sandbox.engine import Engine
from sandbox.faults import Faults, HungUp
from sandbox.forwarding import as_administrator, forwarded, unreachable
from sandbox.github.host import GitHub
from sandbox.github.site import Place
from sandbox.journal import Journal
from sandbox.people import (
    ACCOUNTS,
    ALICE,
    BOB,
    BOT_TOKEN,
    CHANNEL,
    CLUSTER_TOKENS,
    ENVIRONMENT,
    ROLES,
    TEAM,
)
from sandbox.redis import serving_redis
from sandbox.serving import World, answer, claim, serving
from sandbox.setup import Setup
from sandbox.slack.settings import AppSettings
from sandbox.slack.workspace import Workspace

__all__ = ["ALICE", "BOB", "CHANNEL", "Sandbox", "sandbox", "seed"]

_REPOSITORY = "acme/gitops"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: the worlds, what they share, and the settings that lead here.

    `addresses` says where everything listens, `environment` what Leadline reads; `acts` and
    `states` are what the control API and the stories use.
    """

    folder: Path
    time: Time
    journal: Journal
    faults: Faults
    slack: Workspace
    github: GitHub
    cluster: Cluster
    engine: Engine
    agent: Agent
    addresses: dict[str, str]
    environment: dict[str, str]
    acts: Mapping[str, Act]

    @property
    def repository(self) -> Path:
        """The bare repository."""
        return self.folder / "gitops.git"

    @property
    def states(self) -> Mapping[str, Callable[[], object]]:
        """What each world holds now, by its name."""
        return {
            "slack": self.slack.state,
            "github": self.github.state,
            "cluster": self.cluster.state,
            "engine": self.engine.state,
            "agent": self.agent.state,
        }

    def type(self, text: str, user: str = ALICE, channel: str = CHANNEL) -> dict[str, object]:
        """Let a person type `/llm TEXT` in a channel."""
        url = f"{self.addresses['leadline']}/slack/events"
        return dict(self.slack.deliver_command(url, text, user, channel).as_json())

    def merge(self, number: int, login: str = "bob") -> str:
        """Let a person merge a pull request; return the revision of main."""
        return self.github.merge(number, login)

    def close(self, number: int, login: str = "bob") -> None:
        """Let a person close a pull request without merging it."""
        self.github.close(number, login)


@contextlib.contextmanager
def sandbox(
    folder: Path, rate: float = 1.0, speeds: Speeds | None = None, setup: Setup | None = None
) -> Iterator[Sandbox]:
    """Run a sandbox in a directory; `rate` is how many of its seconds pass in a real one.

    Raises:
        UsageError: a port is taken, or the setup asks for what there is not.
    """
    wanted = setup or Setup()
    made = _make(folder, wanted.time(rate), speeds, wanted)
    with contextlib.ExitStack() as stack:
        _serve(made, wanted, stack)
        _connect(made, wanted, stack)
        _furnish(made)
        yield made


def _make(folder: Path, time: Time, speeds: Speeds | None, wanted: Setup) -> Sandbox:
    """Return the worlds; nothing listens yet, and their addresses are free ports."""
    journal, faults = Journal(), Faults()
    port = claim(wanted.port_of("cluster"))
    slack = Workspace(time, journal, TEAM)
    github = GitHub(time, journal, Place(folder / "gitops.git"), ACCOUNTS)

    def forward(target: Target, request: Request) -> Response:
        try:
            return answer(engine.world(), faults, forwarded(target, request))
        except HungUp as error:
            raise unreachable(target) from error

    cluster = Cluster(
        time, journal, tokens=CLUSTER_TOKENS, nodes=wanted.machines(), speeds=speeds,
        quirks=wanted.quirks(), pace=wanted.pace(), forward=forward,
    )  # fmt: skip
    engine = Engine(time, journal, cluster)
    url = f"http://127.0.0.1:{port}"
    agent = Agent(
        time, journal, folder / "gitops.git", "main", url, "agent",
        settings=Settings(FLAVOURS[wanted.agent]),
    )  # fmt: skip
    table: dict[str, Act] = {}
    made = Sandbox(
        folder, time, journal, faults, slack, github, cluster, engine, agent,
        {"cluster": url}, dict(_FIXED), table,
    )  # fmt: skip
    table.update(_acts(made))
    return made


def _acts(made: Sandbox) -> Mapping[str, Act]:
    """Return all acts; a world that lacks one of them is an error here."""
    return {
        **acts.on_slack(made.slack),
        **acts.on_github(made.github, Collaboration(made.github, _REPOSITORY)),
        **acts.on_cluster(made.cluster),
        **acts.on_engines(made.engine),
        **acts.on_agent(made.agent),
    }


def _serve(made: Sandbox, wanted: Setup, stack: contextlib.ExitStack) -> None:
    """Start every server and write down where it listens."""
    cluster, places = made.cluster.world(), made.addresses
    worlds = {
        "cluster": cluster,  # first: its port was only free a moment ago
        "slack": made.slack.world(),
        "github": made.github.world(),
        "admin": World("cluster", cluster.call_of, as_administrator(cluster.answer)),
        "engine": made.engine.world(),
    }
    known = {"cluster": int(places["cluster"].rpartition(":")[2])}
    for name, world in worlds.items():
        port = known.get(name, wanted.port_of(name))
        places[name] = stack.enter_context(serving(world, made.faults, port)).url
    redis_port = claim(wanted.port_of("redis"))
    places["redis"] = wanted.redis or stack.enter_context(serving_redis(redis_port))
    places["leadline"] = f"http://127.0.0.1:{claim(wanted.port_of('leadline'))}"
    about = {"folder": str(made.folder), "addresses": places}
    control = Control(made.time, made.journal, made.faults, made.states, made.acts, about)
    port = wanted.port_of("control")
    places["control"] = stack.enter_context(serving(control.world(), made.faults, port)).url


def _connect(made: Sandbox, wanted: Setup, stack: contextlib.ExitStack) -> None:
    """Tell the worlds each other's addresses, and let them begin."""
    places = made.addresses
    made.github.address = places["github"]
    made.slack.base_url = places["slack"]
    url = f"{places['leadline']}/slack/events"
    made.slack.configure(AppSettings(url, events=frozenset({"app_mention"})))
    made.slack.start(claim(wanted.port_of("socket")))
    stack.callback(made.slack.stop)
    made.cluster.start()
    stack.callback(made.cluster.stop)
    made.github.on_push.append(made.agent.pushed)
    made.agent.sync(made.github.seed(seed(), "Begin."))
    made.cluster.listen(made.agent.noticed)
    made.agent.start()
    stack.callback(made.agent.stop)


def _furnish(made: Sandbox) -> None:
    """Write the kubeconfigs and say what Leadline reads."""
    places = made.addresses
    for name, server, user in (("", "cluster", "leadline"), ("-admin", "admin", "admin")):
        file = made.folder / f"kubeconfig{name}"
        file.write_text(made.cluster.kubeconfig(places[server], user), encoding="utf-8")
    made.environment.update(
        SLACK_API_URL=f"{places['slack']}/api/",
        GITHUB_API_URL=places["github"],
        REDIS_URL=places["redis"],
        KUBECONFIG=str(made.folder / "kubeconfig"),
        LEADLINE_ENGINE_PROXY=places["engine"],
        LEADLINE_PORT=places["leadline"].rpartition(":")[2],
        LEADLINE_SANDBOX_URL=places["control"],
    )


_FIXED = {
    "SLACK_BOT_TOKEN": TEAM.bot_token,
    "SLACK_SIGNING_SECRET": TEAM.signing_secret,
    "GITHUB_TOKEN": BOT_TOKEN,
    "LEADLINE_GITOPS_REPOSITORY": _REPOSITORY,
    "LEADLINE_HOST": "127.0.0.1",
    "LEADLINE_POLL_SECONDS": "5",
}


def seed() -> dict[str, str]:
    """Return the first commit of the GitOps repository: the bases and the storage, no model."""
    root = assets.root()
    found = {**read_bases(root), **read_folder(root, "overlays/example/storage")}
    return found | {"roles.yaml": ROLES, "overlays/example/environment.yaml": ENVIRONMENT}
