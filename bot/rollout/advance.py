"""Pure: how far a proposal has come, from one observation to the next, and what is news.

The same observation twice says nothing the second time. Group truth comes from pods: a group is
ready when `size` pods of it are ready on one revision, and it is asked for its proof when that is
the one which the set asks for. A restart is a new leader uid on the same revision; its cause is
the first failure seen on the old pods, which vanish with the group.
Source: the recorded behaviour of LeaderWorkerSet v0.6.0 to v0.10.0.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.cluster import Observation, Pod
from bot.notice import (
    Applied,
    Degraded,
    Missing,
    NotApplied,
    Progress,
    Proved,
    Recovered,
    Removed,
    Restarted,
    Serving,
    Unproved,
)
from bot.rollout.phases import Phase, detail_of, phase_of
from bot.rollout.step import News, Step
from bot.store import GroupState, Proposal, Rollout
from gitops.forge import Review

UNKNOWN_CAUSE = "no failure was seen on its pods; deleted by a person or a controller"

PATIENCE = timedelta(minutes=10)
"""How long a merged change may take to reach the cluster before people are told."""

SILENCE = 2
"""Proofs in a row that a serving group may miss: one may hit a restart that is told anyway."""


def observe(rollout: Rollout, proposal: Proposal, seen: Observation) -> Step:
    """Take note of what the cluster shows of the proposal's LeaderWorkerSet."""
    if seen.deleted:
        return _gone(rollout, proposal, seen)
    if rollout.recalled and not rollout.uid:
        rollout = _adopt(rollout, seen)
    elif seen.uid != rollout.uid:  # made anew under the same name: its groups are new ones
        rollout = replace(_forgotten(rollout), uid=seen.uid, missing=False)
    rollout, news = _apply(rollout, proposal, seen)
    groups = {g: state for g, state in rollout.groups.items() if g < seen.replicas}
    for index in range(seen.replicas):
        pods = [pod for pod in seen.pods if pod.group == index]
        state, more = _follow_group(groups.get(index), index, pods, seen)
        groups |= {index: state} if state else {}
        news += more
    followed, progress = _progress(replace(rollout, groups=groups), seen)
    return Step(followed, (*news, *progress))


def wait(rollout: Rollout, proposal: Proposal, now: datetime, said: str = "") -> Step:
    """Take note of the time, and of what the GitOps controller says went wrong with the merge.

    A controller's failure is told at once, and again when it says something else; silence after
    PATIENCE.
    """
    waits = (
        rollout.review == Review.MERGED and rollout.merged_at and not _is_applied(rollout, proposal)
    )
    if not waits:
        return Step(rollout)
    waited = now - datetime.fromisoformat(rollout.merged_at)
    reason = said or ("silence" if waited >= PATIENCE else "")
    if not reason or reason == rollout.late or (reason == "silence" and rollout.late):
        return Step(rollout)
    minutes = int(waited.total_seconds() // 60)
    key = f"late:{rollout.pull_number}:{proposal.state}:{reason[:200]}"
    notice = NotApplied(proposal.name, minutes, said)
    return Step(replace(rollout, late=reason), (News(key, notice),))


def prove(rollout: Rollout, seen: Observation, group: int, leader: str, first_token: float) -> Step:
    """Take note that the leader with that uid has answered a completion."""
    state = rollout.groups.get(group)
    if state is None or state.leader != leader:
        return Step(rollout)  # the group was recreated while we asked: proof of nothing
    if state.proved is None and leader not in {pod.uid for pod in unproved(rollout, seen)}:
        return Step(rollout)  # it was asked before a change, or has lost a pod since
    proved = replace(state, proved=first_token, restarted=False, cause="", silent=0)
    after = _settled(replace(rollout, shut="", groups={**rollout.groups, group: proved}))
    if state.proved is not None and state.silent < SILENCE:
        return Step(after)  # it answers as before
    if state.restarted or state.silent >= SILENCE:
        notice = Recovered(seen.name, group, first_token)
        key = f"recovered:{rollout.uid}:{group}:{leader}:{state.silent}"
        return _serve(after, seen, (News(key, notice),))
    if rollout.recalled:
        return Step(after)  # it was told before Redis was lost
    return _serve(after, seen, _proved(after, seen, group, leader))


def unanswered(rollout: Rollout, seen: Observation, group: int, leader: str, why: str) -> Step:
    """Take note that a leader did not answer; a group that served and is silent is degraded."""
    state = rollout.groups.get(group)
    if state is None or state.leader != leader or state.proved is None:
        return Step(rollout)  # it has not served yet: its start is told by its pods
    silent = replace(state, silent=state.silent + 1)
    after = replace(rollout, groups={**rollout.groups, group: silent})
    if silent.silent != SILENCE:
        return Step(after)
    key = f"degraded:{rollout.uid}:{group}:{leader}"
    return Step(after, (News(key, Degraded(seen.name, group, seen.replicas, why)),))


def shut(rollout: Rollout, seen: Observation, group: int, leader: str, why: str) -> Step:
    """Take note that a leader lets nobody ask until a person changes something.

    Of a group that waits for its first proof that is told once; one that served is silent.
    """
    state = rollout.groups.get(group)
    if state is None or state.leader != leader or state.proved is not None:
        return unanswered(rollout, seen, group, leader, why)
    if rollout.shut == why:
        return Step(rollout)
    key = f"shut:{rollout.uid}:{seen.state}:{why[:200]}"
    return Step(replace(rollout, shut=why), (News(key, Unproved(seen.name, why)),))


def unproved(rollout: Rollout, seen: Observation) -> list[Pod]:
    """Return the leaders whose group is ready, as the applied state wants it, and not proved."""
    if rollout.applied != seen.state:
        return []
    leaders = []
    for index, state in rollout.groups.items():
        pods = [pod for pod in seen.pods if pod.group == index]
        if state.proved is None and group_ready(pods, seen.size) and _wanted(pods, seen):
            leaders += [pod for pod in pods if pod.index == 0 and pod.uid == state.leader]
    return leaders


def proved(rollout: Rollout, seen: Observation) -> list[Pod]:
    """Return the leaders of groups that have answered and are still ready: asked on a schedule.

    An idle vLLM leader whose worker has died keeps answering /health; only a completion shows it.
    """
    by_uid = {pod.uid: pod for pod in seen.pods if pod.index == 0 and not pod.deleting}
    states = [state for state in rollout.groups.values() if state.proved is not None]
    return [by_uid[state.leader] for state in states if state.leader in by_uid]


def group_ready(pods: list[Pod], size: int) -> bool:
    """Say whether all pods of a group are ready, none leaving, on one revision."""
    ready = [pod for pod in pods if pod.ready]
    return len(pods) == len(ready) == size and len({pod.revision for pod in ready}) == 1


def _wanted(pods: list[Pod], seen: Observation) -> bool:
    """Say whether the pods of a group are what the set asks for now, not what it asked before."""
    if not seen.revision:
        return seen.current
    return {pod.revision for pod in pods} == {seen.revision}


def _is_applied(rollout: Rollout, proposal: Proposal) -> bool:
    return rollout.removed if proposal.removal else rollout.applied == proposal.state


def _forgotten(rollout: Rollout) -> Rollout:
    """Return a record that knows nothing of the cluster any more."""
    after = replace(rollout, uid="", applied="", phase="", shut="", groups={}, recalled=False)
    return replace(after, served=False, removed=False)


def _adopt(rollout: Rollout, seen: Observation) -> Rollout:
    """Take over what the cluster shows, as told, after Redis was lost.

    `applied` is then what main wants. Where every group of it is ready it served; where not, what
    it still has to go through is told.
    """
    applied = seen.state if seen.state == rollout.applied else ""
    pods = [[pod for pod in seen.pods if pod.group == group] for group in range(seen.replicas)]
    served = bool(applied) and all(group_ready(p, seen.size) and _wanted(p, seen) for p in pods)
    states = {g: _follow_group(None, g, each, seen)[0] for g, each in enumerate(pods)}
    phase = phase_of(seen)
    return replace(
        rollout,
        uid=seen.uid,
        applied=applied,
        phase=phase.name if applied and phase is not Phase.READY else "",
        served=served,
        groups={g: state for g, state in states.items() if state},
        recalled=served,
    )


def _settled(rollout: Rollout) -> Rollout:
    """Return the record, as any other once every group that was recalled has answered."""
    waits = any(state.proved is None for state in rollout.groups.values())
    return replace(rollout, recalled=rollout.recalled and waits)


def _gone(rollout: Rollout, proposal: Proposal, seen: Observation) -> Step:
    if not rollout.uid:  # what main wants was not there when it was recalled: it is awaited
        return Step(_forgotten(rollout) if rollout.recalled else rollout)
    after = _forgotten(rollout)
    if proposal.removal and rollout.review == Review.MERGED:
        news = News(f"removed:{rollout.uid}", Removed(seen.name))
        return Step(replace(after, removed=True), (news,))
    news = News(f"missing:{rollout.uid}", Missing(seen.name))
    return Step(replace(after, missing=True), (news,))


def _apply(
    rollout: Rollout, proposal: Proposal, seen: Observation
) -> tuple[Rollout, tuple[News, ...]]:
    known = rollout.applied == seen.state
    if known or rollout.review != Review.MERGED or seen.state != proposal.state:
        return rollout, ()
    fresh = {g: replace(state, proved=None, silent=0) for g, state in rollout.groups.items()}
    key = f"applied:{seen.uid}:{seen.state}:{rollout.pull_number}"
    after = replace(rollout, applied=seen.state, served=False, phase="", late="", groups=fresh)
    after = replace(after, missing=False, recalled=False, shut="")
    return after, (News(key, Applied(seen.name, seen.state)),)


def _progress(rollout: Rollout, seen: Observation) -> tuple[Rollout, tuple[News, ...]]:
    """Tell each phase once, and only while a state that was applied is not serving yet."""
    if rollout.served or not rollout.applied or rollout.applied != seen.state:
        return rollout, ()
    phase = phase_of(seen)
    told = Phase[rollout.phase] if rollout.phase else None
    if phase is Phase.READY or (told is not None and phase <= told):
        return rollout, ()
    key = f"phase:{seen.uid}:{seen.state}:{rollout.pull_number}:{phase.name}"
    notice = Progress(seen.name, phase.words, detail_of(seen, phase))
    return replace(rollout, phase=phase.name), (News(key, notice),)


def _proved(rollout: Rollout, seen: Observation, group: int, leader: str) -> tuple[News, ...]:
    """Tell a group's proof, unless it is the last one: that is told as serving."""
    count = sum(state.proved is not None for state in rollout.groups.values())
    first_token = rollout.groups[group].proved
    if count == seen.replicas or first_token is None:
        return ()
    key = f"proved:{rollout.uid}:{seen.state}:{group}:{leader}"
    return (News(key, Proved(seen.name, group, count, seen.replicas, first_token)),)


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
