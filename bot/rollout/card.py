"""Pure: the card of a deployment from its proposal, its rollout and what the cluster shows."""

from bot.cluster import Observation, Pod
from bot.notice import Card, GroupLine, Rank
from bot.store import Proposal, Rollout


def card(proposal: Proposal, rollout: Rollout | None, seen: Observation | None) -> Card:
    """Return the card as it should read now."""
    return Card(
        name=proposal.name,
        environment=proposal.environment,
        model=proposal.model,
        engine=proposal.engine,
        shape=proposal.shape,
        parallel=proposal.parallel,
        gpus=proposal.gpus,
        pull_number=proposal.pull_number,
        pull_url=proposal.pull_url,
        requested_by=proposal.requested_by,
        phase=_phase(rollout, seen),
        groups=_groups(rollout, seen) if rollout and rollout.applied and seen else (),
    )


def _phase(rollout: Rollout | None, seen: Observation | None) -> str:
    running = bool(rollout and seen and rollout.applied and rollout.applied == seen.state)
    if rollout is None or not (running or rollout.review == "merged"):
        closed = rollout is not None and rollout.review == "closed"
        return "closed without a merge" if closed else "pull request open"
    if not running or seen is None:
        return "merged, waiting for the cluster"
    return _serving(rollout, seen)


def _serving(rollout: Rollout, seen: Observation) -> str:
    proved = sum(state.proved is not None for state in rollout.groups.values())
    if proved == seen.replicas:
        return f"serving · {proved}/{seen.replicas} groups proved"
    if rollout.served:
        return f"degraded · {proved}/{seen.replicas} groups proved"
    return f"starting · {proved}/{seen.replicas} groups proved"


def _groups(rollout: Rollout, seen: Observation) -> tuple[GroupLine, ...]:
    return tuple(
        GroupLine(
            index,
            tuple(_rank(seen, index, rank) for rank in range(seen.size)),
            rollout.groups[index].proved if index in rollout.groups else None,
        )
        for index in range(seen.replicas)
    )


def _rank(seen: Observation, group: int, index: int) -> Rank:
    pods = [pod for pod in seen.pods if (pod.group, pod.index) == (group, index)]
    newest: Pod | None = next((pod for pod in pods if not pod.deleting), next(iter(pods), None))
    return Rank(index, newest.state, newest.ready) if newest else Rank(index, "absent", ready=False)
