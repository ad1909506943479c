"""The sandbox's GitOps agent: a real Git repository, real kustomize, the sandbox's cluster."""

import json
import subprocess

import pytest

from sandbox.agent import Agent
from tests.sandbox.test_cluster_bench import Bench, lws

DISABLED = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}


class Repository:
    """A Git repository with overlays."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        done = subprocess.run(
            ["git", "-C", self.path, "-c", "user.name=a", "-c", "user.email=a@b", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, files):
        for name, content in files.items():
            target = self.path / name
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content if isinstance(content, str) else json.dumps(content))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work")
        return self.git("rev-parse", "HEAD")


class Setting:
    """An agent between a repository and a cluster."""

    def __init__(self, bench, path):
        self.bench = bench
        self.repository = Repository(path)
        self.agent = Agent(
            bench.time, bench.journal, self.repository.path, "main", bench.url, "writer"
        )

    def told(self):
        entries = self.bench.journal.entries()
        return [(e.call, dict(e.detail)) for e in entries if e.world == "agent"]


@pytest.fixture
def setting(tmp_path):
    with Bench().served() as bench:
        yield Setting(bench, tmp_path / "repository")


def overlay(name, folder="overlays/prod", **wishes):
    return {
        f"{folder}/{name}/kustomization.yaml": {
            "resources": ["lws.yaml"],
            "namespace": "default",
        },
        f"{folder}/{name}/lws.yaml": lws(name=name, **wishes),
    }


def claim(name):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "annotations": DISABLED},
        "spec": {"accessModes": ["ReadOnlyMany"]},
    }


QWEN = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/default/leaderworkersets/qwen"
LLAMA = QWEN.replace("qwen", "llama")


def test_a_revision_is_applied_and_comes_up(setting):
    sha = setting.repository.commit(overlay("qwen"))
    setting.agent.sync(sha)
    setting.bench.wait("lws.available", name="qwen")

    assert setting.told() == [("synced", {"revision": sha, "applied": [QWEN], "pruned": []})]
    state = setting.agent.state()
    assert (state["synced_revision"], state["health"], state["message"]) == (sha, "healthy", "")


def test_what_is_gone_from_git_is_pruned(setting):
    first = setting.repository.commit(overlay("qwen") | overlay("llama"))
    second = setting.repository.commit(dict.fromkeys(overlay("llama")))
    setting.agent.sync(first)
    setting.agent.sync(second)
    setting.bench.wait("lws.gone", name="llama")

    assert setting.told()[1] == (
        "synced",
        {"revision": second, "applied": [QWEN], "pruned": [LLAMA]},
    )


def test_the_same_revision_again_changes_nothing(setting):
    sha = setting.repository.commit(overlay("qwen"))
    setting.agent.sync(sha)
    setting.bench.wait("lws.available")
    before = setting.bench.version()
    setting.agent.sync(sha)

    assert setting.bench.version() == before


def test_an_object_that_must_not_be_pruned_stays(setting):
    folder = "overlays/prod/storage/llm-model"
    files = {
        f"{folder}/kustomization.yaml": {"resources": ["pvc.yaml"], "namespace": "default"},
        f"{folder}/pvc.yaml": claim("llm-model"),
    }
    setting.agent.sync(setting.repository.commit(files | overlay("qwen", claim="llm-model")))
    setting.bench.wait("lws.available")
    setting.agent.sync(setting.repository.commit(dict.fromkeys(files)))

    assert setting.told()[1][1]["pruned"] == []
    assert setting.bench.cluster.get("persistentvolumeclaims", "default", "llm-model")


def test_folders_under_custom_and_above_the_overlays_are_not_ours(setting):
    sha = setting.repository.commit(
        overlay("qwen")
        | overlay("mine", folder="overlays/prod/custom")
        | {"overlays/prod/kustomization.yaml": {"resources": ["qwen"]}}
        | {"kustomize/base/kustomization.yaml": {"resources": ["nothing.yaml"]}}
    )
    setting.agent.sync(sha)

    assert setting.told()[0][1]["applied"] == [QWEN]


def test_a_revision_that_does_not_build_changes_nothing_and_says_why(setting):
    good = setting.repository.commit(overlay("qwen"))
    bad = setting.repository.commit(
        {"overlays/prod/llama/kustomization.yaml": {"resources": ["missing.yaml"]}}
    )
    setting.agent.sync(good)
    setting.agent.sync(bad)
    state = setting.agent.state()

    assert (state["synced_revision"], state["health"]) == (good, "failed")
    assert state["message"].startswith("overlays/prod/llama: building llama: ")
    assert "missing.yaml" in state["message"]
    assert setting.told()[1] == ("failed", {"revision": bad, "message": state["message"]})


def test_what_the_cluster_refuses_is_told(setting):
    setting.agent.sync(setting.repository.commit(overlay("qwen", size=0)))

    assert setting.agent.state()["message"] == (
        f"PATCH {QWEN}?fieldManager=sandbox-agent&force=true: "
        'admission webhook "vleaderworkerset.kb.io" denied the request: '
        "spec.leaderWorkerTemplate.size: size must be equal or greater than 1"
    )


def test_an_unknown_revision_is_told(setting):
    setting.repository.commit(overlay("qwen"))
    setting.agent.sync("0" * 40)

    assert setting.agent.state()["message"].startswith(f"reading revision {'0' * 40}: fatal: ")


def test_a_push_to_the_branch_is_synced_in_the_background(setting):
    sha = setting.repository.commit(overlay("qwen"))
    setting.agent.pushed("other", sha)
    setting.agent.pushed("main", sha)
    setting.bench.journal.wait(lambda e: e.world == "agent")

    assert setting.told() == [("synced", {"revision": sha, "applied": [QWEN], "pruned": []})]
