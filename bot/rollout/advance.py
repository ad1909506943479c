"""Pure: how far a proposal has come, from one observation to the next, and what is news.

The same observation twice says nothing the second time. Group truth comes from pods: a group is
ready when `size` pods of it are ready on one revision. A restart is a new leader uid on the same
revision; its cause is the first failure seen on the old pods, which vanish with the group.
Source: the recorded behaviour of LeaderWorkerSet v0.6.0 to v0.10.0.
"""

from dataclasses import dataclass, replace

from bot.cluster import Observation, Pod
from bot.notice import Applied, Closed, Merged, Notice, Recovered, Restarted, Serving
from bot.store import GroupState, Proposal, Rollout
from gitops.forge import PullRequest, Review

UNKNOWN_CAUSE = "no failure was seen on its pods; deleted by a person or a controller"


@dataclass(frozen=True, slots=True)
class News:
    """A notice, and the key that lets it be said once."""

    key: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class Step:
    """The new state and what is to be said about it, in order."""

    rollout: Rollout
    news: tuple[News, ...] = ()


def review(rollout: Rollout, pull: PullRequest) -> Step:
    """Take note of where the pull request stands."""
    if rollout.review == pull.review.value:
        return Step(rollout)
    after = replace(rollout, review=pull.review.value)
    key = f"pull:{pull.number}:{pull.review.value}"
    match pull.review:
        case Review.MERGED:
            return Step(after, (News(key, Merged(pull.number, pull.merged_by)),))
        case Review.CLOSED:
            return Step(after, (News(key, Closed(pull.number)),))
        case Review.OPEN:
            return Step(after)


def observe(rollout: Rollout, proposal: Proposal, seen: Observation) -> Step:
    """Take note of what the cluster shows of the proposal's LeaderWorkerSet."""
    if seen.deleted:
        return Step(replace(rollout, uid="", applied="", served=False, groups={}))
    if seen.uid != rollout.uid:  # made anew under the same name: its groups are new ones
        rollout = replace(rollout, uid=seen.uid, applied="", served=False, groups={})
    rollout, news = _apply(rollout, proposal, seen)
    groups = {g: state for g, state in rollout.groups.items() if g < seen.replicas}
    for index in range(seen.replicas):
        pods = [pod for pod in seen.pods if pod.group == index]
        state, more = _follow_group(groups.get(index), index, pods, seen)
        groups |= {index: state} if state else {}
        news += more
    return Step(replace(rollout, groups=groups), news)


def prove(rollout: Rollout, seen: Observation, group: int, leader: str, first_token: float) -> Step:
    """Take note that the leader with that uid has answered a completion."""
    state = rollout.groups.get(group)
    if state is None or state.leader != leader:
        return Step(rollout)  # the group was recreated while we asked: proof of nothing
    news: tuple[News, ...] = ()
    if state.restarted:
        notice = Recovered(seen.name, group, first_token)
        news = (News(f"recovered:{rollout.uid}:{group}:{leader}", notice),)
    proved = replace(state, proved=first_token, restarted=False, cause="")
    after = replace(rollout, groups={**rollout.groups, group: proved})
    return _serve(after, seen, news)


def unproved(rollout: Rollout, seen: Observation) -> list[Pod]:
    """Return the leaders whose group is ready but has not answered yet, on the applied state."""
    if not (rollout.applied == seen.state and seen.current):
        return []
    leaders = []
    for index, state in rollout.groups.items():
        pods = [pod for pod in seen.pods if pod.group == index]
        if state.proved is None and group_ready(pods, seen.size):
            leaders += [pod for pod in pods if pod.index == 0 and pod.uid == state.leader]
    return leaders


def group_ready(pods: list[Pod], size: int) -> bool:
    """Say whether all pods of a group are ready, none leaving, on one revision."""
    ready = [pod for pod in pods if pod.ready]
    return len(pods) == len(ready) == size and len({pod.revision for pod in ready}) == 1


def _apply(
    rollout: Rollout, proposal: Proposal, seen: Observation
) -> tuple[Rollout, tuple[News, ...]]:
    known = rollout.applied == seen.state
    if known or rollout.review != Review.MERGED or seen.state != proposal.state:
        return rollout, ()
    fresh = {g: replace(state, proved=None) for g, state in rollout.groups.items()}
    key = f"applied:{seen.uid}:{seen.state}:{rollout.pull_number}"
    notice = Applied(seen.name, seen.state)
    return replace(rollout, applied=seen.state, served=False, groups=fresh), (News(key, notice),)


def _follow_group(
    state: GroupState | None, index: int, pods: list[Pod], seen: Observation
) -> tuple[GroupState | None, tuple[News, ...]]:
    leader = next((pod for pod in pods if pod.index == 0 and not pod.deleting), None)
    if state is None:
        return (GroupState(leader.uid, leader.revision) if leader else None), ()
    if not state.cause:
        state = replace(state, cause=_cause(pods))
    if leader is None or leader.uid == state.leader:
        return _lose_proof(state, pods, seen), ()
    after = GroupState(leader.uid, leader.revision)
    if leader.revision != state.revision:  # a rollout, not a restart
        return after, ()
    notice = Restarted(seen.name, index, seen.replicas, state.cause or UNKNOWN_CAUSE)
    key = f"restarted:{seen.uid}:{index}:{state.leader}"
    return replace(after, restarted=True), (News(key, notice),)


def _lose_proof(state: GroupState, pods: list[Pod], seen: Observation) -> GroupState:
    return state if group_ready(pods, seen.size) else replace(state, proved=None)


def _cause(pods: list[Pod]) -> str:
    """Return the first failure of a pod that was not itself being deleted: no victim is a cause."""
    for pod in pods:
        if pod.failure and not pod.deleting:
            who = "leader" if pod.index == 0 else f"worker {pod.index}"
            return f"{who} ({pod.name}): {pod.failure}"
    return ""


def _serve(rollout: Rollout, seen: Observation, news: tuple[News, ...]) -> Step:
    proofs = [state.proved for state in rollout.groups.values()]
    if rollout.served or len(proofs) < seen.replicas or None in proofs:
        return Step(rollout, news)
    slowest = max(proof for proof in proofs if proof is not None)
    key = f"serving:{rollout.uid}:{seen.state}:{rollout.pull_number}"
    served = News(key, Serving(seen.name, seen.replicas, slowest))
    return Step(replace(rollout, served=True), (*news, served))
