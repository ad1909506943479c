"""The sandbox's LWS v0.10.0, in the order that the recordings of the real controller show.

Every list is what a watch of one kind sees; the order between kinds is not causal in them.
"""

import pytest

from tests.sandbox.test_cluster_bench import COMING_UP, LWS, Bench


@pytest.fixture
def bench():
    with Bench().served() as found:
        yield found


def test_a_first_rollout_is_recording_01(bench):
    start = bench.version()
    bench.running()

    assert bench.history("pods", start) == COMING_UP
    assert bench.history("leaderworkersets", start) == [
        "ADDED gen=1 -/-/-",
        "MODIFIED gen=1 -/-/- P=T",
        "MODIFIED gen=1 1/-/1 P=T",
        "MODIFIED gen=1 1/1/1 P=F A=T",
    ]
    assert bench.history("statefulsets", start) == [
        "ADDED qwen spec=1 partition=0 0/0/0",
        "MODIFIED qwen spec=1 partition=0 0/0/0",
        "ADDED qwen-0 spec=1 partition=0 0/0/0",
        "MODIFIED qwen spec=1 partition=0 1/0/1",
        "MODIFIED qwen-0 spec=1 partition=0 0/0/0",
        "MODIFIED qwen-0 spec=1 partition=0 1/0/1",
        "MODIFIED qwen-0 spec=1 partition=0 1/1/1",
        "MODIFIED qwen spec=1 partition=0 1/1/1",
    ]


def test_a_first_rollout_tells_the_events_of_recording_01(bench):
    start = bench.version()
    bench.running()

    events = bench.history("events", start)
    assert events[0].startswith("ADDED qwen CreatingRevision: Creating revision with key ")
    assert events[0].endswith(" for a newly created LeaderWorkerSet")
    assert events[1:] == [
        "ADDED qwen GroupsProgressing: Created leader statefulset qwen",
        (
            "ADDED qwen GroupsProgressing: "
            "Replicas are progressing, with 0 groups ready of total 1 groups"
        ),
        "ADDED qwen SuccessfulCreate: Create Pod qwen-0 in StatefulSet qwen successful",
        "ADDED qwen-0 Scheduled: Successfully assigned default/qwen-0 to gpu-node-0",
        "ADDED qwen GroupsProgressing: Created worker statefulset for leader pod qwen-0",
        "ADDED qwen-0 SuccessfulCreate: Create Pod qwen-0-1 in StatefulSet qwen-0 successful",
        "ADDED qwen-0-1 Scheduled: Successfully assigned default/qwen-0-1 to gpu-node-1",
        "ADDED qwen AllGroupsReady: All replicas are ready, with 1 groups ready of total 1 groups",
    ]


def test_a_worker_that_runs_out_of_memory_is_recording_08(bench):
    since, start = bench.running()
    bench.cluster.kill("default", "qwen-0-1", "OOMKilled", 137)
    bench.wait("lws.available", since)

    assert bench.history("pods", start) == [
        "MODIFIED qwen-0-1 Running bound CrashLoopBackOff OOMKilled",
        "MODIFIED qwen-0 Running bound running ready deleting foreground",
        "MODIFIED qwen-0-1 Running bound CrashLoopBackOff OOMKilled deleting",
        "MODIFIED qwen-0 Running bound running ready deleting foreground",
        "MODIFIED qwen-0-1 Running bound CrashLoopBackOff OOMKilled deleting",
        "DELETED qwen-0-1 Running bound CrashLoopBackOff OOMKilled deleting",
        "DELETED qwen-0 Running bound running ready deleting foreground",
        *COMING_UP,
    ]
    assert bench.history("leaderworkersets", start) == [
        "MODIFIED gen=1 1/-/1 P=T A=F",
        "MODIFIED gen=1 1/-/- P=T A=F",
        "MODIFIED gen=1 1/-/1 P=T A=F",
        "MODIFIED gen=1 1/1/1 P=F A=T",
    ]
    assert bench.history("statefulsets", start)[:7] == [
        "MODIFIED qwen-0 spec=1 partition=0 1/0/1",
        "MODIFIED qwen spec=1 partition=0 1/1/0",
        "MODIFIED qwen-0 spec=1 partition=0 1/0/1 deleting",
        "MODIFIED qwen-0 spec=1 partition=0 1/0/0 deleting",
        "MODIFIED qwen-0 spec=1 partition=0 0/0/0 deleting",
        "DELETED qwen-0 spec=1 partition=0 0/0/0 deleting",
        "MODIFIED qwen spec=1 partition=0 0/0/0",
    ]


def test_the_recreation_of_a_group_happens_in_the_order_of_the_reference(bench):
    since, _ = bench.running()
    before = bench.cluster.get("pods", "default", "qwen-0")["metadata"]["uid"]
    bench.cluster.kill("default", "qwen-0-1")
    bench.wait("lws.available", since)

    assert bench.happened(since)[:10] == [
        "pod.died qwen-0-1",
        "pod.stopping qwen-0",
        "group.recreated qwen",
        "lws.progressing qwen",
        "pod.stopping qwen-0-1",
        "pod.gone qwen-0-1",
        "pod.gone qwen-0",
        "pod.created qwen-0",
        "pod.scheduled qwen-0",
        "pod.created qwen-0-1",
    ]
    after = bench.cluster.get("pods", "default", "qwen-0")
    assert after["metadata"]["uid"] != before
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0


def test_the_recreation_is_told_by_an_event_of_the_modern_kind(bench):
    since, _ = bench.running()
    bench.cluster.kill("default", "qwen-0-1")
    bench.wait("group.recreated", since)
    events = bench.core.list_namespaced_event("default").items
    (told,) = [event for event in events if event.reason == "RecreateGroup"]

    assert told.message == (
        "Worker pod qwen-0-1 failed, deleted leader pod qwen-0 to recreate group 0"
    )
    assert (told.involved_object.kind, told.involved_object.name) == ("LeaderWorkerSet", "qwen")
    assert (told.related.kind, told.related.name) == ("Pod", "qwen-0")
    assert (told.type, told.action, told.reporting_component) == (
        "Normal",
        "Delete",
        "leaderworkerset",
    )
    assert told.event_time is not None
    assert (told.count, told.first_timestamp, told.last_timestamp) == (None, None, None)


def test_a_leader_that_dies_takes_its_group_along(bench):
    since, _ = bench.running()
    bench.cluster.kill("default", "qwen-0", "Error", 1)
    bench.wait("group.recreated", since)
    bench.wait("lws.available", since)

    assert bench.happened(since)[:3] == [
        "pod.died qwen-0",
        "pod.stopping qwen-0",
        "group.recreated qwen",
    ]


def test_other_groups_are_left_alone(bench):
    since, start = bench.running(replicas=2)
    bench.cluster.kill("default", "qwen-1-1")
    bench.wait("lws.available", since)

    assert not [line for line in bench.history("pods", start) if " qwen-0" in line]


def test_a_deleted_worker_recreates_its_group(bench):
    since, _ = bench.running()
    bench.core.delete_namespaced_pod("qwen-0-1", "default")
    bench.wait("group.recreated", since)

    bench.wait("lws.available", since)


def test_without_a_restart_policy_the_container_comes_back_alone(bench):
    since, start = bench.running(restartPolicy="Default")
    stored = bench.custom.get_namespaced_custom_object(*LWS, "qwen")
    bench.cluster.kill("default", "qwen-0-1", "Error", 1)
    bench.wait("lws.available", since)

    assert stored["spec"]["leaderWorkerTemplate"]["restartPolicy"] == "None"
    assert bench.history("pods", start) == [
        "MODIFIED qwen-0-1 Running bound CrashLoopBackOff Error",
        "MODIFIED qwen-0-1 Running bound running Error",
        "MODIFIED qwen-0-1 Running bound running Error ready",
    ]


def test_a_deletion_in_the_background_is_recording_15(bench):
    since, start = bench.running()
    bench.custom.delete_namespaced_custom_object(*LWS, "qwen", propagation_policy="Background")
    bench.wait("pod.gone", since, name="qwen-0-1")

    assert bench.history("leaderworkersets", start) == ["DELETED gen=1 1/1/1 P=F A=T"]
    assert bench.history("pods", start) == [
        "MODIFIED qwen-0 Running bound running ready deleting",
        "DELETED qwen-0 Running bound running ready deleting",
        "MODIFIED qwen-0-1 Running bound running ready deleting",
        "DELETED qwen-0-1 Running bound running ready deleting",
    ]
    assert bench.cluster.select("services", "default") == []


def test_a_deletion_in_the_foreground_is_recording_16(bench):
    since, start = bench.running()
    bench.custom.delete_namespaced_custom_object(*LWS, "qwen", propagation_policy="Foreground")
    bench.wait("lws.gone", since)

    assert bench.history("pods", start) == [
        "MODIFIED qwen-0 Running bound running ready deleting foreground",
        "MODIFIED qwen-0-1 Running bound running ready deleting",
        "MODIFIED qwen-0 Running bound running ready deleting foreground",
        "MODIFIED qwen-0-1 Running bound running ready deleting",
        "DELETED qwen-0-1 Running bound running ready deleting",
        "DELETED qwen-0 Running bound running ready deleting foreground",
    ]
    assert bench.history("leaderworkersets", start) == [
        "MODIFIED gen=2 1/1/1 P=F A=T",
        "DELETED gen=2 1/1/1 P=F A=T",
    ]


def test_pods_carry_the_names_and_the_environment_of_their_group(bench):
    bench.running(size=3)
    pods = bench.core.list_namespaced_pod("default").items
    worker = next(pod for pod in pods if pod.metadata.name == "qwen-0-2")
    environment = {each.name: each.value for each in worker.spec.containers[0].env}

    prefix = "leaderworkerset.sigs.k8s.io/"
    marks = {
        key.removeprefix(prefix): value
        for key, value in worker.metadata.labels.items()
        if key.startswith(prefix)
    }
    assert marks | {"group-key": "", "template-revision-hash": ""} == {
        "name": "qwen",
        "group-index": "0",
        "worker-index": "2",
        "group-key": "",
        "template-revision-hash": "",
    }
    assert worker.metadata.annotations == {f"{prefix}leader-name": "qwen-0", f"{prefix}size": "3"}
    assert environment == {
        "LWS_LEADER_ADDRESS": "qwen-0.qwen.default",
        "LWS_GROUP_SIZE": "3",
        "LWS_WORKER_INDEX": "2",
    }


def test_one_pod_a_group_needs_no_worker_set(bench):
    bench.running(size=1)

    assert [each["metadata"]["name"] for each in bench.cluster.select("statefulsets")] == ["qwen"]
