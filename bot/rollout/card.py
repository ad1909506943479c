"""Pure: the card of a deployment from its proposal, its rollout and what the cluster shows."""

from dataclasses import replace
from datetime import datetime

from bot.cluster import Observation, Pod
from bot.notice import Card, GroupLine, Rank
from bot.rollout.groups import SILENCE
from bot.rollout.phases import SCALED_TO_ZERO, Phase, kept
from bot.store import GroupState, Proposal, Rollout
from bot.store.proposing import Outline
from gitops.forge import Review


def card(
    proposal: Proposal,
    rollout: Rollout | None,
    seen: Observation | None,
    said: str = "",
    main: Outline | None = None,
    state: str | None = None,
) -> Card:
    """Return the card as it should read now.

    `said` is what the GitOps controller complains of, `main` what main has of the deployment and
    `state` its desired state: empty for none, None while that is not known.
    """
    known = rollout or Rollout(proposal.pull_number)
    shown = main or _outline(proposal)
    return Card(
        name=proposal.name,
        environment=proposal.environment,
        model=shown.model,
        engine=shown.engine,
        shape=shown.shape,
        parallel=shown.parallel,
        gpus=shown.gpus,
        pull_number=proposal.pull_number,
        pull_url=proposal.pull_url,
        requested_by=proposal.requested_by,
        fit=shown.fit,
        pull=_pull(proposal, known, main),
        checks=known.checks,
        phase=phase(proposal, known, seen, state),
        groups=_groups(known, seen) if known.applied and seen else (),
        note=note(rollout, seen, said),
    )


def same(one: Card, other: Card) -> bool:
    """Say whether two cards differ in nothing that is worth an edit: times to first token alone.

    Each group is proved again every minute, and Slack allows 50 edits a minute.
    """
    return _untimed(one) == _untimed(other)


def _untimed(card: Card) -> Card:
    lines = (replace(line, proved=line.proved and 1.0) for line in card.groups)
    return replace(card, groups=tuple(lines))


def _outline(proposal: Proposal) -> Outline:
    p = proposal
    return Outline(p.model, p.engine, p.shape, p.parallel, p.gpus, p.fit)


def _pull(proposal: Proposal, rollout: Rollout, main: Outline | None) -> str:
    if rollout.review != Review.OPEN:
        return rollout.review
    return f"open, proposes {_change(proposal, main)}" if main else "open"


def _change(proposal: Proposal, main: Outline) -> str:
    """Return what a proposal would make of what main has, in a line."""
    if proposal.removal:
        return "its removal"
    both = zip(_words(_outline(proposal)), _words(main), strict=True)
    return " · ".join(new for new, old in both if new != old) or "other settings"


def _words(has: Outline) -> tuple[str, ...]:
    return (has.model, has.engine, has.shape, has.parallel, f"{has.gpus} GPUs", has.fit)


def note(rollout: Rollout | None, seen: Observation | None, said: str) -> str:
    """Return what a person should know now: the cluster, the controller, or a waiting pod."""
    if rollout and rollout.unreachable:
        since = datetime.fromisoformat(rollout.lost)
        return f"the cluster has not answered since {since:%H:%M} UTC; shown is what it said before"
    if said:
        return said
    waiting = [pod for pod in seen.pods if pod.said] if seen else []
    return f"{waiting[0].name}: {waiting[0].said}" if waiting else ""


def phase(
    proposal: Proposal, rollout: Rollout, seen: Observation | None, state: str | None = None
) -> str:
    """Return what runs, if anything does, and what was merged and does not run yet."""
    if rollout.removed or rollout.missing:
        return "removed" if rollout.removed else "gone from the cluster"
    merged = rollout.review == Review.MERGED
    waits = "not applied" if rollout.late else "waiting for the cluster"
    wanted = state or (proposal.state if merged else "")
    if seen and rollout.applied and rollout.applied == seen.state:
        own = merged and wanted == proposal.state
        newer = f"#{proposal.pull_number} merged" if own else "main has another"
        late = wanted and wanted != rollout.applied
        return _serving(rollout, seen) + (f", the earlier state; {newer}, {waits}" if late else "")
    if wanted:
        return f"{'merged' if merged else 'on main'}, {waits}"
    closed = rollout.review == Review.CLOSED
    return "closed without a merge" if closed else "pull request open"


def _serving(rollout: Rollout, seen: Observation) -> str:
    if not seen.replicas:
        return SCALED_TO_ZERO
    proved = sum(_answers(state) for state in rollout.groups.values())
    count = f"{proved}/{seen.replicas} groups proved"
    if proved == seen.replicas:
        canary = f", canary complete: {kept(seen)} kept on an earlier revision"
        return f"serving · {count}{canary if kept(seen) else ''}"
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
