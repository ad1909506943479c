"""Pure: Roles, what `roles.yaml` says of who may do what from chat, and who is who on GitHub.

It is read from the main branch, where reviewers and code owners guard it. Ids only: names in Slack
can be taken by somebody else. Whoever is not named may nothing.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gitops.documents import load_mapping
from gitops.errors import InvalidRequestError
from gitops.names import SLACK_GROUP, SLACK_USER, check_name, check_pattern, printable
from gitops.typed import typed

PATH = "roles.yaml"
"""Where the file lies in the GitOps repository."""

_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,20}\Z")
_LOGIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,37}[A-Za-z0-9])?\Z")


class Role(StrEnum):
    """What a person may do; each role may also do what the ones before it may."""

    VIEWER = "viewer"
    REQUESTER = "requester"
    APPROVER = "approver"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Say whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Binding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role for people and user groups, in channels and environments; none named means all."""

    role: Role
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    everyone: bool = False
    channels: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for person in self.users:
            check_pattern("user", person, SLACK_USER, "a Slack user id such as U0123456789")
        for group in self.groups:
            check_pattern("group", group, SLACK_GROUP, "a Slack user group id such as S0123456789")
        for channel in self.channels:
            check_pattern("channel", channel, _CHANNEL, "a Slack channel id such as C0123456789")
        for environment in self.environments:
            check_name("environment", environment)
        if not (self.users or self.groups or self.everyone):
            raise InvalidRequestError(
                f"a binding of {self.role.value} names nobody; give users, groups or everyone: true"
            )
        if self.everyone and self.role.covers(Role.APPROVER):
            raise InvalidRequestError(f"everyone: true gives {self.role.value} to all; name people")

    def reaches(self, environment: str | None) -> bool:
        """Say whether the binding counts in an environment (None: in any one)."""
        return not self.environments or environment is None or environment in self.environments

    def heard_in(self, channel: str) -> bool:
        """Say whether the binding counts in a channel."""
        return not self.channels or channel in self.channels

    def holds(self, person: str, groups: frozenset[str]) -> bool:
        """Say whether a person, being in those user groups, is meant."""
        return self.everyone or person in self.users or not groups.isdisjoint(self.groups)


class Roles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All bindings, and the GitHub login of each Slack user who has one."""

    roles: tuple[Binding, ...] = ()
    people: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        for person, login in self.people.items():
            check_pattern("person", person, SLACK_USER, "a Slack user id such as U0123456789")
            check_pattern("login", login, _LOGIN, "a GitHub login")
        logins = [login.lower() for login in self.people.values()]
        if twice := sorted({login for login in logins if logins.count(login) > 1}):
            raise InvalidRequestError(f"login {twice[0]} stands for two people; one each")

    def login(self, person: str) -> str | None:
        """Return the GitHub login of a Slack user; None when the file ties none to them."""
        return self.people.get(person)

    def person(self, login: str) -> str | None:
        """Return the Slack user of a GitHub login, in any case of letters; None when untied."""
        found = (p for p, known in self.people.items() if known.lower() == login.lower())
        return next(found, None)

    @property
    def groups(self) -> frozenset[str]:
        """Every user group that a binding names."""
        return frozenset(group for binding in self.roles for group in binding.groups)


NOBODY = Roles()
"""What counts where there is no roles.yaml: nobody may anything."""


def read_roles(text: str, source: str = PATH) -> Roles:
    """Return the roles that a file holds; an empty file holds none.

    Raises:
        InvalidRequestError: unknown, missing or wrong fields.
    """
    fields = load_mapping(text, source) if _says_something(text) else {}
    roles: Roles = typed(fields, Roles, printable(source), ("roles", "people"))
    return roles


def _says_something(text: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    return any(line and not line.startswith("#") and line != "---" for line in lines)
