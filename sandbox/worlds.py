"""All worlds of a sandbox together, wired as a team's own would be, in one directory."""

import contextlib
import dataclasses
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gitops import assets
from sandbox.agent import Agent
from sandbox.clock import Time
from sandbox.cluster import Cluster, Speeds
from sandbox.control import Control
from sandbox.engine import Engine
from sandbox.faults import Faults
from sandbox.github.host import GitHub
from sandbox.github.site import Account, Place
from sandbox.journal import Journal
from sandbox.redis import serving_redis
from sandbox.serving import World, serving
from sandbox.slack.records import Channel, Team
from sandbox.slack.workspace import Workspace

ALICE = "U0ALICE"
BOB = "U0BOB"
CHANNEL = "C0MLSERVING"

_TEAM = Team(
    bot_token="xoxb-sandbox",  # noqa: S106 - opens nothing but this sandbox
    signing_secret="sandbox-signing-secret",  # noqa: S106 - as above
    people={ALICE: "alice", BOB: "bob"},
    channels={CHANNEL: Channel("ml-serving")},
)
_ACCOUNTS = {
    "ghs_sandbox": Account("leadline[bot]", is_bot=True),
    "ghp_bob": Account("bob"),
}
_CLUSTER_TOKENS: Mapping[str, Literal["read", "write"]] = {
    "leadline": "read",
    "agent": "write",
    "": "read",  # kubectl sends no token over plain HTTP
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: the worlds, what they share, and the settings that lead here."""

    time: Time
    journal: Journal
    faults: Faults
    slack: Workspace
    github: GitHub
    cluster: Cluster
    engine: Engine
    agent: Agent
    repository: Path
    environment: Mapping[str, str]

    def type(self, text: str, user: str = ALICE, channel: str = CHANNEL) -> dict[str, object]:
        """Let a person type `/llm TEXT` in a channel."""
        url = f"http://127.0.0.1:{self.environment['LEADLINE_PORT']}/slack/events"
        return dict(self.slack.deliver_command(url, text, user, channel).as_json())

    def merge(self, number: int, login: str = "bob") -> str:
        """Let a person merge a pull request; return the revision of main."""
        return self.github.merge(number, login)

    def close(self, number: int, login: str = "bob") -> None:
        """Let a person close a pull request without merging it."""
        self.github.close(number, login)


@contextlib.contextmanager
def sandbox(folder: Path, rate: float = 1.0, speeds: Speeds | None = None) -> Iterator[Sandbox]:
    """Run a sandbox in a directory; `rate` is how many of its seconds pass in a real one."""
    time, journal, faults = Time(rate), Journal(), Faults()
    with contextlib.ExitStack() as stack:

        def serve(world: World) -> str:
            return stack.enter_context(serving(world, faults)).url

        slack = Workspace(time, journal, _TEAM)
        github = GitHub(time, journal, Place(folder / "gitops.git"), _ACCOUNTS)
        cluster = Cluster(time, journal, tokens=_CLUSTER_TOKENS, speeds=speeds)
        engine = Engine(time, journal, cluster)
        slack.base_url = serve(slack.world())
        cluster_url = serve(cluster.world())
        cluster.start()
        stack.callback(cluster.stop)
        agent = Agent(time, journal, folder / "gitops.git", "main", cluster_url, "agent")
        github.on_push.append(agent.pushed)
        agent.sync(github.seed(_seed(), "Begin."))
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(cluster.kubeconfig(cluster_url, "leadline"), encoding="utf-8")
        urls = {
            "SLACK_API_URL": f"{slack.base_url}/api/",
            "GITHUB_API_URL": serve(github.world()),
            "REDIS_URL": stack.enter_context(serving_redis()),
            "KUBECONFIG": str(kubeconfig),
            "LEADLINE_ENGINE_PROXY": serve(engine.world()),
        }
        made = Sandbox(
            time, journal, faults, slack, github, cluster, engine, agent,
            folder / "gitops.git", _FIXED | urls | {"LEADLINE_PORT": str(_free_port())},
        )  # fmt: skip
        control = Control(time, journal, faults, _states(made), _acts(made))
        yield _controlled(made, serve(control.world()))


_FIXED = {
    "SLACK_BOT_TOKEN": _TEAM.bot_token,
    "SLACK_SIGNING_SECRET": _TEAM.signing_secret,
    "GITHUB_TOKEN": "ghs_sandbox",
    "LEADLINE_GITOPS_REPOSITORY": "acme/gitops",
    "LEADLINE_HOST": "127.0.0.1",
    "LEADLINE_POLL_SECONDS": "5",
}


def _controlled(made: Sandbox, url: str) -> Sandbox:
    return dataclasses.replace(made, environment={**made.environment, "LEADLINE_SANDBOX_URL": url})


def _states(made: Sandbox) -> Mapping[str, Callable[[], object]]:
    return {
        "slack": made.slack.state,
        "github": made.github.state,
        "cluster": made.cluster.state,
        "engine": made.engine.state,
        "agent": made.agent.state,
    }


def _acts(made: Sandbox) -> Mapping[str, Callable[..., object]]:
    return {
        "type": made.type,
        "merge": made.merge,
        "close": made.close,
        "kill": made.cluster.kill,
        "engine_down": made.engine.down,
        "engine_up": made.engine.up,
    }


def _seed() -> dict[str, str]:
    """Return the first commit of the GitOps repository: the bases and the storage, no model."""
    root = assets.root()
    folders = (root / "kustomize", root / "overlays" / "example" / "storage")
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in files}


def _free_port() -> int:
    """Return a port that was free a moment ago, for a Leadline that starts later."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
