"""Pure: the closed list of things Leadline says. How one looks in Slack is `bot.slack.blocks`.

Texts that come from outside (reviews, pods, engines, controllers) are held as they came; escaping
and cutting is the work of the edge that shows them.
"""

from bot.access import Denied
from bot.notice.answers import Asked, Elsewhere, Facts, Footer, Listing, Refused, Usage
from bot.notice.card import Card, GroupLine, Rank
from bot.notice.pulls import (
    Amended,
    Attached,
    BrokeGlass,
    ChecksFailed,
    Closed,
    Merged,
    Planned,
    Proposed,
    Reopened,
    Reviewed,
)
from bot.notice.rollouts import (
    Applied,
    Degraded,
    Missing,
    NotApplied,
    Progress,
    Proved,
    Reachable,
    Recovered,
    Removed,
    Restarted,
    Serving,
    Unproved,
    Unreachable,
)

__all__ = [
    "BROADCAST",
    "Amended",
    "Applied",
    "Asked",
    "Attached",
    "BrokeGlass",
    "Card",
    "ChecksFailed",
    "Closed",
    "Degraded",
    "Denied",
    "Elsewhere",
    "Facts",
    "Footer",
    "GroupLine",
    "Listing",
    "Merged",
    "Missing",
    "NotApplied",
    "Notice",
    "OfAnswer",
    "OfGroup",
    "OfPull",
    "OfRollout",
    "Planned",
    "Progress",
    "Proposed",
    "Proved",
    "Rank",
    "Reachable",
    "Recovered",
    "Refused",
    "Removed",
    "Reopened",
    "Restarted",
    "Reviewed",
    "Serving",
    "Unproved",
    "Unreachable",
    "Usage",
]

OfPull = (
    Planned
    | Proposed
    | Amended
    | Attached
    | Reviewed
    | ChecksFailed
    | BrokeGlass
    | Merged
    | Closed
    | Reopened
)
"""From a plan to the end of its pull request."""

OfRollout = Applied | NotApplied | Removed | Missing | Progress | Unreachable | Reachable
"""From the merge to groups that could answer."""

OfGroup = Proved | Unproved | Serving | Degraded | Restarted | Recovered
"""Whether groups answer."""

OfAnswer = Asked | Footer | Denied | Refused | Usage | Elsewhere | Listing | Facts
"""What somebody asked to know."""

Notice = Card | OfPull | OfRollout | OfGroup | OfAnswer

BROADCAST = (NotApplied, Missing, Unproved, Serving, Degraded, Restarted, Recovered, BrokeGlass)
"""Replies that a channel must see too; the others stay in the thread."""
