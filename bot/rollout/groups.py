"""Pure: one group, from one observation of its pods to the next.

A group is ready when `size` pods of it are ready on one revision. A restart is a new leader uid on
the same revision; its cause is the first failure seen on the old pods, which vanish with the group.
Source: the recorded behaviour of LeaderWorkerSet v0.6.0 to v0.10.0.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.cluster import Observation, Pod
from bot.notice import Degraded, Restarted
from bot.rollout.step import News, Step
from bot.store import GroupState, Rollout

UNKNOWN_CAUSE = "no failure was seen on its pods; deleted by a person or a controller"

SILENCE = 2
"""Proofs in a row that a serving group may miss: one may hit a restart that is told anyway."""

LOST = timedelta(seconds=60)
"""How long a group that served may be without a proof after a loss: a restart is told anyway."""


def pods_of(seen: Observation, group: int) -> list[Pod]:
    """Return the pods of one group."""
    return [pod for pod in seen.pods if pod.group == group]


def group_ready(pods: list[Pod], size: int) -> bool:
    """Say whether all pods of a group are ready, none leaving, on one revision."""
    ready = [pod for pod in pods if pod.ready]
    return len(pods) == len(ready) == size and len({pod.revision for pod in ready}) == 1


def wanted(pods: list[Pod], seen: Observation) -> bool:
    """Say whether the pods of a group are what the set asks for now, not what it asked before.

    Groups before the partition are to stay on whatever revision they have.
    """
    if all(pod.group < seen.partition for pod in pods):
        return True
    if not seen.revision:
        return seen.current
    return {pod.revision for pod in pods} == {seen.revision}


def unasked(state: GroupState) -> GroupState:
    """Return a group that is to answer again for another desired state."""
    spells = state.spells + 1  # what it is told of from here on is another spell's
    return replace(state, proved=None, silent=0, lost=False, since="", spells=spells)


def follow_group(
    state: GroupState | None, index: int, pods: list[Pod], seen: Observation
) -> tuple[GroupState | None, tuple[News, ...]]:
    """Return what is known of a group now, and whether it was recreated."""
    leader = next((pod for pod in pods if pod.index == 0 and not pod.deleting), None)
    if state is None:
        return (GroupState(leader.uid, leader.revision) if leader else None), ()
    if not state.cause:
        state = replace(state, cause=_cause(pods))
    if leader is None or leader.uid == state.leader:
        return (state if group_ready(pods, seen.size) else _lost(state)), ()
    after = GroupState(leader.uid, leader.revision)
    if leader.revision != state.revision:  # a rollout, not a restart
        return after, ()
    notice = Restarted(seen.name, index, seen.replicas, state.cause or UNKNOWN_CAUSE)
    key = f"restarted:{seen.uid}:{index}:{state.leader}"
    return replace(after, restarted=True), (News(key, notice),)


def lose(rollout: Rollout, seen: Observation, now: datetime) -> Step:
    """Take note of the time: a group that served, and is not ready for LOST, is degraded."""
    if seen.deleted or rollout.applied != seen.state:
        return Step(rollout)
    groups, news = dict(rollout.groups), []
    for index, state in rollout.groups.items():
        if not state.lost or state.silent >= SILENCE:
            continue
        since = state.since or now.isoformat()
        late = now - datetime.fromisoformat(since) >= LOST
        groups[index] = replace(state, since=since, silent=SILENCE if late else state.silent)
        news += [degraded(rollout, seen, index, _why(state, index, seen))] if late else []
    return Step(replace(rollout, groups=groups), tuple(news))


def degraded(rollout: Rollout, seen: Observation, group: int, why: str) -> News:
    """Return the news that a group which served serves no more: once in each of its spells."""
    state = rollout.groups[group]
    key = f"degraded:{rollout.uid}:{group}:{state.leader}:{state.spells}"
    return News(key, Degraded(seen.name, group, seen.replicas, why))


def _lost(state: GroupState) -> GroupState:
    return replace(state, proved=None, lost=state.lost or state.proved is not None)


def _cause(pods: list[Pod]) -> str:
    """Return the first failure of a pod that was not itself being deleted: no victim is a cause."""
    failed = (pod for pod in pods if pod.failure and not pod.deleting)
    return next((f"{_who(pod)}: {pod.failure}" for pod in failed), "")


def _why(state: GroupState, index: int, seen: Observation) -> str:
    """Return why a group is not ready, as far as its pods show it."""
    pods = pods_of(seen, index)
    waits = [f"{_who(pod)}: {pod.said or pod.state}" for pod in pods if not pod.ready]
    if state.cause or waits:
        return state.cause or waits[0]
    if len(pods) < seen.size:
        return f"{seen.size - len(pods)} of its {seen.size} pods are not there"
    return "its pods are ready again, and it has not answered yet"


def _who(pod: Pod) -> str:
    return f"leader ({pod.name})" if pod.index == 0 else f"worker {pod.index} ({pod.name})"
