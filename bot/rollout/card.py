"""Pure: the card of a deployment from its proposal, its rollout and what the cluster shows."""

from datetime import datetime

from bot.cluster import Observation, Pod
from bot.notice import Card, GroupLine, Rank
from bot.rollout.advance import SILENCE
from bot.rollout.phases import Phase
from bot.store import GroupState, Proposal, Rollout


def card(
    proposal: Proposal, rollout: Rollout | None, seen: Observation | None, said: str = ""
) -> Card:
    """Return the card as it should read now; `said` is what the GitOps controller complains of."""
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
        fit=proposal.fit,
        checks=rollout.checks if rollout else "",
        phase=_phase(rollout, seen),
        groups=_groups(rollout, seen) if rollout and rollout.applied and seen else (),
        note=note(rollout, seen, said),
    )


def note(rollout: Rollout | None, seen: Observation | None, said: str) -> str:
    """Return what a person should know now: the cluster, the controller, or a waiting pod."""
    if rollout and rollout.unreachable:
        since = datetime.fromisoformat(rollout.lost)
        return f"the cluster does not answer since {since:%H:%M} UTC; shown is what it said before"
    if said:
        return said
    waiting = [pod for pod in seen.pods if pod.said] if seen else []
    return f"{waiting[0].name}: {waiting[0].said}" if waiting else ""


def _phase(rollout: Rollout | None, seen: Observation | None) -> str:
    if rollout and (rollout.removed or rollout.missing):
        return "removed" if rollout.removed else "gone from the cluster"
    running = bool(rollout and seen and rollout.applied and rollout.applied == seen.state)
    if rollout is None or not (running or rollout.review == "merged"):
        closed = rollout is not None and rollout.review == "closed"
        return "closed without a merge" if closed else "pull request open"
    if not running or seen is None:
        return "merged, not applied" if rollout.late else "merged, waiting for the cluster"
    return _serving(rollout, seen)


def _serving(rollout: Rollout, seen: Observation) -> str:
    proved = sum(_answers(state) for state in rollout.groups.values())
    count = f"{proved}/{seen.replicas} groups proved"
    if proved == seen.replicas:
        return f"serving · {count}"
    if rollout.recalled:
        return f"asked again · {count}"  # Redis was lost, and who had answered with it
    if rollout.served:
        return f"degraded · {count}"
    told = Phase[rollout.phase].words if rollout.phase else "starting"
    return f"{told} · {count}"


def _answers(state: GroupState) -> bool:
    return state.proved is not None and state.silent < SILENCE


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
