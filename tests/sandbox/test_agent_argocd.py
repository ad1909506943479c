"""The agent as Argo CD: its Application, its operations, its retries."""

import pytest

from sandbox.agent import Settings
from tests.sandbox.test_agent_bench import (
    Setting,
    broken,
    condition,
    gone,
    operation,
    overlay,
)

_FAILED = "one or more objects failed to apply, reason: "
_NO_SIZE = (
    'admission webhook "vleaderworkerset.kb.io" denied the request: '
    "spec.leaderWorkerTemplate.size: size must be equal or greater than 1"
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


def test_an_application_says_revision_health_and_history(setting):
    sha = setting.merge(overlay("qwen"))
    app = setting.application()
    status = app["status"]

    assert (status["sync"]["status"], status["sync"]["revision"]) == ("Synced", sha)
    assert status["health"] == {"status": "Healthy"}
    assert status["sync"]["comparedTo"]["source"] == app["spec"]["source"]
    assert app["spec"]["source"]["path"] == "overlays/prod/qwen"
    assert [(each["id"], each["revision"]) for each in status["history"]] == [(0, sha)]
    assert status["resources"] == [
        {
            "group": "leaderworkerset.x-k8s.io",
            "version": "v1",
            "kind": "LeaderWorkerSet",
            "namespace": "default",
            "name": "qwen",
            "status": "Synced",
        }
    ]


def test_an_operation_says_what_became_of_each_object(setting):
    sha = setting.merge(overlay("qwen"))
    state = operation(setting)
    result = state["syncResult"]

    assert (state["phase"], state["message"]) == (
        "Succeeded",
        "successfully synced (all tasks run)",
    )
    assert state["operation"]["initiatedBy"] == {"automated": True}
    assert (result["revision"], result["resources"][0]["status"]) == (sha, "Synced")
    assert result["resources"][0]["message"] == (
        "leaderworkerset.leaderworkerset.x-k8s.io/qwen serverside-applied"
    )


def test_a_running_operation_is_seen_before_it_ends(setting):
    phases = []
    setting.cluster.listen(
        lambda change: (
            phases.append(change.object.get("status", {}).get("operationState", {}).get("phase"))
            if change.key.kind == "applications"
            else None
        )
    )
    setting.merge(overlay("qwen"))

    assert [phase for phase in phases if phase] == ["Running", "Succeeded"]


def test_applied_objects_carry_argo_cds_tracking_mark(setting):
    setting.merge(overlay("qwen"))

    assert setting.lws()["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] == (
        "llm-prod-qwen:leaderworkerset.x-k8s.io/LeaderWorkerSet:default/qwen"
    )


def test_an_application_whose_folder_did_not_change_begins_no_operation(setting):
    first = setting.merge(overlay("qwen"))
    second = setting.merge(overlay("llama"))
    status = setting.application()["status"]

    assert (status["sync"]["status"], status["sync"]["revision"]) == ("Synced", second)
    assert status["operationState"]["syncResult"]["revision"] == first
    assert [each["revision"] for each in status["history"]] == [first]


def test_what_does_not_build_is_a_comparison_error_and_the_health_stays(setting):
    setting.merge(overlay("qwen"))
    sha = setting.merge(broken("qwen"))
    status = setting.application()["status"]
    error = condition(setting.application(), "ComparisonError")["message"]

    assert (status["sync"]["status"], status["health"]["status"]) == ("Unknown", "Healthy")
    assert "revision" not in status["sync"]
    assert error.startswith(
        "Failed to load target state: failed to generate manifest for source 1 of 1: "
        "rpc error: code = Unknown desc = `kustomize build <path to cached source>"
        "/overlays/prod/qwen` failed exit status 1: Error: "
    )
    assert "missing.yaml" in error
    assert setting.told("failed") == [
        ("failed", {"revision": sha, "unit": "llm-prod-qwen", "message": error})
    ]


def test_a_broken_folder_leaves_the_other_applications_alone(setting):
    setting.merge(overlay("qwen") | broken("bad"))

    assert setting.application("llm-prod-bad")["status"]["sync"]["status"] == "Unknown"
    assert setting.application()["status"]["sync"]["status"] == "Synced"


def test_a_comparison_error_ends_with_the_next_good_revision(setting):
    setting.merge(broken("qwen"))
    sha = setting.merge(overlay("qwen"))
    status = setting.application()["status"]

    assert "conditions" not in status
    assert (status["sync"]["status"], status["sync"]["revision"]) == ("Synced", sha)


def test_a_missing_environment_is_a_path_that_does_not_exist(stage):
    with stage(units="environment").served() as setting:
        setting.merge(overlay("qwen") | overlay("llama", folder="overlays/test"))
        setting.merge(gone(overlay("llama", folder="overlays/test")))
        error = condition(setting.application("llm-test"), "ComparisonError")["message"]

        assert error.endswith("desc = overlays/test: app path does not exist")
        assert setting.lws("llama")


def test_what_the_cluster_refuses_is_tried_again_later_and_later(setting):
    setting.merge(overlay("qwen", size=0))
    seen = [operation(setting).get("retryCount", 0)]
    for wait in (4.9, 0.2, 10, 20, 40, 80):
        setting.pass_(wait)
        seen.append(operation(setting).get("retryCount", 0))

    assert seen == [1, 1, 2, 3, 4, 5, 5]
    assert operation(setting)["phase"] == "Failed"
    assert operation(setting)["message"] == f"{_FAILED}{_NO_SIZE} (retried 5 times)."


def test_a_retry_says_when_it_comes(setting):
    setting.merge(overlay("qwen", size=0))
    state = operation(setting)

    assert state["phase"] == "Running"
    assert state["message"].startswith(f"{_FAILED}{_NO_SIZE}. Retrying attempt #1 at ")
    assert state["message"].endswith(("AM.", "PM."))
    assert setting.application()["status"]["sync"]["status"] == "OutOfSync"


def test_a_revision_that_failed_is_given_up_until_somebody_syncs(stage):
    with stage(retries=0).served() as setting:
        sha = setting.merge(overlay("qwen", size=0))
        before = len(setting.calls("APPLY leaderworkersets"))
        setting.pass_(3600)
        error = condition(setting.application(), "SyncError")["message"]

        assert error == f"Failed last sync attempt to [{sha}]: {_FAILED}{_NO_SIZE}"
        assert len(setting.calls("APPLY leaderworkersets")) == before
        setting.agent.sync()
        assert len(setting.calls("APPLY leaderworkersets")) == before + 1
        assert operation(setting)["operation"]["initiatedBy"] == {"username": "admin"}


def test_a_manual_sync_that_fails_is_not_tried_again(setting):
    setting.repository.commit(overlay("qwen", size=0))
    setting.agent.sync()
    state = operation(setting)

    assert (state["phase"], state["message"]) == ("Failed", f"{_FAILED}{_NO_SIZE}")
    assert state["operation"]["retry"] == {"limit": 0}


def test_a_new_revision_waits_until_the_retries_of_the_old_one_have_ended(stage):
    with stage(retries=2).served() as setting:
        setting.merge(overlay("qwen", size=0))
        setting.pass_(5)
        setting.push(overlay("qwen"))
        setting.pass_(9)

        assert setting.agent.state()["revision"] == setting.repository.head()
        assert (setting.lws(), operation(setting)["retryCount"]) == (None, 2)
        setting.pass_(1)
        assert setting.lws()
        assert setting.application()["status"]["sync"]["status"] == "Synced"


def test_a_webhook_that_is_down_fails_the_sync_and_a_retry_heals_it(setting):
    setting.cluster.webhook_down()
    setting.merge(overlay("qwen"))

    assert "failed calling webhook" in operation(setting)["message"]
    setting.cluster.webhook_down(down=False)
    setting.pass_(5)
    assert operation(setting)["phase"] == "Succeeded"
    assert setting.agent.state()["health"] == "healthy"


def test_one_refused_object_does_not_keep_the_others_from_being_applied(stage):
    with stage(units="environment").served() as setting:
        setting.merge(overlay("qwen", size=0) | overlay("llama"))
        results = operation(setting, "llm-prod")["syncResult"]["resources"]

        assert [(each["name"], each["status"]) for each in results] == [
            ("llama", "Synced"),
            ("qwen", "SyncFailed"),
        ]
        assert setting.lws("llama")


def test_the_wait_between_two_retries_is_never_longer_than_three_minutes(stage):
    with stage(retries=9).served() as setting:
        setting.merge(overlay("qwen", size=0))
        for wait in (5, 10, 20, 40, 80, 160):
            setting.pass_(wait)

        assert operation(setting)["retryCount"] == 7
        setting.pass_(179)
        assert operation(setting)["retryCount"] == 7
        setting.pass_(1)
        assert operation(setting)["retryCount"] == 8
