"""Pure: whether an environment's pools have room for all groups, and for a rollout's extra ones.

Counted against all GPUs that environment.yaml declares; what else runs there is not known here.
"""

from collections.abc import Iterator

from gitops.checks import Finding, Severity
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.fit import Pool, placeable, rolling_headroom


def room(deployment: ModelDeployment, environment: Environment) -> Iterator[Finding]:
    """Yield a warning where groups, or a rollout, cannot find their GPUs; none without pools."""
    if environment.pools and deployment.replicas:
        yield from _groups(deployment, environment)
        yield from _rollout(deployment, environment)


def _groups(deployment: ModelDeployment, environment: Environment) -> Iterator[Finding]:
    wanted, size, gpus = deployment.replicas, deployment.size, deployment.resources.gpus
    pools = [Pool(p.name, (p.gpus_per_node,) * p.nodes) for p in environment.pools]
    whole = placeable(wanted, size, gpus, pools)
    if whole < wanted:
        text = (
            f"{whole} of {wanted} groups of {size} pods × {gpus} GPU find nodes in"
            f" {environment.name}, even when nothing else runs there"
            f" ({environment.gpus} GPUs); the others stay Pending"
        )
        yield Finding("groups-placeable", Severity.WARNING, deployment.name, text)


def _rollout(deployment: ModelDeployment, environment: Environment) -> Iterator[Finding]:
    size, gpus, rollout = deployment.size, deployment.resources.gpus, deployment.rollout
    free = max(0, environment.gpus - deployment.replicas * size * gpus)
    found = rolling_headroom(
        deployment.replicas, rollout.max_surge, rollout.max_unavailable, size, gpus, free
    )
    if not found.has_room:
        text = f"a rolling update has no room in {environment.name}: {found.reason}"
        yield Finding("rollout-room", Severity.WARNING, deployment.name, text)
