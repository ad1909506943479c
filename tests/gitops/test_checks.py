"""Every rule on built manifests: the examples pass, and one change makes each rule speak."""

import copy

import pytest

from gitops import assets
from gitops.build import kustomize
from gitops.checks import Facts, check, find
from gitops.errors import CheckFailedError

NEWEST = Facts(lws="0.10.0")


@pytest.fixture(scope="module")
def manifests():
    return kustomize(assets.root() / "overlays" / "example" / "qwen3-32b-sglang")


def part(manifests, kind):
    return next(m for m in manifests if m["kind"] == kind)


def container(manifests, template="workerTemplate"):
    group = part(manifests, "LeaderWorkerSet")["spec"]["leaderWorkerTemplate"]
    return group[template]["spec"]["containers"][0]


def add_secret(manifests):
    manifests.append({"kind": "Secret", "metadata": {"name": "oss"}, "stringData": {"akId": "x"}})


def take_headless_name(manifests):
    part(manifests, "Service")["metadata"]["name"] = "qwen3-32b-sglang"


def select_another(manifests):
    selector = part(manifests, "Service")["spec"]["selector"]
    selector["leaderworkerset.sigs.k8s.io/name"] = "other"


def select_workers(manifests):
    del part(manifests, "Service")["spec"]["selector"]["leaderworkerset.sigs.k8s.io/worker-index"]


def take_latest(manifests):
    container(manifests)["image"] = "registry.example/sglang:latest"


def take_no_tag(manifests):
    container(manifests, "leaderTemplate")["image"] = "registry.example:5000/sglang"


def ask_more_gpus(manifests):
    container(manifests)["resources"] = {
        "limits": {"nvidia.com/gpu": "2"},
        "requests": {"nvidia.com/gpu": "1"},
    }


def mount_writable(manifests):
    container(manifests)["volumeMounts"][0]["readOnly"] = False


def mount_nothing(manifests):
    container(manifests)["volumeMounts"] = []


def test_the_example_passes(manifests):
    assert list(find(manifests, NEWEST)) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (add_secret, "Secret oss must not be in Git"),
        (take_headless_name, "has the LeaderWorkerSet's name"),
        (select_another, "must select leaderworkerset.sigs.k8s.io/name"),
        (select_workers, "worker-index 0"),
        (take_latest, "has no version tag or digest"),
        (take_no_tag, "has no version tag or digest"),
        (ask_more_gpus, "GPU requests and limits differ"),
        (mount_writable, "the model is not mounted read-only"),
        (mount_nothing, "the model is not mounted"),
    ],
)
def test_a_change_for_the_worse_is_found(manifests, change, finding):
    changed = copy.deepcopy(manifests)
    change(changed)

    with pytest.raises(CheckFailedError) as refusal:
        check(changed, "qwen3-32b-sglang", NEWEST)

    assert finding in str(refusal.value)
