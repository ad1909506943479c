"""Pure: whether somebody else than the requester stands behind a pull request.

GitHub lets the person who typed the command approve the bot's pull request, since the bot is its
author. So this says it instead, as a commit status that branch protection can require.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.access import may_approve
from gitops.reviews import Given, State, Verdict, standing
from gitops.roles import Roles

GroupsOf = Callable[[str], frozenset[str]]
"""Returns the user groups that a Slack user is in."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The status and its line."""

    state: State
    text: str


def judge(
    given: Sequence[Given], head: str, requester: str, environment: str, roles: Roles, of: GroupsOf
) -> Judged:
    """Return whether an approver other than the requester approved the head commit."""
    words = standing(given, head)
    reasons = []
    for login, word in words.items():
        if word is not Verdict.APPROVED:
            continue
        person = roles.person(login)
        groups = of(person) if person else frozenset()
        refusal = may_approve(roles, requester, login, environment, groups)
        if not refusal:
            return Judged(State.SUCCESS, f"{login} approved; somebody else asked")
        reasons.append(refusal)
    waits = "waits for an approver other than the requester"
    return Judged(State.PENDING, "; ".join([waits, *reasons]))
