"""Scaling and rolling updates of the sandbox's LWS v0.10.0, in the order of the recordings."""

import pytest

from tests.sandbox.test_cluster_bench import COMING_UP, Bench, lws


@pytest.fixture
def bench():
    with Bench().served() as found:
        yield found


def template(**wishes):
    return {"spec": {"leaderWorkerTemplate": lws(**wishes)["spec"]["leaderWorkerTemplate"]}}


def test_more_replicas_are_recording_04(bench):
    since, start = bench.running()
    bench.patch("qwen", {"spec": {"replicas": 2}})
    bench.wait("lws.available", since)

    assert bench.history("leaderworkersets", start) == [
        "MODIFIED gen=2 1/1/1 P=F A=T",  # the first sight of the new generation is stale
        "MODIFIED gen=2 1/1/1 P=T A=F",
        "MODIFIED gen=2 2/1/2 P=T A=F",
        "MODIFIED gen=2 2/2/2 P=F A=T",
    ]
    assert bench.history("pods", start) == [line.replace("qwen-0", "qwen-1") for line in COMING_UP]


def test_fewer_replicas_are_recording_05(bench):
    since, start = bench.running(replicas=2)
    bench.patch("qwen", {"spec": {"replicas": 1}})
    bench.wait("pod.gone", since, name="qwen-1-1")

    assert bench.history("pods", start) == [
        "MODIFIED qwen-1 Running bound running ready deleting",
        "DELETED qwen-1 Running bound running ready deleting",
        "MODIFIED qwen-1-1 Running bound running ready deleting",
        "DELETED qwen-1-1 Running bound running ready deleting",
    ]
    assert bench.history("leaderworkersets", start) == [
        "MODIFIED gen=2 2/2/2 P=F A=T",
        "MODIFIED gen=2 1/1/1 P=F A=T",
    ]
    assert "ADDED qwen GroupsProgressing: deleting surge replica qwen-1" in (
        bench.history("events", start)
    )


def test_no_replicas_are_available_with_no_counts(bench):
    since, start = bench.running()
    bench.patch("qwen", {"spec": {"replicas": 0}})
    bench.wait("pod.gone", since, name="qwen-0-1")

    assert bench.history("leaderworkersets", start)[-1] == "MODIFIED gen=2 -/-/- P=F A=T"


def test_a_new_image_rolls_from_the_highest_group_down(bench):
    since, start = bench.running(replicas=2)
    bench.patch("qwen", template(image="vllm:v0.11.0"))
    bench.wait("lws.available", since)

    assert bench.history("leaderworkersets", start) == [
        "MODIFIED gen=2 2/2/2 P=F A=T",
        "MODIFIED gen=2 2/2/- P=F A=F U=T",
        "MODIFIED gen=2 2/2/- P=T A=F U=T",
        "MODIFIED gen=2 2/1/- P=T A=F U=T",
        "MODIFIED gen=2 2/1/1 P=T A=F U=T",
        "MODIFIED gen=2 2/2/1 P=T A=F U=T",
        "MODIFIED gen=2 2/1/1 P=T A=F U=T",
        "MODIFIED gen=2 2/1/2 P=T A=F U=T",
        "MODIFIED gen=2 2/2/2 P=F A=T U=F",
    ]
    gone = [line for line in bench.happened(since) if line.startswith("pod.gone")]
    assert gone == [
        "pod.gone qwen-1",
        "pod.gone qwen-1-1",
        "pod.gone qwen-0",
        "pod.gone qwen-0-1",
    ]
    assert [line for line in bench.history("events", start) if "Updating" in line] == [
        f"ADDED qwen GroupsUpdating: {text}"
        for text in (
            "Rolling Upgrade is in progress, with 2 groups ready of total 2 groups",
            "Updating replica 1",
            "Rolling Upgrade is in progress, with 2 groups ready of total 2 groups",
            "Updating replica 0",
        )
    ]


def test_a_new_image_leaves_one_revision_and_new_pods(bench):
    since, _ = bench.running()
    bench.patch("qwen", template(image="vllm:v0.11.0"))
    bench.wait("lws.available", since)
    revisions = bench.cluster.select("controllerrevisions", "default")
    pods = bench.core.list_namespaced_pod("default").items

    owned = [r for r in revisions if r["metadata"]["ownerReferences"][0]["name"] == "qwen"]
    mark = "leaderworkerset.sigs.k8s.io/template-revision-hash"
    ours = [r for r in owned if r["metadata"]["ownerReferences"][0]["kind"] == "LeaderWorkerSet"]
    assert {pod.metadata.labels[mark] for pod in pods} == {ours[0]["metadata"]["labels"][mark]}
    assert [revision["revision"] for revision in ours] == [2]
    assert {pod.spec.containers[0].image for pod in pods} == {"vllm:v0.11.0"}


def test_labels_on_the_lws_alone_start_no_rollout(bench):
    since, start = bench.running()
    bench.patch("qwen", {"metadata": {"annotations": {"leadline/desired-state": "1"}}})

    assert bench.history("leaderworkersets", start) == ["MODIFIED gen=1 1/1/1 P=F A=T"]
    assert bench.happened(since) == []
