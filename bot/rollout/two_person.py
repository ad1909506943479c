"""Pure: whether somebody else than the requester stands behind a pull request.

GitHub lets the person who typed the command approve the bot's pull request, since the bot is its
author. So this says it instead, as a commit status that branch protection can require.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.access import may_approve
from gitops.reviews import Given, State, Verdict, standing
from gitops.roles import Roles

GroupsOf = Callable[[str, frozenset[str]], frozenset[str]]
"""Returns which of some user groups a Slack user is in."""

LAPSE = timedelta(hours=24)
"""How long an approval counts. The commit stays what was approved; what it meets does not: main,
the room for GPUs, other rollouts. GitHub's own count of approvals knows no such end."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The status and its line; `refused` is why approvals do not count, by login."""

    state: State
    text: str
    refused: Mapping[str, str] = field(default_factory=dict)


BROKEN = Judged(State.SUCCESS, "break-glass by an administrator; the thread says who and why")
"""What stands on a head commit that was let go without a second person."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which environment a pull request is for, and everybody who asked for it, by Slack id.

    `at` is when this is judged; `approvers` are the users and groups of whom one has to approve,
    any approver of roles.yaml where none is named.
    """

    environment: str
    requesters: Collection[str]
    at: datetime
    approvers: Collection[str] = ()

    @property
    def groups(self) -> frozenset[str]:
        """The user groups among `approvers`."""
        return frozenset(each for each in self.approvers if each.startswith("S"))


def judge(given: Sequence[Given], head: str, asked: Asked, roles: Roles, of: GroupsOf) -> Judged:
    """Return whether an approver other than the requesters approved the head commit of late."""
    reasons = {}
    for login, word in standing(given, head).items():
        if word is Verdict.DISMISSED and any(g.by == login and g.commit != head for g in given):
            reasons[login] = f"{login} reviewed an earlier commit"
        if word is not Verdict.APPROVED:
            continue
        if asked.at - _newest(given, login) > LAPSE:
            reasons[login] = f"{login} approved more than 24 h ago"
            continue
        person = roles.person(login)
        groups = of(person, roles.groups | asked.groups) if person else frozenset()
        refusals = [
            may_approve(roles, requester, login, asked.environment, groups, asked.approvers)
            for requester in asked.requesters
        ]
        if not any(refusals):
            return Judged(State.SUCCESS, f"{login} approved; somebody else asked")
        reasons[login] = next(refusal for refusal in refusals if refusal)
    waits = "waits for an approver other than the requester"
    return Judged(State.PENDING, "; ".join([waits, *reasons.values()]), reasons)


def elsewhere(base: str, main: str) -> Judged:
    """Return what stands where a pull request goes to another branch than main."""
    return Judged(State.PENDING, f"goes to {base}; counts once it goes to {main}")


def _newest(given: Sequence[Given], login: str) -> datetime:
    """Return when somebody approved last."""
    return max(g.at for g in given if g.by == login and g.verdict is Verdict.APPROVED)


def excuse(environment: str, paths: Collection[str] | None) -> Judged:
    """Return what stands where an environment asks for no second person but another one does.

    A required status holds up every pull request, so these get it too: as long as they change
    nothing but their environment. `paths` are the files that change, None when too many.
    """
    below = f"overlays/{environment}/"
    outside = next((path for path in paths or () if not path.startswith(below)), None)
    if paths is None or outside is not None:
        what = outside or "very many files"
        return Judged(State.PENDING, f"{environment} asks for no second person; changes {what}")
    return Judged(State.SUCCESS, f"{environment} asks for no second person")
