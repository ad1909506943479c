"""Whether an environment has room: what is said, and when nothing is."""

import msgspec
import pytest

from gitops.deployment import Rollout
from gitops.engine import Engine
from gitops.environment import Environment, Pool
from gitops.request import DeployRequest
from gitops.resolve import resolve
from gitops.room import room


@pytest.fixture(scope="module")
def deployment(catalog):
    """One group of two pods with one GPU each."""
    return resolve(DeployRequest("qwen3-32b", Engine.VLLM), Environment(name="example"), catalog)


def said(deployment, nodes, gpus=1, **fields):
    pools = (Pool(name="l20", gpu="L20", nodes=nodes, gpus_per_node=gpus),) if nodes else ()
    changed = msgspec.structs.replace(deployment, **fields)
    return {f.rule: f.text for f in room(changed, Environment(name="example", pools=pools))}


@pytest.mark.parametrize(
    ("nodes", "gpus", "replicas"), [(0, 1, 9), (2, 1, 1), (4, 1, 2), (1, 8, 4), (1, 1, 0)]
)
def test_nothing_is_said_where_all_groups_find_nodes_or_nothing_is_known(
    deployment, nodes, gpus, replicas
):
    assert said(deployment, nodes, gpus, replicas=replicas) == {}


def test_groups_without_nodes_are_counted(deployment):
    assert said(deployment, 5, replicas=3) == {
        "groups-placeable": "2 of 3 groups of 2 pods × 1 GPU find nodes in example, even when"
        " nothing else runs there (5 GPUs); the others stay Pending"
    }


def test_a_rollout_that_only_adds_needs_room(deployment):
    surge = Rollout(max_unavailable=0, max_surge=1)

    assert said(deployment, 6, replicas=2, rollout=surge) == {}
    assert said(deployment, 5, replicas=2, rollout=surge) == {
        "rollout-room": "a rolling update has no room in example: 1 of the 2 GPUs of the extra"
        " groups are not free: it would wait."
    }
