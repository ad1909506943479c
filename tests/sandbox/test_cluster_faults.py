"""The faults that a test or a story can ask the sandbox's cluster for."""

import time

import pytest
from kubernetes import client
from werkzeug.exceptions import NotFound

from sandbox.clock import Time
from sandbox.cluster import Cluster, Drawn, Speeds
from sandbox.journal import Journal
from tests.sandbox.test_cluster_bench import SPEEDS, Bench, lws


@pytest.fixture
def cluster():
    """A cluster whose time moves only when the test says so."""
    return Cluster(Time(rate=0), Journal(), tokens={"": "write"}, speeds=SPEEDS)


def up(cluster, **wishes):
    body = lws(**wishes)
    body["metadata"]["namespace"] = "default"
    cluster.apply(body)
    cluster.run(10)
    return cluster


def pod(cluster, name="qwen-0"):
    return cluster.get("pods", "default", name)


def condition(item, kind):
    return next(each for each in item["status"]["conditions"] if each["type"] == kind)


def available(cluster):
    return condition(cluster.get("leaderworkersets", "default", "qwen"), "Available")["status"]


def events(cluster, reason):
    return [
        each["message"] for each in cluster.select("events", "default") if each["reason"] == reason
    ]


def test_a_pod_that_runs_out_of_memory_says_so(cluster):
    up(cluster)
    cluster.oom("default", "qwen-0-1")
    ended = pod(cluster, "qwen-0-1")["status"]["containerStatuses"][0]["lastState"]["terminated"]

    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    cluster.run(10)
    assert available(cluster) == "True"


def test_a_missing_image_holds_the_pod_until_it_is_there(cluster):
    cluster.image_missing("vllm:v0.10.0")
    up(cluster)
    waiting = pod(cluster)["status"]["containerStatuses"][0]["state"]["waiting"]

    assert waiting["reason"] == "ImagePullBackOff"
    cluster.image_missing("vllm:v0.10.0", missing=False)
    cluster.run(10)
    assert available(cluster) == "True"


def test_a_missing_claim_leaves_the_pods_unscheduled(cluster):
    up(cluster, claim="llm-model")
    placed = condition(pod(cluster), "PodScheduled")

    assert placed["message"] == (
        '0/4 nodes are available: persistentvolumeclaim "llm-model" not found. not found'
    )


def test_a_cordoned_node_and_a_shrunk_one_take_no_pods(cluster):
    for number in range(3):
        cluster.cordon(f"gpu-node-{number}")
    cluster.shrink("gpu-node-3", 0)
    up(cluster)

    assert condition(pod(cluster), "PodScheduled")["message"] == (
        "0/4 nodes are available: 1 Insufficient nvidia.com/gpu, 3 node(s) were unschedulable. "
        "no new claims to deallocate, preemption: 0/4 nodes are available: "
        "4 Preemption is not helpful for scheduling."
    )
    cluster.cordon("gpu-node-0", closed=False)
    cluster.shrink("gpu-node-3", 2)
    cluster.run(10)
    assert available(cluster) == "True"


def test_an_evicted_leader_takes_its_group_along_without_an_event(cluster):
    up(cluster)
    before = pod(cluster)["metadata"]["uid"]
    cluster.evict("default", "qwen-0")
    failed = pod(cluster)["status"]

    assert (failed["phase"], failed["reason"]) == ("Failed", "Evicted")
    cluster.run(10)
    assert pod(cluster)["metadata"]["uid"] != before
    assert available(cluster) == "True"
    assert events(cluster, "RecreateGroup") == []


def test_a_pod_that_never_becomes_ready_holds_its_group_back(cluster):
    cluster.never_ready("default", "qwen-0*")
    up(cluster)

    assert pod(cluster)["status"]["phase"] == "Running"
    assert condition(pod(cluster), "Ready")["status"] == "False"
    cluster.never_ready("default", "qwen-0*", ready=True)
    cluster.run(10)
    assert available(cluster) == "True"


def test_a_lost_node_loses_its_pods_only_after_a_while():
    speeds = Speeds(pull=0, start=0.2, load=1, stop=0.3, unreachable=60)
    cluster = up(Cluster(Time(rate=0), Journal(), tokens={}, speeds=speeds))
    node = pod(cluster, "qwen-0-1")["spec"]["nodeName"]
    cluster.lose_node(node)
    cluster.run(30)
    lost = condition(pod(cluster, "qwen-0-1"), "Ready")

    assert condition(cluster.get("nodes", "", node), "Ready")["status"] == "Unknown"
    assert (lost["status"], lost["reason"]) == ("False", "NodeNotReady")
    assert "deletionTimestamp" not in pod(cluster, "qwen-0-1")["metadata"]
    cluster.run(60)
    stuck = pod(cluster, "qwen-0-1")
    assert "deletionTimestamp" in stuck["metadata"]
    assert condition(stuck, "DisruptionTarget")["reason"] == "DeletionByTaintManager"
    cluster.find_node(node)
    cluster.run(10)
    assert available(cluster) == "True"


def test_a_node_that_is_found_in_time_keeps_its_pods(cluster):
    up(cluster)
    uid = pod(cluster, "qwen-0-1")["metadata"]["uid"]
    node = pod(cluster, "qwen-0-1")["spec"]["nodeName"]
    cluster.lose_node(node)
    cluster.run(30)
    cluster.find_node(node)
    cluster.run(600)

    assert pod(cluster, "qwen-0-1")["metadata"]["uid"] == uid
    assert available(cluster) == "True"


def test_while_the_webhook_is_down_nothing_is_made(cluster):
    up(cluster)
    cluster.webhook_down()
    cluster.kill("default", "qwen-0-1")
    cluster.run(10)

    assert pod(cluster) is None
    assert any("failed calling webhook" in text for text in events(cluster, "FailedCreate"))
    cluster.webhook_down(down=False)
    cluster.run(30)
    assert available(cluster) == "True"


def test_while_the_webhook_is_down_a_person_is_refused():
    with Bench().served() as bench:
        bench.cluster.webhook_down()
        with pytest.raises(client.ApiException) as caught:
            bench.create()

        assert caught.value.status == 500
        assert 'failed calling webhook \\"mleaderworkerset.kb.io\\"' in caught.value.body


def test_a_fault_on_a_node_that_is_not_there_is_told(cluster):
    with pytest.raises(NotFound, match='nodes "nowhere" not found'):
        cluster.lose_node("nowhere")


def history(seed):
    seen = []
    cluster = Cluster(
        Time(rate=0), Journal(), tokens={}, speeds=SPEEDS, pace=Drawn(seed)
    )  # fmt: skip
    cluster.listen(
        lambda change: seen.append((change.type, change.key, change.object["metadata"]["uid"]))
    )
    up(cluster, replicas=2)
    cluster.kill("default", "qwen-1-1")
    cluster.run(10)
    return seen


def test_the_same_seed_gives_the_same_history_and_the_same_ids():
    assert history(7) == history(7)
    assert history(7) != history(8)


def test_a_cluster_starts_in_a_moment_of_cpu():
    before = time.process_time()
    with Bench().served():
        took = time.process_time() - before

    assert took < 0.3


def test_a_killed_container_recreates_its_group_with_new_uids(cluster):
    up(cluster)
    before = pod(cluster)["metadata"]["uid"]
    cluster.kill("default", "qwen-0-1", "Error", 1)
    cluster.run(10)

    assert pod(cluster)["metadata"]["uid"] != before
    assert events(cluster, "RecreateGroup") == [
        "Worker pod qwen-0-1 failed, deleted leader pod qwen-0 to recreate group 0"
    ]
    assert available(cluster) == "True"
