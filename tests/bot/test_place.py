"""Which environment and which deployment a command means, from where it was typed."""

import pytest

from bot.commands.place import Named, deployment_of, environment_of
from bot.errors import BotError
from gitops.environment import Environment, Slack

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
        ("\u202ex", "staging", "no environment �x; try `/llm list`"),
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
        ("nowhere/m1", None, "no environment nowhere; try `/llm list`"),
        ("zzzz", None, "no deployment zzzz; try `/llm list`"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest_name(name, named, line):
    with pytest.raises(BotError) as refusal:
        deployment_of(name, named, "C0OTHER", ALL, THERE)

    assert str(refusal.value) == line
