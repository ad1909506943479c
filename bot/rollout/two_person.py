"""Pure: whether somebody else than the requester stands behind a pull request.

GitHub lets the person who typed the command approve the bot's pull request, since the bot is its
author. So this says it instead, as a commit status that branch protection can require.
"""

from collections.abc import Callable, Collection, Sequence
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


BROKEN = Judged(State.SUCCESS, "break-glass by an administrator; the thread says who and why")
"""What stands on a head commit that was let go without a second person."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which environment a pull request is for, and everybody who asked for it, by Slack id."""

    environment: str
    requesters: Collection[str]


def judge(given: Sequence[Given], head: str, asked: Asked, roles: Roles, of: GroupsOf) -> Judged:
    """Return whether an approver other than the requesters approved the head commit."""
    reasons = []
    for login, word in standing(given, head).items():
        if word is Verdict.DISMISSED and any(g.by == login and g.commit != head for g in given):
            reasons.append(f"{login} reviewed an earlier commit")
        if word is not Verdict.APPROVED:
            continue
        person = roles.person(login)
        groups = of(person) if person else frozenset()
        refusals = [
            may_approve(roles, requester, login, asked.environment, groups)
            for requester in asked.requesters
        ]
        if not any(refusals):
            return Judged(State.SUCCESS, f"{login} approved; somebody else asked")
        reasons.append(next(refusal for refusal in refusals if refusal))
    waits = "waits for an approver other than the requester"
    return Judged(State.PENDING, "; ".join([waits, *reasons]))


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
