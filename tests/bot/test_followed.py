"""Which proposals an event may be news of: found by what it names, whatever else is followed."""

from dataclasses import replace

import pytest

from bot.cluster import Contact, Listed, Observation, Unit
from bot.rollout.followed import about, follow
from bot.rollout.inbox import Tick, Wake
from bot.rollout.proving import Proof
from bot.rollout.recalling import Lost, Strays, Traced
from bot.rollout.reviewing import Looked, Read
from bot.store import Proposal
from gitops.forge import PullRequest, Review

M = Proposal(
    "dev", "m", "ml", "q", "q", "v", "1×1", "TP 1", 1, "s", 7, "u", "C1", "1.1", "U1"
)  # fmt: skip
OTHER = replace(M, name="other", pull_number=8)
AWAY = replace(M, environment="prod", pull_number=9)
NEAR = replace(M, environment="lab", namespace="lab", pull_number=10)
EVERY = [M, OTHER, AWAY, NEAR]
CONTEXTS = {"dev": "", "lab": "", "prod": "two"}


def shows(context="", namespace="ml", name="m"):
    return Observation(namespace, name, "u", "s", 1, 1, current=True, pods=(), context=context)


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (Tick(), EVERY),
        (Wake(8), [OTHER]),
        (Wake(99), []),
        (Read(9, Looked(PullRequest(9, "u", Review.OPEN))), [AWAY]),
        (shows(), [M]),
        (shows("two"), [AWAY]),
        (shows("three"), []),
        (shows(namespace="lab"), [NEAR]),
        (shows(name="none"), []),
        (Proof("", "ml", "other", 0, "l"), [OTHER]),
        (Listed("", "ml", frozenset({"m"})), [OTHER]),
        (Listed("", "ml", frozenset()), [M, OTHER]),
        (Unit("", "argocd", "app", "overlays/dev/m"), [M]),
        (Unit("", "argocd", "all", "overlays/dev"), [M, OTHER]),
        (Unit("two", "argocd", "app", "overlays/dev/m"), []),
        (Contact("", "ml", ok=True), []),
        (Strays(()), []),
        (Traced(Lost("dev", "m", "c")), []),
    ],
)
def test_an_event_finds_the_proposals_that_it_is_about(event, found):
    assert about(event, follow(EVERY), lambda each: CONTEXTS[each.environment]) == found
