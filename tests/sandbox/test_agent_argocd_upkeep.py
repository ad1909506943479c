"""The agent as Argo CD, over time: pruning, drift, health, and what kubectl shows."""

import pytest

from sandbox.agent import Settings
from sandbox.cluster.objects import copied
from sandbox.faults import Fault
from tests.sandbox.test_agent_bench import (
    LLAMA,
    PRUNE_FALSE,
    Setting,
    condition,
    gone,
    operation,
    overlay,
    storage,
)


@pytest.fixture
def stage(tmp_path):
    def made(**choices):
        return Setting(tmp_path, Settings(**choices))

    return made


@pytest.fixture
def setting(stage):
    with stage().served() as made:
        yield made


@pytest.mark.parametrize(
    ("propagation", "policy"),
    [(None, "Foreground"), ("Foreground", "Foreground"), ("Background", "Background")],
)
def test_pruning_is_in_the_foreground_unless_the_option_says_otherwise(stage, propagation, policy):
    with stage(units="environment", propagation=propagation).served() as setting:
        setting.merge(overlay("qwen") | overlay("llama"))
        setting.pass_in_the_cluster(60)
        setting.merge(gone(overlay("llama")))
        left = setting.lws("llama")
        finalizers = left["metadata"]["finalizers"] if left else []

        assert finalizers == (["foregroundDeletion"] if policy == "Foreground" else [])
        options = setting.application("llm-prod")["spec"]["syncPolicy"]["syncOptions"]
        wanted = [f"PrunePropagationPolicy={propagation.lower()}"] if propagation else []
        assert options == [*wanted, "ServerSideApply=true"]
        setting.pass_in_the_cluster(120)
        assert setting.lws("llama") is None


def test_nothing_is_applied_when_something_cannot_be_pruned(stage):
    with stage(units="environment").served() as setting:
        setting.merge(overlay("qwen") | overlay("llama"))
        setting.faults.arm(Fault("cluster", "DELETE leaderworkersets", act="refuse", status=503))
        setting.merge(gone(overlay("llama")) | overlay("qwen", replicas=2))

        assert operation(setting, "llm-prod")["retryCount"] == 1
        assert setting.lws()["spec"]["replicas"] == 1
        setting.pass_(5)
        assert (setting.lws("llama"), setting.lws()["spec"]["replicas"]) == (None, 2)


def test_an_object_kept_from_pruning_leaves_the_application_out_of_sync(stage):
    with stage(units="environment").served() as setting:
        claim = storage("model", PRUNE_FALSE)
        setting.merge(claim | overlay("qwen"))
        setting.merge(gone(claim) | overlay("qwen", replicas=2))
        app = setting.application("llm-prod")
        kept = next(each for each in app["status"]["resources"] if each["name"] == "model")
        results = operation(setting, "llm-prod")["syncResult"]["resources"]

        assert app["status"]["sync"]["status"] == "OutOfSync"
        assert (kept["status"], kept["requiresPruning"]) == ("OutOfSync", True)
        assert [each["message"] for each in results if each["name"] == "model"] == [
            "ignored (no prune)"
        ]
        assert setting.agent.state()["health"] == "healthy"


@pytest.mark.parametrize("allowed", [False, True])
def test_a_sync_that_would_wipe_out_everything_needs_allow_empty(stage, allowed):
    with stage(units="environment", allow_empty=allowed).served() as setting:
        keep = {"overlays/prod/environment.yaml": "name: prod\n"}
        setting.merge(overlay("qwen") | keep)
        sha = setting.merge(gone(overlay("qwen")))
        error = condition(setting.application("llm-prod"), "SyncError")

        assert (setting.lws() is None) == allowed
        text = f"Skipping sync attempt to [{sha}]: auto-sync will wipe out all resources"
        assert (error and error["message"]) == (None if allowed else text)


def test_a_storage_unit_that_is_gone_leaves_its_claim_without_any_annotation(setting):
    claim = storage("model", {})
    setting.merge(claim | overlay("qwen"))
    setting.merge(gone(claim))

    assert setting.application("storage-prod-model") is None
    assert setting.cluster.get("persistentvolumeclaims", "default", "model")


def test_a_unit_that_is_gone_and_cannot_be_deleted_is_tried_again(setting):
    setting.merge(overlay("qwen") | overlay("llama"))
    setting.faults.arm(Fault("cluster", "DELETE leaderworkersets", act="drop"))
    setting.merge(gone(overlay("llama")))

    assert LLAMA in setting.agent.state()["message"]
    setting.pass_(10)
    assert (setting.lws("llama"), setting.agent.state()["health"]) == (None, "healthy")


def test_drift_is_corrected_five_seconds_after_the_last_sync(setting):
    setting.merge(overlay("qwen"))
    setting.change("qwen", replicas=3)
    setting.pass_(1)

    assert setting.application()["status"]["sync"]["status"] == "OutOfSync"
    assert setting.lws()["spec"]["replicas"] == 3
    setting.pass_(4)
    assert setting.lws()["spec"]["replicas"] == 1
    assert setting.application()["status"]["sync"]["status"] == "Synced"


def test_an_item_more_in_a_list_is_drift(setting):
    setting.merge(overlay("qwen"))
    setting.pass_(60)
    template = copied(setting.lws()["spec"]["leaderWorkerTemplate"])
    template["leaderTemplate"]["spec"]["containers"][0]["args"].append("--enforce-eager")
    setting.change("qwen", leaderWorkerTemplate=template)
    setting.pass_(1)
    live = setting.lws()["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]

    assert "--enforce-eager" not in live["containers"][0]["args"]


def test_an_object_that_somebody_deleted_comes_back(setting):
    setting.merge(overlay("qwen"))
    setting.pass_(60)
    setting.cluster.delete("leaderworkersets", "default", "qwen")
    setting.pass_(1)

    assert setting.lws()


def test_without_self_heal_drift_is_only_shown(stage):
    with stage(self_heal=False).served() as setting:
        setting.merge(overlay("qwen"))
        setting.change("qwen", replicas=3)
        setting.pass_(600)

        assert setting.application()["status"]["sync"]["status"] == "OutOfSync"
        assert setting.lws()["spec"]["replicas"] == 3


def test_an_agent_that_hears_of_no_change_sees_drift_at_its_next_resync(setting):
    setting.agent = setting.made(Settings(), hears=False)
    setting.merge(overlay("qwen"))
    setting.change("qwen", replicas=3)
    setting.pass_(119)

    assert setting.lws()["spec"]["replicas"] == 3
    setting.pass_(1)
    assert setting.lws()["spec"]["replicas"] == 1


def test_a_value_that_lws_rewrites_is_drift_for_ever(setting):
    setting.merge(overlay("qwen", restartPolicy="Default"))

    assert setting.lws()["spec"]["leaderWorkerTemplate"]["restartPolicy"] == "None"
    assert setting.application()["status"]["sync"]["status"] == "OutOfSync"


def test_without_a_health_check_a_set_that_is_not_ready_is_healthy(setting):
    setting.merge(overlay("qwen"))

    assert setting.lws().get("status", {}).get("readyReplicas", 0) == 0
    assert setting.application()["status"]["health"]["status"] == "Healthy"


def test_with_a_health_check_the_application_follows_the_set(stage):
    with stage(lws_health=True).served() as setting:
        setting.merge(overlay("qwen"))

        assert setting.application()["status"]["health"]["status"] == "Progressing"
        setting.pass_in_the_cluster(60)
        status = setting.application()["status"]
        assert status["health"]["status"] == "Healthy"
        assert status["resources"][0]["health"]["status"] == "Healthy"


def test_the_worst_object_decides_the_health(stage):
    with stage(units="environment").served() as setting:
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "load", "namespace": "default"},
            "spec": {},
            "status": {},
        }
        files = {
            "overlays/prod/load/kustomization.yaml": {"resources": ["job.yaml"]},
            "overlays/prod/load/job.yaml": job,
        }
        setting.merge(overlay("qwen") | storage("model", {}) | files)

        assert setting.application("llm-prod")["status"]["health"]["status"] == "Progressing"


def test_kubectl_lists_applications_with_sync_and_health(setting):
    setting.merge(overlay("qwen"))
    lines = setting.kubectl("get", "applications", "-n", "argocd").splitlines()
    name = setting.kubectl("get", "app", "-n", "argocd", "-o", "jsonpath={.items[0].kind}")

    assert lines[0].split() == ["NAME", "SYNC", "STATUS", "HEALTH", "STATUS", "AGE"]
    assert lines[1].split()[:3] == ["llm-prod-qwen", "Synced", "Healthy"]
    assert name == "Application"


def test_kubectl_waits_for_an_application(setting):
    setting.merge(overlay("qwen"))
    said = setting.kubectl(
        "wait",
        "application/llm-prod-qwen",
        "-n",
        "argocd",
        "--for=jsonpath={.status.sync.status}=Synced",
        "--timeout=5s",
    )

    assert said.strip().endswith("condition met")
