"""Pure: how far a proposal has come, from one observation to the next, and what is news.

The same observation twice says nothing the second time. Group truth comes from pods: a group is
asked for its proof when its pods are ready on the revision which the set asks for. What the cluster
shows is followed when it is what the newest pull request was merged for, or what main wants: that
may be an earlier one's, or somebody's own commit.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.cluster import Observation, Pod
from bot.notice import (
    Applied,
    Missing,
    NotApplied,
    Progress,
    Proved,
    Recovered,
    Removed,
    Serving,
    Unproved,
)
from bot.rollout.groups import (
    SILENCE,
    degraded,
    follow_group,
    group_ready,
    pods_of,
    unasked,
    wanted,
)
from bot.rollout.phases import NOTHING_RUNS, SCALED_TO_ZERO, Phase, detail_of, kept, phase_of
from bot.rollout.step import News, Step, counted, times
from bot.store import GroupState, Proposal, Rollout
from gitops.forge import Review

PATIENCE = timedelta(minutes=10)
"""How long a merged change may take to reach the cluster before people are told."""


def observe(
    rollout: Rollout, proposal: Proposal, seen: Observation, main: str | None = None
) -> Step:
    """Take note of what the cluster shows of the proposal's LeaderWorkerSet.

    `main` is the desired state that main has of it: empty for none, None while that is not known.
    """
    if seen.deleted:
        return _gone(rollout, proposal, seen, main)
    if rollout.recalled and not rollout.uid:
        rollout = _adopt(rollout, seen)
    elif seen.uid != rollout.uid:  # made anew under the same name: its groups are new ones
        rollout = replace(_forgotten(rollout), uid=seen.uid)
    rollout, news = _apply(replace(rollout, missing=False), proposal, seen, main)
    groups = {g: state for g, state in rollout.groups.items() if g < seen.replicas}
    for index in range(seen.replicas):
        state, more = follow_group(groups.get(index), index, pods_of(seen, index), seen)
        groups |= {index: state} if state else {}
        news += more
    followed, progress = _progress(replace(rollout, groups=groups), seen)
    return Step(followed, (*news, *progress))


def wait(
    rollout: Rollout, proposal: Proposal, now: datetime, said: str = "", main: str | None = None
) -> Step:
    """Take note of the time, and of what the GitOps controller says went wrong with main's state.

    A controller's failure is told at once, and again when it says something else; silence after
    PATIENCE. `main` is as in `observe`.
    """
    rollout = expect(rollout, proposal, now, main)
    if not rollout.behind:
        return Step(rollout)
    waited = now - datetime.fromisoformat(rollout.behind)
    reason = said or ("silence" if waited >= PATIENCE else "")
    if not reason or reason == rollout.late or (reason == "silence" and rollout.late):
        return Step(rollout)
    minutes = int(waited.total_seconds() // 60)
    nth = times(rollout, "late")
    key = f"late:{rollout.pull_number}:{rollout.awaits}:{nth}:{reason[:200]}"
    notice = NotApplied(proposal.name, minutes, said)
    return Step(counted(replace(rollout, late=reason), "late"), (News(key, notice),))


def expect(rollout: Rollout, proposal: Proposal, now: datetime, main: str | None = None) -> Rollout:
    """Take note of which state main wants and the cluster does not show, and since when."""
    merged = rollout.review == Review.MERGED and bool(rollout.merged_at)
    if main is None and not merged:
        return rollout
    awaits = _awaited(rollout, proposal, main or "", merged=merged)
    late = rollout.late if awaits == rollout.awaits else ""
    behind = rollout.behind if awaits == rollout.awaits else ""
    if merged and awaits == proposal.state:
        behind = rollout.merged_at
    behind = (behind or now.isoformat()) if awaits else ""
    return replace(rollout, awaits=awaits, behind=behind, late=late)


def prove(rollout: Rollout, seen: Observation, group: int, leader: str, first_token: float) -> Step:
    """Take note that the leader with that uid has answered a completion."""
    state = rollout.groups.get(group)
    if state is None or state.leader != leader:
        return Step(rollout)  # the group was recreated while we asked: proof of nothing
    if state.proved is None and leader not in {pod.uid for pod in unproved(rollout, seen)}:
        return Step(rollout)  # it was asked before a change, or has lost a pod since
    recovered = state.restarted or state.silent >= SILENCE
    spells = state.spells + recovered
    proved = GroupState(leader, state.revision, proved=first_token, spells=spells)
    after = _settled(replace(rollout, shut="", groups={**rollout.groups, group: proved}))
    if recovered:
        notice = Recovered(seen.name, group, first_token)
        key = f"recovered:{rollout.uid}:{group}:{leader}:{state.spells}"
        return _serve(after, seen, (News(key, notice),))
    if state.proved is not None:
        return Step(after)  # it answers as before
    if rollout.recalled or state.lost:  # it was told: before Redis was lost, or before a short loss
        return _serve(after, seen, ())
    return _serve(after, seen, _proved(after, seen, group, leader))


def unanswered(rollout: Rollout, seen: Observation, group: int, leader: str, why: str) -> Step:
    """Take note that a leader did not answer; a group that served and is silent is degraded."""
    state = rollout.groups.get(group)
    if state is None or state.leader != leader or not _served(state):
        return Step(rollout)  # it has not served yet: its start is told by its pods
    silent = replace(state, silent=state.silent + 1)
    after = replace(rollout, groups={**rollout.groups, group: silent})
    if silent.silent != SILENCE:
        return Step(after)
    return Step(after, (degraded(rollout, seen, group, why),))


def shut(rollout: Rollout, seen: Observation, group: int, leader: str, why: str) -> Step:
    """Take note that a leader lets nobody ask until a person changes something.

    Of a group that waits for its first proof that is told once; one that served is silent.
    """
    state = rollout.groups.get(group)
    if state is None or state.leader != leader or _served(state):
        return unanswered(rollout, seen, group, leader, why)
    if rollout.shut == why:
        return Step(rollout)
    key = f"shut:{rollout.uid}:{seen.state}:{times(rollout, 'shut')}:{why[:200]}"
    after = counted(replace(rollout, shut=why), "shut")
    return Step(after, (News(key, Unproved(seen.name, why)),))


def unproved(rollout: Rollout, seen: Observation) -> list[Pod]:
    """Return the leaders whose group is ready, as the applied state wants it, and not proved."""
    if rollout.applied != seen.state:
        return []
    leaders = []
    for index, state in rollout.groups.items():
        pods = pods_of(seen, index)
        if state.proved is None and group_ready(pods, seen.size) and wanted(pods, seen):
            leaders += [pod for pod in pods if pod.index == 0 and pod.uid == state.leader]
    return leaders


def proved(rollout: Rollout, seen: Observation) -> list[Pod]:
    """Return the leaders of groups that have answered and are still ready: asked on a schedule.

    An idle vLLM leader whose worker has died keeps answering /health; only a completion shows it.
    """
    by_uid = {pod.uid: pod for pod in seen.pods if pod.index == 0 and not pod.deleting}
    states = [state for state in rollout.groups.values() if state.proved is not None]
    return [by_uid[state.leader] for state in states if state.leader in by_uid]


def _served(state: GroupState) -> bool:
    return state.proved is not None or state.lost


def _awaited(rollout: Rollout, proposal: Proposal, main: str, *, merged: bool) -> str:
    """Return the state that the cluster should show and does not, a removal's included."""
    if merged and proposal.removal and not main:
        return "" if rollout.removed else proposal.state
    state = main or (proposal.state if merged else "")
    return "" if state == rollout.applied else state


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
    pods = [pods_of(seen, group) for group in range(seen.replicas)]
    served = bool(applied) and all(group_ready(p, seen.size) and wanted(p, seen) for p in pods)
    states = {g: follow_group(None, g, each, seen)[0] for g, each in enumerate(pods)}
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


def _gone(rollout: Rollout, proposal: Proposal, seen: Observation, main: str | None) -> Step:
    """Take note that the set is not there.

    While its removal is open that is not told: it may be merged, and a look will show it.
    """
    after = replace(_forgotten(rollout), missing=False)
    if proposal.removal and rollout.review == Review.MERGED and not main and not rollout.removed:
        key = f"removed:{rollout.uid or rollout.pull_number}"
        return Step(replace(after, removed=True), (News(key, Removed(seen.name)),))
    if not rollout.uid:  # what main wants was not there when it was recalled: it is awaited
        return Step(_forgotten(rollout) if rollout.recalled else rollout)
    if proposal.removal and rollout.review == Review.OPEN:
        return Step(replace(rollout, missing=True))
    news = News(f"missing:{rollout.uid}", Missing(seen.name))
    # That it is not applied any more need not be told as well.
    after = replace(after, missing=True, awaits=rollout.applied, late="silence")
    return Step(after, (news,))


def _apply(
    rollout: Rollout, proposal: Proposal, seen: Observation, main: str | None
) -> tuple[Rollout, tuple[News, ...]]:
    """Take note of a desired state that the cluster has now: the merged proposal's, or main's."""
    merged = rollout.review == Review.MERGED and seen.state == proposal.state
    if rollout.applied == seen.state or not (merged or (main and main == seen.state)):
        return rollout, ()
    groups = {g: unasked(state) for g, state in rollout.groups.items()}
    key = f"applied:{seen.uid}:{seen.state}:{times(rollout, 'applied')}"
    after = counted(replace(rollout, applied=seen.state, groups=groups), "applied")
    after = replace(after, served=False, phase="", shut="", recalled=False)
    after = replace(after, awaits="", behind="", late="")
    return after, (News(key, Applied(seen.name, seen.state)),)


def _progress(rollout: Rollout, seen: Observation) -> tuple[Rollout, tuple[News, ...]]:
    """Tell each phase once, and only while a state that was applied is not serving yet."""
    if rollout.served or not rollout.applied or rollout.applied != seen.state:
        return rollout, ()
    key = f"phase:{seen.uid}:{seen.state}:{times(rollout, 'applied')}"
    if not seen.replicas:
        news = News(f"{key}:ZERO", Progress(seen.name, SCALED_TO_ZERO, NOTHING_RUNS))
        return replace(rollout, served=True), (news,)
    phase = phase_of(seen)
    told = Phase[rollout.phase] if rollout.phase else None
    if phase is Phase.READY or (told is not None and phase <= told):
        return rollout, ()
    notice = Progress(seen.name, phase.words, detail_of(seen, phase))
    return replace(rollout, phase=phase.name), (News(f"{key}:{phase.name}", notice),)


def _proved(rollout: Rollout, seen: Observation, group: int, leader: str) -> tuple[News, ...]:
    """Tell a group's proof, unless it is the last one: that is told as serving."""
    count = sum(state.proved is not None for state in rollout.groups.values())
    first_token = rollout.groups[group].proved
    if count == seen.replicas or first_token is None:
        return ()
    key = f"proved:{rollout.uid}:{seen.state}:{times(rollout, 'applied')}:{group}:{leader}"
    return (News(key, Proved(seen.name, group, count, seen.replicas, first_token)),)


def _serve(rollout: Rollout, seen: Observation, news: tuple[News, ...]) -> Step:
    proofs = [state.proved for state in rollout.groups.values()]
    if rollout.served or len(proofs) < seen.replicas or None in proofs:
        return Step(rollout, news)
    slowest = max(proof for proof in proofs if proof is not None)
    key = f"serving:{rollout.uid}:{seen.state}:{times(rollout, 'applied')}"
    served = News(key, Serving(seen.name, seen.replicas, slowest, kept(seen)))
    return Step(replace(rollout, served=True), (*news, served))
