"""What the agent does in either flavour: when it looks, what it applies, prunes and tells."""

import pytest

from sandbox.agent import ARGO_CD, FLUX, Settings
from sandbox.faults import Fault
from tests.sandbox.test_agent_bench import (
    LLAMA,
    PRUNE_DISABLED,
    PRUNE_FALSE,
    QWEN,
    Setting,
    broken,
    gone,
    overlay,
    storage,
)

POLL = {"argocd": 120, "flux": 60}


@pytest.fixture(params=[ARGO_CD, FLUX], ids=lambda flavour: flavour.name)
def flavour(request):
    return request.param


@pytest.fixture
def stage(tmp_path):
    def made(flavour, **choices):
        return Setting(tmp_path, Settings(flavour, **choices))

    return made


@pytest.fixture
def setting(stage, flavour):
    with stage(flavour).served() as made:
        yield made


def test_a_merged_revision_is_applied(setting):
    sha = setting.merge(overlay("qwen"))

    assert setting.told() == [("synced", {"revision": sha, "applied": [QWEN], "pruned": []})]
    state = setting.agent.state()
    assert (state["synced_revision"], state["health"], state["message"]) == (sha, "healthy", "")
    assert setting.lws()["spec"]["replicas"] == 1


def test_nothing_happens_before_the_delay_has_passed(setting):
    setting.push(overlay("qwen"))
    setting.pass_(4.9)

    assert setting.lws() is None
    setting.pass_(0.1)
    assert setting.lws()


def test_without_a_webhook_a_push_is_seen_at_the_next_poll(stage, flavour):
    with stage(flavour, webhook=False).served() as setting:
        setting.push(overlay("qwen"))
        setting.pass_(POLL[flavour.name] - 1)

        assert setting.lws() is None
        setting.pass_(1)
        assert setting.lws()


def test_a_push_to_another_branch_is_not_looked_at(setting):
    sha = setting.repository.commit(overlay("qwen"))
    setting.agent.pushed("other", sha)
    setting.pass_(10)

    assert setting.lws() is None


def test_an_agent_that_was_started_syncs_by_itself(setting):
    setting.agent.start()
    setting.agent.pushed("main", setting.repository.commit(overlay("qwen")))
    setting.time.advance(5)
    told = setting.journal.wait(lambda entry: entry.call == "synced")
    setting.agent.stop()

    assert told.detail["applied"] == [QWEN]


def test_sync_needs_no_push_and_no_delay(setting):
    first = setting.repository.commit(overlay("qwen"))
    second = setting.repository.commit(overlay("llama"))
    setting.agent.sync(first)
    setting.agent.sync()

    assert [detail["revision"] for _, detail in setting.told()] == [first, second]
    assert setting.told()[1][1]["applied"] == [LLAMA, QWEN]


def test_what_is_gone_from_git_is_pruned(setting):
    setting.merge(overlay("qwen") | overlay("llama"))
    second = setting.merge(gone(overlay("llama")))

    assert setting.told("synced")[1] == (
        "synced",
        {"revision": second, "applied": [QWEN], "pruned": [LLAMA]},
    )
    assert setting.lws("llama") is None


def test_the_same_revision_again_changes_nothing_in_the_cluster(setting):
    sha = setting.merge(overlay("qwen"))
    before = setting.lws()["metadata"]["resourceVersion"]
    setting.agent.sync(sha)

    assert setting.lws()["metadata"]["resourceVersion"] == before
    assert [call for call, _ in setting.told()] == ["synced", "synced"]


@pytest.mark.parametrize("units", ["folder", "environment", "all"])
def test_storage_with_leadlines_annotations_outlives_its_files(stage, flavour, units):
    with stage(flavour, units=units).served() as setting:
        claim = storage("llm-model", PRUNE_FALSE | PRUNE_DISABLED)
        setting.merge(claim | overlay("qwen"))
        setting.merge(gone(claim))

        assert setting.cluster.get("persistentvolumeclaims", "default", "llm-model")
        assert setting.told("synced")[-1][1]["pruned"] == []


@pytest.mark.parametrize(("marks", "stays"), [(PRUNE_FALSE, ARGO_CD), (PRUNE_DISABLED, FLUX)])
def test_each_flavour_reads_its_own_annotation_against_pruning(stage, flavour, marks, stays):
    with stage(flavour, units="environment").served() as setting:
        claim = storage("llm-model", marks)
        setting.merge(claim | overlay("qwen"))
        setting.merge(gone(claim))
        left = setting.cluster.get("persistentvolumeclaims", "default", "llm-model")

        assert (left is not None) == (flavour is stays)


def test_without_prune_what_is_gone_from_git_stays(stage, flavour):
    with stage(flavour, units="environment", prune=False).served() as setting:
        setting.merge(overlay("qwen") | overlay("llama"))
        setting.merge(gone(overlay("llama")))

        assert setting.lws("llama")
        assert setting.told("synced")[-1][1]["pruned"] == []


def test_an_object_that_moves_to_another_unit_is_not_deleted(stage, flavour):
    with stage(flavour, units="folder").served() as setting:
        setting.merge(overlay("qwen"))
        uid = setting.lws()["metadata"]["uid"]
        moved = {
            path.replace("/qwen/", "/other/"): content for path, content in overlay("qwen").items()
        }
        setting.merge(gone(overlay("qwen")) | moved)

        assert setting.lws()["metadata"]["uid"] == uid


def test_an_object_that_moves_to_another_environment_is_not_deleted(stage, flavour):
    with stage(flavour, units="environment").served() as setting:
        setting.merge(overlay("qwen") | overlay("llama"))
        uid = setting.lws()["metadata"]["uid"]
        setting.merge(gone(overlay("qwen")) | overlay("qwen", folder="overlays/test"))

        assert setting.lws()["metadata"]["uid"] == uid
        assert setting.told("synced")[-1][1]["pruned"] == []


def test_a_folder_that_is_gone_takes_its_object_with_it(stage, flavour):
    with stage(flavour, units="folder").served() as setting:
        setting.merge(overlay("qwen") | overlay("llama"))
        sha = setting.merge(gone(overlay("llama")))
        shown = setting.cluster.select(flavour.plural)

        assert [each["metadata"]["name"] for each in shown] == ["llm-prod-qwen"]
        assert setting.told("retired") == [("retired", {"revision": sha, "unit": "llm-prod-llama"})]


@pytest.mark.parametrize(
    ("units", "names"),
    [
        ("folder", ["llm-prod-qwen", "llm-test-llama", "storage-prod-model"]),
        ("environment", ["llm-prod", "llm-test"]),
        ("all", ["llm"]),
    ],
)
def test_one_object_covers_a_folder_an_environment_or_everything(stage, flavour, units, names):
    with stage(flavour, units=units).served() as setting:
        setting.merge(
            overlay("qwen") | storage("model", {}) | overlay("llama", folder="overlays/test")
        )
        shown = setting.cluster.select(flavour.plural)

        assert [each["metadata"]["name"] for each in shown] == names
        assert {each["metadata"]["namespace"] for each in shown} == {flavour.namespace}


def test_a_broken_overlay_stops_all_that_its_object_covers_and_nothing_else(stage, flavour):
    with stage(flavour, units="environment").served() as setting:
        setting.merge(overlay("qwen") | broken("bad") | overlay("llama", folder="overlays/test"))

        assert setting.lws() is None
        assert setting.lws("llama")
        assert setting.agent.state()["health"] == "failed"


def test_folders_under_custom_and_above_the_overlays_are_not_ours(setting):
    setting.merge(
        overlay("qwen")
        | overlay("mine", folder="overlays/prod/custom")
        | {"overlays/prod/kustomization.yaml": {"resources": ["qwen"]}}
        | {"kustomize/base/kustomization.yaml": {"resources": ["nothing.yaml"]}}
    )

    assert setting.told()[0][1]["applied"] == [QWEN]


def test_what_others_refer_to_is_applied_first(stage, flavour):
    with stage(flavour, units="all").served() as setting:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "zoo"}}
        files = {
            "overlays/prod/zoo/kustomization.yaml": {"resources": ["ns.yaml"]},
            "overlays/prod/zoo/ns.yaml": namespace,
        }
        setting.merge(overlay("qwen") | storage("model", {}) | files)
        applied = [
            entry.call
            for entry in setting.journal.entries()
            if entry.call.startswith("APPLY ") and entry.detail["name"] in ("zoo", "model", "qwen")
        ]

        wanted = ["namespaces", "persistentvolumeclaims", "leaderworkersets"]
        assert applied[-3:] == [f"APPLY {each}" for each in wanted]


def test_a_kind_that_the_cluster_does_not_know_is_told(setting):
    files = {
        "overlays/prod/odd/kustomization.yaml": {"resources": ["odd.yaml"]},
        "overlays/prod/odd/odd.yaml": {
            "apiVersion": "example.org/v1",
            "kind": "Odd",
            "metadata": {"name": "odd"},
        },
    }
    setting.merge(files)

    assert (
        'no matches for kind "Odd" in version "example.org/v1"'
        in (setting.agent.state()["message"])
    )


def test_an_unknown_revision_is_told_and_the_next_good_one_is_synced(setting):
    sha = setting.repository.commit(overlay("qwen"))
    setting.agent.sync("0" * 40)

    assert setting.agent.state()["message"].startswith(f"reading revision {'0' * 40}: fatal: ")
    setting.agent.sync()
    assert (setting.agent.state()["health"], setting.told()[-1][1]["revision"]) == ("healthy", sha)


def test_a_repository_without_the_branch_is_told(setting):
    setting.agent.sync()

    assert setting.agent.state()["message"].startswith("reading branch main: fatal: ")


def test_an_object_that_the_cluster_refuses_to_show_is_shown_later(setting, flavour):
    call = f"APPLY {flavour.plural}"
    number = setting.faults.arm(Fault("cluster", call, act="refuse", status=503, times=99))
    setting.merge(overlay("qwen"))

    assert setting.lws()
    assert setting.cluster.select(flavour.plural) == []
    setting.faults[number].times = 0
    setting.pass_(10)
    assert len(setting.cluster.select(flavour.plural)) == 1


def test_flux_offers_no_other_propagation_and_always_heals():
    with pytest.raises(ValueError, match="in the background, not Foreground"):
        Settings(FLUX, propagation="Foreground")
    with pytest.raises(ValueError, match="always corrects drift"):
        Settings(FLUX, self_heal=False)
