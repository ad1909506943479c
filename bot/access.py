"""Pure: whether somebody may do something, decided by the roles of the GitOps repository.

Fails closed: whoever is unknown, comes from another workspace or is not bound may nothing. Identity
is a team's id and a user's id, never a name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gitops.roles import Role, Roles

NEEDED: Mapping[str, Role] = {
    "list": Role.VIEWER,
    "status": Role.VIEWER,
    "history": Role.VIEWER,
    "models": Role.VIEWER,
    "fit": Role.VIEWER,
    "endpoint": Role.VIEWER,
    "plan": Role.VIEWER,
    "ask": Role.VIEWER,
    "deploy": Role.REQUESTER,
    "update": Role.REQUESTER,
    "scale": Role.REQUESTER,
    "restart": Role.REQUESTER,
    "undeploy": Role.REQUESTER,
    "rollback": Role.REQUESTER,
    "approve": Role.APPROVER,
    "cancel": Role.APPROVER,
    "break-glass": Role.ADMIN,
}
"""The least role for each act. `approve` is a review on GitHub, `cancel` stops the answer to
somebody else's question: one's own needs no role."""

FREE = frozenset({"help", "whoami"})
"""What anybody of the workspace may do: it says nothing about deployments."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something somewhere; `home` says whether they belong to our workspace."""

    person: str
    channel: str
    groups: frozenset[str] = frozenset()
    home: bool = True


@dataclass(frozen=True, slots=True)
class Denied:
    """Why not: the rule that is missing, and who may, as ids of users, groups and channels."""

    act: str
    needed: Role
    environment: str | None
    has: Role | None
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


def decide(roles: Roles, actor: Actor, act: str, environment: str | None = None) -> Denied | None:
    """Return why `actor` may not do `act` in an environment (None: in any one); None if they may.

    Raises:
        KeyError: an act that nobody has given a role to; a bug, and never an allowance.
    """
    if act in FREE and actor.home and actor.person:
        return None
    needed = Role.VIEWER if act in FREE else NEEDED[act]
    has = role_of(roles, actor, environment)
    if has is not None and has.covers(needed):
        return None
    return _denied(roles, act, needed, environment, has)


def role_of(roles: Roles, actor: Actor, environment: str | None = None) -> Role | None:
    """Return the highest role of somebody in an environment (None: in any one)."""
    if not (actor.home and actor.person):
        return None
    held = [
        binding.role
        for binding in roles.roles
        if binding.reaches(environment)
        and binding.heard_in(actor.channel)
        and binding.holds(actor.person, actor.groups)
    ]
    return max(held, key=list(Role).index, default=None)


def may_approve(
    roles: Roles,
    requester: str,
    login: str,
    environment: str,
    groups: frozenset[str],
    approvers: Collection[str] = (),
) -> str:
    """Return why a GitHub login's approval does not count; empty when it does.

    GitHub lets the person who typed the command approve the bot's pull request; this does not.
    `requester` is a Slack user's id, `groups` are the user groups that the approver is in,
    `approvers` the users and groups that the environment names; where it names none, the role
    alone counts. Channels do not matter: an approval happens on GitHub.
    """
    person = roles.person(login)
    if person is None:
        return f"{login} is not in `people` of roles.yaml"
    if person == requester:
        return f"{login} is the requester"
    approves = any(
        binding.role.covers(NEEDED["approve"])
        for binding in roles.roles
        if binding.reaches(environment) and binding.holds(person, groups)
    )
    if not approves:
        return f"{login} is no approver of {environment} in roles.yaml"
    if approvers and groups.union((person,)).isdisjoint(approvers):
        return f"{login} is not in `approvers` of overlays/{environment}/environment.yaml"
    return ""


def _denied(
    roles: Roles, act: str, needed: Role, environment: str | None, has: Role | None
) -> Denied:
    able = [
        binding
        for binding in roles.roles
        if binding.role.covers(needed) and binding.reaches(environment)
    ]
    return Denied(
        act,
        needed,
        environment,
        has,
        users=tuple(dict.fromkeys(user for b in able for user in b.users)),
        groups=tuple(dict.fromkeys(group for b in able for group in b.groups)),
        channels=tuple(dict.fromkeys(channel for b in able for channel in b.channels)),
    )
