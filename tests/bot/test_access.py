"""Who may do what: every cell of the matrix equals the model that stands here as a table."""

import itertools

import pytest

from bot.access import FREE, NEEDED, Actor, Denied, decide, may_approve, role_of
from gitops.roles import NOBODY, Binding, Role, Roles

# The model: for each act, the people who may do it, by the letter of their role.
#   v viewer, r requester, a approver, x admin, - nobody's role
# Behind the bar who may where the request or question is their own, if that is not the same:
# nobody stands behind a request of their own, and whoever asked may stop the answer. The latter is
# held in test_listeners.py, which reads this table.
MODEL = """
help         - v r a x
whoami       - v r a x
list           v r a x
status         v r a x
history        v r a x
models         v r a x
fit            v r a x
endpoint       v r a x
plan           v r a x
ask            v r a x
deploy           r a x
update           r a x
scale            r a x
restart          r a x
undeploy         r a x
rollback         r a x
approve            a x  |
cancel             a x  | - v r a x
break-glass          x
"""
ROWS = [line.partition("|") for line in MODEL.strip().splitlines()]
ALLOWED = {row.split()[0]: set(row.split()[1:]) for row, _, _ in ROWS}
OWN = {row.split()[0]: set((own if bar else row).split()) for row, bar, own in ROWS}
LETTERS = {"-": None, "v": Role.VIEWER, "r": Role.REQUESTER, "a": Role.APPROVER, "x": Role.ADMIN}
CHANNELS = ("C0HERE", "C0THERE")
ENVIRONMENTS = ("staging", "prod")
PERSON = "U0PERSON"


def test_every_act_has_its_row_in_the_model():
    assert set(ALLOWED) == set(NEEDED) | FREE


@pytest.mark.parametrize("act", ALLOWED)
def test_role_by_channel_by_environment_by_act_equals_the_model(act):
    everything = itertools.product(LETTERS, (None, *CHANNELS), (None, *ENVIRONMENTS), (True, False))
    for letter, bound_channel, bound_environment, by_group in everything:
        roles = bound(LETTERS[letter], bound_channel, bound_environment, by_group=by_group)
        groups = frozenset({"S0GROUP"} if by_group else ())
        for channel, environment in itertools.product(CHANNELS, ENVIRONMENTS):
            here = bound_channel in {None, channel} and bound_environment in {None, environment}
            held = letter if here else "-"
            refusal = decide(roles, Actor(PERSON, channel, groups), act, environment)
            where = (letter, bound_channel, bound_environment, by_group, channel, environment)
            assert (refusal is None) == (held in ALLOWED[act]), where


def bound(role, channel, environment, *, by_group=False):
    if role is None:
        return NOBODY
    who = {"groups": ("S0GROUP",)} if by_group else {"users": (PERSON,)}
    channels = (channel,) if channel else ()
    environments = (environment,) if environment else ()
    return Roles((Binding(role, **who, channels=channels, environments=environments),))


NAMED = {(): True, (PERSON,): True, ("S0GROUP",): None, ("U0OTHER", "S0OTHER"): False}
"""`approvers` of the environment, and whether that lets the person; None: as one of the group."""


@pytest.mark.parametrize("approvers", NAMED)
@pytest.mark.parametrize("letter", LETTERS)
def test_an_approval_counts_for_another_person_with_the_role_a_login_and_their_name_there(
    letter, approvers
):
    everything = itertools.product(
        (PERSON, "U0OTHER"), (None, *ENVIRONMENTS), ENVIRONMENTS, (True, False), (True, False)
    )
    for requester, bound_environment, environment, tied, by_group in everything:
        binding = bound(LETTERS[letter], "C0HERE", bound_environment, by_group=by_group)
        roles = Roles(binding.roles, {PERSON: "Carol"} if tied else {})
        groups = frozenset({"S0GROUP"} if by_group else ())
        held = letter if bound_environment in {None, environment} else "-"
        able = (OWN if requester == PERSON else ALLOWED)["approve"]
        named = by_group if NAMED[approvers] is None else NAMED[approvers]
        refusal = may_approve(roles, requester, "carol", environment, groups, approvers)
        where = (requester, bound_environment, environment, tied, by_group)
        assert (not refusal) == (tied and held in able and named), where


def test_an_approval_that_does_not_count_says_which_rule_it_misses():
    roles = Roles((Binding(Role.APPROVER, users=(PERSON,), environments=("prod",)),), {PERSON: "c"})

    def refusal(login="c", requester="U0OTHER", environment="prod", approvers=()):
        return may_approve(roles, requester, login, environment, frozenset(), approvers)

    assert refusal() == ""
    assert refusal("d") == "d is not in `people` of roles.yaml"
    assert refusal(requester=PERSON) == "c is the requester"
    assert refusal(environment="staging") == "c is no approver of staging in roles.yaml"
    assert refusal(approvers=("S0LEADS",)) == (
        "c is not in `approvers` of overlays/prod/environment.yaml"
    )


@pytest.mark.parametrize("act", [*NEEDED, *sorted(FREE)])
@pytest.mark.parametrize(
    "actor",
    [Actor(PERSON, "C0HERE", home=False), Actor("", "C0HERE"), Actor("", "C0HERE", home=False)],
)
def test_strangers_and_people_without_an_id_may_nothing(act, actor):
    roles = Roles((Binding(Role.ADMIN, users=(PERSON,)), Binding(Role.REQUESTER, everyone=True)))

    assert decide(roles, actor, act, "staging") is not None


def test_an_act_that_nobody_gave_a_role_to_is_a_bug_and_not_allowed():
    with pytest.raises(KeyError):
        decide(Roles((Binding(Role.ADMIN, users=(PERSON,)),)), Actor(PERSON, "C0"), "format-disk")


def test_a_refusal_names_the_rule_and_who_may_there():
    roles = Roles(
        (
            Binding(Role.VIEWER, everyone=True),
            Binding(Role.REQUESTER, groups=("S0ML",), environments=("staging",)),
            Binding(Role.APPROVER, users=("U0BOB",), channels=("C0PROD",), environments=("prod",)),
        )
    )

    assert decide(roles, Actor(PERSON, "C0HERE"), "deploy", "prod") == Denied(
        "deploy", Role.REQUESTER, "prod", Role.VIEWER, ("U0BOB",), (), ("C0PROD",)
    )
    assert decide(roles, Actor(PERSON, "C0HERE"), "deploy", "staging") == Denied(
        "deploy", Role.REQUESTER, "staging", Role.VIEWER, (), ("S0ML",), ()
    )


def test_the_highest_role_of_a_place_counts_and_none_named_means_any_place():
    roles = Roles(
        (
            Binding(Role.ADMIN, users=(PERSON,), environments=("staging",)),
            Binding(Role.VIEWER, users=(PERSON,)),
        )
    )

    assert role_of(roles, Actor(PERSON, "C0"), "staging") is Role.ADMIN
    assert role_of(roles, Actor(PERSON, "C0"), "prod") is Role.VIEWER
    assert role_of(roles, Actor(PERSON, "C0")) is Role.ADMIN
    assert role_of(roles, Actor("U0OTHER", "C0")) is None
