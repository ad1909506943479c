"""restartPolicy RecreateGroupAfterStart: a group is left alone until all of it has started."""

import pytest

from sandbox.clock import Time
from sandbox.cluster import (
    LWS_0_6_0,
    LWS_0_7_0,
    LWS_0_8_0_PLUS,
    LWS_0_10_0,
    Cluster,
    Speeds,
)
from sandbox.cluster.refusals import Refusal
from sandbox.journal import Journal
from tests.sandbox.test_cluster_bench import lws

SLOW = Speeds(pull=0, start=0.2, load=1, worker_ready=0.06, stop=0.3, back_off=2)
POLICY = {"restartPolicy": "RecreateGroupAfterStart"}
ANNOTATION = {"leaderworkerset.sigs.k8s.io/experimental-recreate-group-after-start": "true"}


def cluster_of(quirks=LWS_0_10_0):
    return Cluster(Time(rate=0), Journal(), tokens={}, speeds=SLOW, quirks=quirks)


def up(cluster, marks=None, **wishes):
    """Bring up a group whose worker pulls an image that is not there."""
    body = lws(**wishes)
    worker = body["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]["containers"][0]
    worker["image"] = "vllm:none"
    body["metadata"].update(namespace="default", annotations=marks or {})
    cluster.image_missing("vllm:none")
    cluster.apply(body)
    cluster.run(5)
    return uid(cluster)


def uid(cluster, name="qwen-0"):
    return cluster.get("pods", "default", name)["metadata"]["uid"]


def phase(cluster, name):
    return cluster.get("pods", "default", name)["status"]["phase"]


@pytest.mark.parametrize(
    ("quirks", "marks", "wishes"),
    [
        (LWS_0_10_0, None, POLICY),
        (LWS_0_8_0_PLUS, None, POLICY),
        (LWS_0_8_0_PLUS, ANNOTATION, {}),
        (LWS_0_10_0, ANNOTATION, {}),
    ],
)
def test_a_leader_that_dies_while_a_worker_pulls_restarts_alone(quirks, marks, wishes):
    cluster = cluster_of(quirks)
    before = up(cluster, marks, **wishes)
    cluster.kill("default", "qwen-0", "Error", 1)
    cluster.run(10)

    assert phase(cluster, "qwen-0-1") == "Pending"
    assert uid(cluster) == before


@pytest.mark.parametrize(("quirks", "marks"), [(LWS_0_10_0, None), (LWS_0_7_0, ANNOTATION)])
def test_without_the_policy_the_group_is_recreated_at_once(quirks, marks):
    cluster = cluster_of(quirks)
    before = up(cluster, marks)
    cluster.kill("default", "qwen-0", "Error", 1)
    cluster.run(10)

    assert uid(cluster) != before


def test_once_the_group_has_started_the_earlier_death_recreates_it():
    cluster = cluster_of()
    before = up(cluster, **POLICY)
    cluster.kill("default", "qwen-0", "Error", 1)
    cluster.run(10)
    cluster.image_missing("vllm:none", missing=False)
    cluster.run(10)

    assert uid(cluster) != before
    assert phase(cluster, "qwen-0") == phase(cluster, "qwen-0-1") == "Running"


def test_a_group_that_has_started_is_recreated_as_ever():
    cluster = cluster_of()
    cluster.apply({**lws(**POLICY), "metadata": {"name": "qwen", "namespace": "default"}})
    cluster.run(5)
    before = uid(cluster)
    cluster.kill("default", "qwen-0-1")
    cluster.run(10)

    assert uid(cluster) != before


@pytest.mark.parametrize("quirks", [LWS_0_6_0, LWS_0_7_0])
def test_older_versions_do_not_know_the_policy(quirks):
    with pytest.raises(Refusal, match='Unsupported value: "RecreateGroupAfterStart"'):
        up(cluster_of(quirks), **POLICY)
