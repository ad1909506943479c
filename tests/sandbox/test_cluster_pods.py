"""The sandbox's scheduler and kubelet: room, claims, loading, logs."""

import pytest
from kubernetes import client
from werkzeug.exceptions import Conflict, NotFound

from sandbox.clock import Time
from sandbox.cluster import Node, Speeds
from tests.sandbox.test_cluster_bench import Bench, lws

FULL = (
    "0/4 nodes are available: 4 Insufficient nvidia.com/gpu. no new claims to deallocate, "
    "preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod."
)


@pytest.fixture
def bench():
    with Bench().served() as found:
        yield found


def pod(bench, name):
    return bench.core.read_namespaced_pod(name, "default")


def test_three_groups_on_four_gpus_are_recording_12(bench):
    bench.create(replicas=3)
    bench.wait("pod.unschedulable", name="qwen-1-1", message=FULL)
    bench.wait("pod.unschedulable", name="qwen-2-1")
    bench.wait("pod.ready", name="qwen-0")
    status = bench.custom.get_namespaced_custom_object(
        "leaderworkerset.x-k8s.io", "v1", "default", "leaderworkersets", "qwen"
    )["status"]
    waiting = pod(bench, "qwen-2-1").status

    assert (status["replicas"], status["readyReplicas"]) == (3, 1)
    assert [each["status"] for each in status["conditions"]] == ["True"]
    assert [(c.type, c.status, c.reason) for c in waiting.conditions] == [
        ("PodScheduled", "False", "Unschedulable")
    ]
    told = [e for e in bench.core.list_namespaced_event("default").items if e.type == "Warning"]
    assert {(e.reason, e.message) for e in told} == {("FailedScheduling", FULL)}


def test_a_waiting_group_starts_when_gpus_come_free(bench):
    since, _ = bench.running(name="old", replicas=2)
    bench.create(name="new")
    bench.wait("pod.unschedulable", name="new-0")
    bench.custom.delete_namespaced_custom_object(
        "leaderworkerset.x-k8s.io", "v1", "default", "leaderworkersets", "old"
    )

    bench.wait("lws.available", since, name="new")


def test_a_missing_claim_is_recording_21_until_it_is_made(bench):
    bench.create(claim="llm-model")
    missing = '0/4 nodes are available: persistentvolumeclaim "llm-model" not found. not found'
    bench.wait("pod.unschedulable", name="qwen-0", message=missing)
    bench.wait("pod.unschedulable", name="qwen-0-1", message=missing)
    bench.claim("llm-model")

    bench.wait("lws.available")


def test_a_node_selector_is_honoured():
    nodes = (Node("a", gpus=8), Node("b", gpus=8, product="NVIDIA-L20"))
    with Bench(nodes=nodes).served() as bench:
        body = lws(size=1)
        spec = body["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]
        spec["nodeSelector"] = {"nvidia.com/gpu.product": "NVIDIA-L20"}
        bench.custom.create_namespaced_custom_object(
            "leaderworkerset.x-k8s.io", "v1", "default", "leaderworkersets", body
        )
        bench.wait("lws.available")

        assert pod(bench, "qwen-0").spec.node_name == "b"


def test_one_pod_may_take_several_gpus():
    with Bench(nodes=(Node("a", gpus=2), Node("b", gpus=4))).served() as bench:
        bench.running(replicas=1, size=3)

        names = [pod(bench, name).spec.node_name for name in ("qwen-0", "qwen-0-1", "qwen-0-2")]
        assert names == ["b", "b", "a"]


def test_the_leader_is_ready_only_when_its_workers_run():
    frozen = Time(rate=0)
    with Bench(time=frozen, nodes=(Node("a", gpus=1), Node("b", gpus=1))).served() as bench:
        bench.create(size=3)
        bench.wait("pod.unschedulable", name="qwen-0-2")
        frozen.advance(0.2)
        bench.wait("pod.running", name="qwen-0-1")
        frozen.advance(1000)
        bench.wait("pod.ready", name="qwen-0-1")

        assert "pod.ready qwen-0" not in bench.happened()


@pytest.mark.parametrize(
    ("engine", "halfway", "end"),
    [
        (
            ["python3", "-m", "vllm.entrypoints.openai.api_server"],
            "Loading safetensors checkpoint shards:  70% Completed | 12/17",
            "INFO:     Application startup complete.",
        ),
        (
            ["python3", "-m", "sglang.launch_server", "--port", "8000"],
            "Loading safetensors checkpoint shards:  70% Completed | 12/17",
            "The server is fired up and ready to roll!",
        ),
    ],
)
def test_the_log_tells_how_far_the_weights_are(engine, halfway, end):
    frozen = Time(rate=0)
    with Bench(time=frozen, speeds=Speeds(pull=1, start=1, load=100)).served() as bench:
        body = lws()
        body["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]["containers"][0][
            "command"
        ] = engine
        bench.custom.create_namespaced_custom_object(
            "leaderworkerset.x-k8s.io", "v1", "default", "leaderworkersets", body
        )
        bench.wait("pod.scheduled", name="qwen-0-1")
        with pytest.raises(client.ApiException) as early:
            bench.core.read_namespaced_pod_log("qwen-0", "default")
        frozen.advance(2)
        bench.wait("pod.running", name="qwen-0-1")
        frozen.advance(57)
        during = bench.core.read_namespaced_pod_log("qwen-0", "default", tail_lines=1)
        frozen.advance(50)
        bench.wait("pod.ready", name="qwen-0")
        after = bench.core.read_namespaced_pod_log("qwen-0", "default", tail_lines=1)

        assert early.value.status == 400
        assert "is waiting to start: ContainerCreating" in early.value.body
        assert (during, after) == (f"{halfway}\n", f"{end}\n")


def test_a_dead_container_leaves_its_log_and_its_cause():
    slow = Speeds(pull=0, start=0.1, load=1, stop=1000)
    with Bench(speeds=slow).served() as bench:
        since, _ = bench.running()
        bench.cluster.kill("default", "qwen-0-1", "OOMKilled", 137)
        bench.wait("pod.stopping", since, name="qwen-0-1")
        (status,) = pod(bench, "qwen-0-1").status.container_statuses
        log = bench.core.read_namespaced_pod_log("qwen-0-1", "default", previous=True)

        assert (status.restart_count, status.ready) == (1, False)
        assert status.last_state.terminated.reason == "OOMKilled"
        assert status.last_state.terminated.exit_code == 137
        assert status.state.waiting.reason == "CrashLoopBackOff"
        assert "Ray runtime started" in log


def test_only_a_running_container_can_be_killed(bench):
    bench.create(claim="missing")
    bench.wait("pod.unschedulable", name="qwen-0")

    with pytest.raises(NotFound, match='pods "nobody" not found'):
        bench.cluster.kill("default", "nobody")
    with pytest.raises(Conflict, match="pod qwen-0 has no running container to kill"):
        bench.cluster.kill("default", "qwen-0")
