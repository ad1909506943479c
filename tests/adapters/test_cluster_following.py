"""The Clusters port over the sandbox's cluster: rollouts, faults, compaction, controllers."""

import pytest

from bot.cluster import Contact, Listed, Observation, Scope, Unit
from gitops.environment import Controller
from sandbox.agent import ARGO_CD, FLUX, Settings
from sandbox.faults import Fault
from tests.adapters.test_cluster_watching import Follow
from tests.sandbox.test_agent_bench import Setting, overlay
from tests.sandbox.test_cluster_bench import Bench

HERE = Scope("", "default")


@pytest.fixture
def bench():
    with Bench().served() as served:
        yield served


def ready(follow):
    seen = follow.of(Observation)[-1:]
    return bool(seen) and [pod.ready for pod in seen[0].pods] == [True, True]


def uids(follow):
    return [[pod.uid for pod in seen.pods] for seen in follow.of(Observation)]


def test_a_rollout_is_seen_from_its_first_pod_to_the_last_probe(bench, tmp_path):
    listed = Fault("cluster", "WATCH pods")  # what comes after the list is seen line by line
    bench.faults.arm(listed)
    with Follow(bench, tmp_path, HERE) as follow:
        assert listed.reached.wait(10)
        listed.released.set()
        bench.create()
        follow.wait(ready)

    newest = follow.of(Observation)[-1]
    assert (newest.name, newest.replicas, newest.size, newest.current) == ("qwen", 1, 2, True)
    assert {pod.state for seen in follow.of(Observation) for pod in seen.pods} >= {
        "Pending", "ContainerCreating", "loading", "ready",
    }  # fmt: skip


def test_why_a_pod_died_is_seen_before_it_goes(bench, tmp_path):
    bench.running()
    with Follow(bench, tmp_path, HERE) as follow:
        follow.wait(ready)
        first = uids(follow)[-1]
        bench.cluster.oom("default", "qwen-0-1")
        follow.wait(lambda f: ready(f) and not set(uids(f)[-1]) & set(first))

    failures = {pod.failure for seen in follow.of(Observation) for pod in seen.pods if pod.failure}
    assert "OOMKilled (exit 137)" in failures


def test_what_was_forgotten_between_two_watches_is_listed_anew(bench, tmp_path):
    since, _ = bench.running()
    faults = [Fault("cluster", f"WATCH {kind}") for kind in ("pods", "leaderworkersets")]
    for fault in faults:
        bench.faults.arm(fault)
    with Follow(bench, tmp_path, HERE) as follow:
        assert all(fault.reached.wait(10) for fault in faults)
        bench.cluster.oom("default", "qwen-0-1")
        bench.wait("lws.available", since=since, name="qwen")
        bench.cluster.compact()
        for fault in faults:
            fault.released.set()
        follow.wait(lambda f: len(f.of(Listed)) > 1 and ready(f) and uids(f)[-1] != uids(f)[0])

    assert len(follow.of(Listed)) == 2
    assert not [seen for seen in follow.of(Observation) if seen.deleted]
    assert len({tuple(each) for each in uids(follow)}) == 2  # the old group, then the new one


def test_a_set_that_is_deleted_is_seen_to_go(bench, tmp_path):
    bench.running()
    with Follow(bench, tmp_path, HERE) as follow:
        follow.wait(ready)
        bench.cluster.delete("leaderworkersets", "default", "qwen")
        follow.wait(lambda f: f.of(Observation)[-1].deleted)


def test_a_pod_that_finds_no_room_says_why(bench, tmp_path):
    for node in range(4):
        bench.cluster.cordon(f"gpu-node-{node}")
    bench.create()
    with Follow(bench, tmp_path, HERE) as follow:
        follow.wait(lambda f: f.of(Observation) and any(
            "nodes are available" in pod.said for pod in f.of(Observation)[-1].pods
        ))  # fmt: skip


def test_what_only_an_event_says_of_a_waiting_pod_is_seen(bench, tmp_path):
    bench.cluster.image_missing("vllm:v0.10.0")
    bench.create()
    with Follow(bench, tmp_path, HERE) as follow:
        follow.wait(lambda f: f.of(Observation) and f.of(Observation)[-1].pods
                    and f.of(Observation)[-1].pods[0].state == "ImagePullBackOff")  # fmt: skip
        [uid] = {pod.uid for pod in follow.of(Observation)[-1].pods if pod.index == 0}
        warn(bench, uid, "FailedMount", 'secret "llm-key" not found')
        follow.wait(lambda f: "llm-key" in f.of(Observation)[-1].pods[0].said)
        warn(bench, uid, "Unhealthy", "Readiness probe failed", "b")
        warn(bench, "another", "FailedMount", "not ours", "c")
        bench.cluster.image_missing("vllm:v0.10.0", missing=False)
        follow.wait(ready)

    said = {pod.said for seen in follow.of(Observation) for pod in seen.pods}
    assert not [text for text in said if "Readiness" in text or "not ours" in text]
    assert [pod.said for pod in follow.of(Observation)[-1].pods] == ["", ""]


def warn(bench, uid, reason, message, name="a"):
    bench.core.create_namespaced_event(
        "default",
        {
            "metadata": {"name": name},
            "involvedObject": {"kind": "Pod", "name": "qwen-0", "uid": uid, "namespace": "default"},
            "type": "Warning",
            "reason": reason,
            "message": message,
        },
    )


def test_a_refused_and_a_dropped_call_are_tried_again(bench, tmp_path):
    bench.running()
    for call in ("GET pods", "GET leaderworkersets"):
        bench.faults.arm(Fault("cluster", call, act="refuse", status=503))
        bench.faults.arm(Fault("cluster", call, act="drop", nth=2))
    with Follow(bench, tmp_path, HERE) as follow:
        follow.wait(ready)

    assert [found.ok for found in follow.of(Contact)].count(False) == 1
    assert follow.of(Contact)[-1].ok


@pytest.mark.parametrize(
    ("flavour", "scope"),
    [
        (ARGO_CD, Scope("", "argocd", Controller.ARGOCD)),
        (FLUX, Scope("", "flux-system", Controller.FLUX)),
    ],
    ids=["argocd", "flux"],
)
def test_what_a_controller_says_of_a_folder_is_seen_while_it_lasts(flavour, scope, tmp_path):
    with Setting(tmp_path, Settings(flavour)).served() as setting:
        setting.agent.fail("refused", times=1)
        sha = setting.merge(overlay("qwen"))
        with Follow(setting, tmp_path, scope) as follow:
            follow.wait(lambda f: f.of(Unit) and f.of(Unit)[-1].failure)
            failed = follow.of(Unit)[-1]
            setting.agent.repair()
            setting.agent.sync()
            follow.wait(lambda f: not f.of(Unit)[-1].failure)

    assert failed.tried == sha
    assert "denied" in failed.failure
    assert "overlays/prod/qwen".startswith(failed.path)
