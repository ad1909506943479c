"""roles.yaml as values: what it may hold, and what is refused in one line."""

import pytest

from gitops.errors import InvalidRequestError
from gitops.roles import NOBODY, Binding, Role, Roles, read_roles

WHOLE = """
people: {U0ALICE: alice, U0BOB: Bob-GH}
roles:
  - {role: viewer, everyone: true}
  - {role: requester, groups: [S0PLATFORM], environments: [staging]}
  - {role: approver, users: [U0BOB], channels: [C0ML]}
"""


def test_a_whole_file_is_read():
    assert read_roles(WHOLE) == Roles(
        people={"U0ALICE": "alice", "U0BOB": "Bob-GH"},
        roles=(
            Binding(Role.VIEWER, everyone=True),
            Binding(Role.REQUESTER, groups=("S0PLATFORM",), environments=("staging",)),
            Binding(Role.APPROVER, users=("U0BOB",), channels=("C0ML",)),
        ),
    )


@pytest.mark.parametrize("text", ["", "# roles:\n#  - none yet\n", "---\n"])
def test_a_file_that_says_nothing_lets_nobody_do_anything(text):
    assert read_roles(text) == NOBODY


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("roles: [{role: boss, users: [U0AAA]}]", "Invalid enum value 'boss'"),
        ("roles: [{role: viewer}]", "a binding of viewer names nobody"),
        ("roles: [{role: admin, everyone: true}]", "everyone: true gives admin to all"),
        ("roles: [{role: approver, everyone: true}]", "everyone: true gives approver to all"),
        ("roles: [{role: viewer, users: [alice]}]", "user alice"),
        ("roles: [{role: viewer, groups: [U0AAA]}]", "group U0AAA"),
        ("roles: [{role: viewer, users: [U0AAA], channels: ['#ml']}]", "channel #ml"),
        ("roles: [{role: viewer, users: [U0AAA], environments: [a/b]}]", "environment a/b"),
        ("roles: [{role: viewer, user: [U0AAA]}]", "unknown field user"),
        ("people: {alice: alice}", "person alice"),
        ("people: {U0AAA: 'a b'}", "login a b"),
        ("people: {U0AAA: bob, U0BBB: Bob}", "login bob stands for two people"),
        ("rules: []", "unknown field rules; did you mean roles?"),
        ("- x", "roles.yaml"),
        ("roles: []\nroles: []", "roles.yaml"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_files_name(text, line):
    with pytest.raises(InvalidRequestError) as refusal:
        read_roles(text)

    assert line in str(refusal.value)
    assert str(refusal.value).startswith("roles.yaml")


def test_logins_are_found_in_any_case():
    roles = read_roles(WHOLE)

    assert roles.person("bob-gh") == "U0BOB"
    assert roles.login("U0BOB") == "Bob-GH"
    assert (roles.person("carol"), roles.login("U0CAROL")) == (None, None)
    assert roles.groups == {"S0PLATFORM"}
