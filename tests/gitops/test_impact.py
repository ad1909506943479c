"""What a change does to the groups that run, judged by built manifests."""

import copy

import pytest

from gitops import assets
from gitops.build import kustomize
from gitops.errors import InvalidRequestError
from gitops.impact import Impact, Kind, check_in_place, impact, in_words

OUTAGE = (
    "outage: the only group restarts at once (maxUnavailable 1, maxSurge 0),"
    " from the stop until the weights are loaded"
)


@pytest.fixture(scope="module")
def lws():
    built = kustomize(assets.root() / "overlays" / "example" / "qwen3-32b-sglang")
    return next(manifest for manifest in built if manifest["kind"] == "LeaderWorkerSet")


def changed(lws, **fields):
    """Return the set with other replicas, size, image or rollout."""
    after = copy.deepcopy(lws)
    spec, template = after["spec"], after["spec"]["leaderWorkerTemplate"]
    spec["replicas"] = fields.get("replicas", spec["replicas"])
    template["size"] = fields.get("size", template["size"])
    if "image" in fields:
        template["workerTemplate"]["spec"]["containers"][0]["image"] = fields["image"]
    if "rollout" in fields:
        spec["rolloutStrategy"]["rollingUpdateConfiguration"] = fields["rollout"]
    if "annotation" in fields:
        after["metadata"]["annotations"]["note"] = fields["annotation"]
    return after


def of(lws, before, after, price=None):
    return impact(
        None if before is None else changed(lws, **before),
        None if after is None else changed(lws, **after),
        price,
    )


@pytest.mark.parametrize(
    ("before", "after", "expected", "words"),
    [
        (None, {}, Impact(Kind.NEW, 1, 0, 0, 0, 2, None), "1 new group; nothing restarts"),
        ({}, None, Impact(Kind.REMOVED, 0, 0, 0, 2, 0, None), "all groups stop; the storage stays"),
        ({}, {}, Impact(Kind.NONE, 1, 0, 0, 2, 2, None), "no group restarts"),
        ({}, {"annotation": "x"}, Impact(Kind.NONE, 1, 0, 0, 2, 2, None), "no group restarts"),
        (
            {},
            {"replicas": 3},
            Impact(Kind.SCALE, 1, 0, 0, 2, 6, None),
            "no group restarts; groups are added or removed at the end",
        ),
        (
            {},
            {"image": "x:2"},
            Impact(Kind.ROLLING, 1, 1, 0, 2, 2, None),
            OUTAGE,
        ),
        (
            {"replicas": 4},
            {"replicas": 4, "image": "x:2"},
            Impact(Kind.ROLLING, 4, 1, 0, 8, 8, None),
            "rolling restart of 4 groups, 1 down at a time, 0 more while it runs",
        ),
        (
            {"replicas": 4},
            {"replicas": 4, "size": 3, "rollout": {"maxUnavailable": "50%", "maxSurge": "30%"}},
            Impact(Kind.ROLLING, 4, 2, 2, 8, 12, None),
            "rolling restart of 4 groups, 2 down at a time, 2 more while it runs",
        ),
        (
            {"replicas": 0},
            {"replicas": 0, "image": "x:2"},
            Impact(Kind.ROLLING, 0, 0, 0, 0, 0, None),
            "no group runs; nothing restarts",
        ),
    ],
)
def test_a_change_has_its_impact(lws, before, after, expected, words):
    found = of(lws, before, after)

    assert found == expected
    assert in_words(found) == words


def test_cost_is_the_price_of_the_gpus_more(lws):
    assert of(lws, {}, {"replicas": 2}, price=10.0).cost_per_hour == 20.0
    assert of(lws, {}, None, price=10.0).cost_per_hour == -20.0


def test_the_size_of_a_group_cannot_change_before_lws_0_7(lws):
    check_in_place(lws, changed(lws, size=3), "0.7.0")
    check_in_place(lws, changed(lws, replicas=3), "0.6.0")

    with pytest.raises(InvalidRequestError, match="cannot change it in place"):
        check_in_place(lws, changed(lws, size=3), "0.6.0")
