"""Pure: what is said when a cluster does not answer any more, and when it does again.

The time of the loss is remembered before it is told: the notice keeps its key over a restart.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.notice import Reachable, Unreachable
from bot.rollout.step import News, Step
from bot.store import Proposal, Rollout
from gitops.forge import Review

TELL_AFTER = timedelta(seconds=60)
"""How long a cluster may be out of reach before people are told."""


def reach(rollout: Rollout, proposal: Proposal, lost: datetime | None, now: datetime) -> Step:
    """Take note of since when the deployment's namespace cannot be watched; None while it can."""
    if not (_expects(rollout) or rollout.lost):
        return Step(rollout)
    if lost is None:
        return _found(rollout, proposal, now)
    since = rollout.lost or lost.isoformat()
    after = replace(rollout, lost=since)
    at = datetime.fromisoformat(since)
    if rollout.unreachable or now - at < TELL_AFTER:
        return Step(after)
    notice = Unreachable(proposal.environment, f"{at:%H:%M}")
    news = News(f"unreachable:{proposal.key}:{since}", notice)
    return Step(replace(after, unreachable=True), (news,))


def _expects(rollout: Rollout) -> bool:
    """Say whether the deployment runs, or is about to."""
    merged = rollout.review == Review.MERGED and not rollout.removed
    return bool(rollout.uid) or merged


def _found(rollout: Rollout, proposal: Proposal, now: datetime) -> Step:
    after = replace(rollout, lost="", unreachable=False)
    if not rollout.unreachable:
        return Step(after)
    minutes = int((now - datetime.fromisoformat(rollout.lost)).total_seconds() // 60)
    notice = Reachable(proposal.environment, minutes)
    return Step(after, (News(f"reachable:{proposal.key}:{rollout.lost}", notice),))
