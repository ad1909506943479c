"""Which environment and which deployment a command means, from where it was typed."""

import datetime as dt

import pytest

from bot.access import Actor
from bot.commands.place import Named, deployment_of, environment_of
from bot.commands.scene import Sight, everything, scene
from bot.desired import Desired
from bot.errors import BotError, NotFoundError
from bot.store import Proposal, Rollout
from gitops.environment import Environment, Slack
from gitops.forge import Revision
from gitops.roles import Binding, Role, Roles
from gitops.workspace import WorkingCopy

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)

STAGING = Environment(name="staging", slack=Slack(channel="C0STAGING"))
PROD = Environment(name="prod", slack=Slack(channel="C0PROD"))
EU = Environment(name="eu", production=True)
ALL = (STAGING, PROD, EU)
THERE = (
    Named("staging", "m1"), Named("prod", "m1"), Named("prod", "m2"), Named("eu", "m3"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("named", "channel", "default", "meant"),
    [
        ("prod", "C0STAGING", "staging", PROD),
        (None, "C0STAGING", "prod", STAGING),
        (None, "C0PROD", "staging", PROD),
        (None, "C0OTHER", "staging", STAGING),
        ("eu", "C0OTHER", "staging", EU),
    ],
)
def test_the_environment_is_the_named_one_or_the_channels_or_the_default(
    named, channel, default, meant
):
    assert environment_of(named, channel, ALL, default) == meant


@pytest.mark.parametrize(
    ("named", "default", "line"),
    [
        (None, "prod", "which environment? Add --environment; there are: staging, prod, eu"),
        (None, "eu", "which environment? Add --environment; there are: staging, prod, eu"),
        (None, "gone", "which environment? Add --environment; there are: staging, prod, eu"),
        ("stagin", "staging", "no environment stagin; did you mean staging?"),
        ("\u202ex", "staging", "no environment �x; there are: staging, prod, eu"),
    ],
)
def test_production_is_never_meant_by_default(named, default, line):
    with pytest.raises(BotError) as refusal:
        environment_of(named, "C0OTHER", ALL, default)

    assert str(refusal.value) == line


def test_a_channel_of_two_environments_means_neither():
    both = (STAGING, Environment(name="dev", slack=Slack(channel="C0STAGING")))

    with pytest.raises(BotError, match="bound to staging, dev; add --environment"):
        environment_of(None, "C0STAGING", both, "dev")


@pytest.mark.parametrize(
    ("name", "named", "channel", "meant"),
    [
        ("m2", None, "C0OTHER", Named("prod", "m2")),
        ("m1", None, "C0PROD", Named("prod", "m1")),
        ("staging/m1", None, "C0PROD", Named("staging", "m1")),
        ("m1", "staging", "C0PROD", Named("staging", "m1")),
        ("m3", None, "C0PROD", Named("eu", "m3")),
    ],
)
def test_a_name_is_looked_for_where_one_speaks_then_everywhere(name, named, channel, meant):
    assert deployment_of(name, named, channel, ALL, THERE) == meant


@pytest.mark.parametrize(
    ("name", "named", "line"),
    [
        ("m1", None, "m1 is in several environments; write one of prod/m1, staging/m1"),
        ("m11", None, "no deployment m11; did you mean m1?"),
        ("m2", "staging", "no deployment m2 there; write prod/m2?"),
        ("staging/m9", None, "no deployment staging/m9; did you mean staging/m1?"),
        ("nowhere/m1", None, "no environment nowhere; there are: staging, prod, eu"),
        ("zzzz", None, "no deployment zzzz; try `/llm list`"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest_name(name, named, line):
    with pytest.raises(BotError) as refusal:
        deployment_of(name, named, "C0OTHER", ALL, THERE)

    assert str(refusal.value) == line


ROLES = Roles(
    (
        Binding(Role.VIEWER, everyone=True, environments=("staging",)),
        Binding(Role.REQUESTER, users=("U0ALICE",), channels=("C0PROD",), environments=("prod",)),
    )
)


@pytest.mark.parametrize(
    ("person", "channel", "seen"),
    [
        ("U0ALICE", "C0PROD", ["staging", "prod"]),
        ("U0ALICE", "C0OTHER", ["staging"]),
        ("U0BOB", "C0PROD", ["staging"]),
    ],
)
def test_what_a_person_has_no_role_in_from_there_does_not_exist_for_them(
    tmp_path, person, channel, seen
):
    desired = Desired(Revision("c", "t"), NOW, WorkingCopy(tmp_path), ROLES, None)
    whole = Sight(channel, ALL, THERE, (Named("prod", "m9"),), "staging", AWAITED)

    sight = scene(Actor(person, channel), desired, whole).sight

    assert [e.name for e in sight.environments] == seen
    assert {d.environment for d in (*sight.deployments, *sight.proposed, *sight.awaited)} == {*seen}
    for hidden in {"prod", "eu"} - {*seen}:
        there, nowhere = refusal(sight, f"{hidden}/m1"), refusal(sight, "zzzz/m1")
        assert there == nowhere.replace("zzzz", hidden)


def refusal(sight, name):
    with pytest.raises(NotFoundError) as found:
        sight.deployment(name, None)
    return str(found.value)


def proposal(name, number, environment="staging", **more):
    texts = ("ns", "model", "served", "engine", "shape", "parallel")
    rest = ("state", number, "U", "C0CARD", "1.2", "U0ALICE")
    return Proposal(environment, name, *texts, 2, *rest, **more)


class Kept:
    """Records as a test wrote them."""

    def __init__(self, proposals, rollouts=()):
        self._proposals, self._rollouts = proposals, dict(rollouts)

    def proposals(self):
        return self._proposals

    def rollout(self, key):
        return self._rollouts.get(key)


def test_only_what_an_open_pull_request_brings_to_main_is_awaited(tmp_path):
    (tmp_path / "overlays" / "staging" / "m1").mkdir(parents=True)
    (tmp_path / "overlays" / "staging" / "m1" / "llm.yaml").write_text("", "utf-8")
    desired = Desired(Revision("c", "t"), NOW, WorkingCopy(tmp_path), ROLES, None)
    kept = Kept(
        [proposal(f"m{number}", number) for number in (5, 4, 3, 2, 1)]
        + [proposal("m6", 6, removal=True)],
        {
            "staging/m2": Rollout(2, review="closed"),
            "staging/m3": Rollout(3, review="open"),
            "staging/m4": Rollout(1, review="closed"),
        },
    )

    whole = everything(desired, "C0OTHER", kept, "staging")

    assert [p.name for p in whole.awaited] == ["m3", "m4", "m5"]
    assert len(whole.proposed) == 6


AWAITED = (proposal("m2", 7), proposal("m8", 8), proposal("m9", 9, "prod"))


@pytest.mark.parametrize(
    ("name", "named", "line"),
    [
        ("m8", None, "staging/m8 is not on main yet: pull request #8 (U) is open"),
        ("prod/m9", None, "prod/m9 is not on main yet: pull request #9 (U) is open"),
        ("m2", "staging", "staging/m2 is not on main yet: pull request #7 (U) is open"),
        ("m99", None, "no deployment m99; did you mean m9?"),
    ],
)
def test_what_is_not_on_main_yet_is_said_with_its_pull_request(name, named, line):
    sight = Sight("C0OTHER", ALL, THERE, (), "staging", AWAITED)

    with pytest.raises(NotFoundError) as found:
        sight.deployment(name, named)

    assert str(found.value) == line


def test_a_name_on_main_goes_before_one_that_is_proposed_elsewhere():
    sight = Sight("C0OTHER", ALL, THERE, (), "staging", AWAITED)

    assert sight.deployment("m2", None) == Named("prod", "m2")
    assert sight.deployment("m8", None, Named("staging", "m8")) == Named("staging", "m8")
