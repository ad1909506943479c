"""The agent as Flux: its Kustomization, its conditions, its retries, its way of applying."""

import pytest

from sandbox.agent import FLUX, Settings
from sandbox.faults import Fault
from tests.sandbox.test_agent_bench import (
    PRUNE_DISABLED,
    Setting,
    broken,
    condition,
    gone,
    overlay,
    ready,
    storage,
)

_NO_SIZE = (
    "LeaderWorkerSet/default/qwen dry-run failed (Forbidden): "
    'admission webhook "vleaderworkerset.kb.io" denied the request: '
    "spec.leaderWorkerTemplate.size: size must be equal or greater than 1"
)


@pytest.fixture
def stage(tmp_path):
    def made(**choices):
        return Setting(tmp_path, Settings(FLUX, **choices))

    return made


@pytest.fixture
def setting(stage):
    with stage().served() as made:
        yield made


def test_a_kustomization_says_revision_and_readiness(setting):
    sha = setting.merge(overlay("qwen"))
    item = setting.kustomization()
    status = item["status"]

    assert ready(item) == (
        "True",
        "ReconciliationSucceeded",
        f"Applied revision: main@sha1:{sha}",
    )
    assert status["lastAppliedRevision"] == f"main@sha1:{sha}"
    assert status["lastAttemptedRevision"] == f"main@sha1:{sha}"
    assert status["observedGeneration"] == item["metadata"]["generation"]
    assert condition(item, "Reconciling") is None
    assert [each["metadata"]["revision"] for each in status["history"]] == [f"main@sha1:{sha}"]
    assert item["spec"]["path"] == "./overlays/prod"


def test_the_inventory_names_what_was_applied(setting):
    setting.merge(overlay("qwen") | storage("model", PRUNE_DISABLED))

    assert setting.kustomization()["status"]["inventory"]["entries"] == [
        {"id": "default_model__PersistentVolumeClaim", "v": "v1"},
        {"id": "default_qwen_leaderworkerset.x-k8s.io_LeaderWorkerSet", "v": "v1"},
    ]


def test_the_steps_of_a_reconciliation_are_seen(setting):
    steps = []

    def note(change):
        if change.key.kind == "kustomizations" and "status" in change.object:
            found = condition(change.object, "Reconciling")
            steps.append(found["message"].split(" for ")[0] if found else "")

    setting.cluster.listen(note)
    setting.merge(overlay("qwen"))

    assert steps == ["Building manifests", "Detecting drift", ""]


def test_applied_objects_carry_flux_owner_labels(setting):
    setting.merge(overlay("qwen"))

    assert setting.lws()["metadata"]["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "llm-prod",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }


def test_what_does_not_build_is_a_failed_build_and_changes_nothing(setting):
    good = setting.merge(overlay("qwen"))
    bad = setting.merge(overlay("llama") | broken("qwen"))
    item = setting.kustomization()
    status, reason, message = ready(item)

    assert (status, reason) == ("False", "BuildFailed")
    assert message.startswith("kustomize build failed: ")
    assert "missing.yaml" in message
    assert condition(item, "Reconciling")["reason"] == "ProgressingWithRetry"
    assert item["status"]["lastAppliedRevision"] == f"main@sha1:{good}"
    assert item["status"]["lastAttemptedRevision"] == f"main@sha1:{bad}"
    assert setting.lws("llama") is None


def test_a_missing_environment_is_a_path_that_was_not_found(setting):
    setting.merge(overlay("qwen") | overlay("llama", folder="overlays/test"))
    setting.merge(gone(overlay("llama", folder="overlays/test")))
    _, reason, message = ready(setting.kustomization("llm-test"))

    assert reason == "ArtifactFailed"
    assert message.startswith("kustomization path not found: stat /tmp/kustomization-")
    assert setting.lws("llama")


def test_nothing_is_applied_when_the_dry_run_of_one_object_fails(setting):
    setting.merge(overlay("llama") | overlay("qwen", size=0))

    assert ready(setting.kustomization()) == ("False", "ReconciliationFailed", _NO_SIZE)
    assert setting.lws("llama") is None


def test_a_failure_is_tried_again_every_retry_interval(setting):
    setting.merge(overlay("qwen", size=0))
    tried = [len(setting.calls("APPLY leaderworkersets"))]
    for wait in (59, 1, 59, 1):
        setting.pass_(wait)
        tried.append(len(setting.calls("APPLY leaderworkersets")))

    assert tried == [1, 1, 2, 2, 3]
    assert [detail["message"] for _, detail in setting.told("failed")] == [_NO_SIZE] * 3


def test_a_new_revision_does_not_wait_for_the_retry(setting):
    setting.merge(overlay("qwen", size=0))
    sha = setting.merge(overlay("qwen"))

    assert setting.kustomization()["status"]["lastAppliedRevision"] == f"main@sha1:{sha}"


def test_a_webhook_that_is_down_fails_the_dry_run_and_a_retry_heals_it(setting):
    setting.cluster.webhook_down()
    setting.merge(overlay("qwen"))

    assert ready(setting.kustomization())[2].startswith(
        "LeaderWorkerSet/default/qwen dry-run failed (InternalError): "
        "Internal error occurred: failed calling webhook"
    )
    setting.cluster.webhook_down(down=False)
    setting.pass_(60)
    assert ready(setting.kustomization())[0] == "True"


def test_what_cannot_be_pruned_stays_in_the_inventory_and_is_tried_again(setting):
    setting.merge(overlay("qwen") | overlay("llama"))
    setting.faults.arm(Fault("cluster", "DELETE leaderworkersets", act="drop"))
    setting.merge(gone(overlay("llama")))
    item = setting.kustomization()

    assert ready(item)[1] == "PruneFailed"
    assert len(item["status"]["inventory"]["entries"]) == 2
    setting.pass_(60)
    assert setting.lws("llama") is None
    assert len(setting.kustomization()["status"]["inventory"]["entries"]) == 1


def test_an_empty_environment_is_pruned_without_asking(setting):
    setting.merge(overlay("qwen") | {"overlays/prod/environment.yaml": "name: prod\n"})
    setting.merge(gone(overlay("qwen")))

    assert setting.lws() is None
    assert ready(setting.kustomization())[0] == "True"


def test_drift_is_corrected_at_the_interval_and_not_before(setting):
    setting.merge(overlay("qwen"))
    setting.change("qwen", replicas=3)
    setting.pass_(599)

    assert setting.lws()["spec"]["replicas"] == 3
    setting.pass_(1)
    assert setting.lws()["spec"]["replicas"] == 1
    assert len(setting.told("synced")) == 1


def test_without_wait_a_kustomization_is_ready_while_the_set_is_not(setting):
    setting.merge(overlay("qwen"))

    assert setting.lws().get("status", {}).get("readyReplicas", 0) == 0
    assert ready(setting.kustomization())[0] == "True"


def test_with_a_health_check_a_kustomization_waits_for_the_set(stage):
    with stage(lws_health=True).served() as setting:
        sha = setting.merge(overlay("qwen"))
        item = setting.kustomization()

        assert ready(item)[:2] == ("Unknown", "Progressing")
        assert condition(item, "Reconciling")["message"] == (
            f"Running health checks for revision main@sha1:{sha} with a timeout of 5m0s"
        )
        assert "lastAppliedRevision" not in item["status"]
        setting.pass_in_the_cluster(60)
        item = setting.kustomization()
        assert ready(item)[0] == "True"
        assert condition(item, "Healthy")["reason"] == "Succeeded"
        assert item["status"]["lastAppliedRevision"] == f"main@sha1:{sha}"


def test_a_health_check_gives_up_at_its_timeout(stage):
    with stage(lws_health=True).served() as setting:
        setting.merge(overlay("qwen"))
        setting.pass_(299)

        assert ready(setting.kustomization())[0] == "Unknown"
        setting.pass_(5)
        status, reason, message = ready(setting.kustomization())
        assert (status, reason) == ("False", "HealthCheckFailed")
        assert message == (
            "health check failed after 5m0s: timeout waiting for: "
            "[LeaderWorkerSet/default/qwen status: 'InProgress']"
        )


def test_a_new_revision_ends_the_wait_for_the_old_ones_health(stage):
    with stage(lws_health=True).served() as setting:
        setting.merge(overlay("qwen"))
        sha = setting.merge(overlay("qwen", image="vllm:v0.11.0"))

        assert condition(setting.kustomization(), "Reconciling")["message"].startswith(
            f"Running health checks for revision main@sha1:{sha}"
        )


def test_kubectl_lists_kustomizations_with_readiness(setting):
    sha = setting.merge(overlay("qwen"))
    lines = setting.kubectl("get", "kustomizations", "-n", "flux-system").splitlines()

    assert lines[0].split() == ["NAME", "READY", "STATUS", "AGE"]
    assert lines[1].split()[:5] == [
        "llm-prod",
        "True",
        "Applied",
        "revision:",
        f"main@sha1:{sha}",
    ]


def test_kubectl_waits_for_a_kustomization(setting):
    setting.merge(overlay("qwen"))
    said = setting.kubectl(
        "wait", "ks/llm-prod", "-n", "flux-system", "--for=condition=ready", "--timeout=5s"
    )

    assert said.strip().endswith("condition met")
