"""Pure: what may be asked of a sandbox before it starts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from gitops.errors import UsageError
from sandbox.clock import Time
from sandbox.cluster import VERSIONS, Drawn, Node, Pace, Quirks

SEEDED = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""When a sandbox with a seed begins: a Monday morning."""

PORTS = ("control", "slack", "github", "cluster", "admin", "engine", "leadline", "redis", "socket")
"""What listens, in the order of fixed ports."""

LWS = tuple(quirks.version for quirks in VERSIONS)
"""The LeaderWorkerSet versions that the cluster can play."""

AgentKind = Literal["argocd", "flux"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a sandbox is like.

    `seed` begins at a fixed time and draws the controllers' races by lots of that seed; with a
    clock that stands (rate 0) every id is then the same each time. `lws` is the installed
    LeaderWorkerSet, `agent` which GitOps controller is played. `nodes` machines have `gpus` each.
    `port` is the first of fixed ports in the order of PORTS; 0 lets each be any that is free.
    `redis` is the address of a Redis to use in place of the sandbox's own.
    """

    seed: int | None = None
    lws: str = LWS[0]
    agent: AgentKind = "argocd"
    nodes: int = 4
    gpus: int = 1
    port: int = 0
    redis: str = ""

    def time(self, rate: float) -> Time:
        """Return the clock."""
        return Time(rate, None if self.seed is None else SEEDED)

    def pace(self) -> Pace | None:
        """Return who decides the controllers' races; None for nobody."""
        return None if self.seed is None else Drawn(self.seed)

    def quirks(self) -> Quirks:
        """Return the installed LeaderWorkerSet.

        Raises:
            UsageError: the cluster does not know the version.
        """
        for quirks in VERSIONS:
            if quirks.version == self.lws:
                return quirks
        raise UsageError(f"no LeaderWorkerSet {self.lws}; the sandbox plays {', '.join(LWS)}")

    def machines(self) -> tuple[Node, ...]:
        """Return the nodes of the cluster."""
        return tuple(Node(f"gpu-node-{number}", self.gpus) for number in range(self.nodes))

    def port_of(self, name: str) -> int:
        """Return where something of PORTS listens; 0 is any port."""
        return self.port + PORTS.index(name) if self.port else 0
