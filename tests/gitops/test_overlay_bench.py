"""What the tests of rendering share: deployments of each launch form, written and really built."""

import shutil
from pathlib import Path

from gitops import assets
from gitops.batch import Output, build_all
from gitops.checks import Facts, Severity, review
from gitops.documents import dump
from gitops.launch import FORMS
from gitops.overlay import read, render

FORM = {
    "vllm-ray": ("vllm", "0.10.0", "registry.example/vllm:v0.10.0"),
    "vllm-mp": ("vllm", "0.33.0", "registry.example/vllm:v0.33.0"),
    "sglang": ("sglang", "0.5.23", "registry.example/sglang:v0.5.23"),
}
NAME = "leaderworkerset.sigs.k8s.io/name"


def made(form="vllm-mp", **change):
    """Return Qwen3-32B over two pods of one GPU, in a launch form, with changes as in llm.yaml."""
    engine, version, image = FORM[form]
    fields = {
        "name": f"q-{form}",
        "environment": "test",
        "namespace": "models",
        "model": "qwen3-32b",
        "engine": engine,
        "engineVersion": version,
        "image": image,
        "base": f"kustomize/engines/{form}/v1",
        "replicas": 1,
        "size": 2,
        "parallel": {"tensor": 2},
        "resources": {"memory": "52Gi"},
        "modelPath": "/models/Qwen3-32B",
        "servedModelName": "qwen3-32b",
        "claim": "llm-model",
    }
    return read(dump(fields | change), "llm.yaml")


def repository(root: Path) -> Path:
    """Give a folder the bases and components, and return it."""
    shutil.copytree(assets.root() / "kustomize", root / "kustomize")
    return root


def write(root: Path, overlay) -> Path:
    for path, text in overlay.all_files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root / overlay.deployment.folder


def build(root: Path, *overlays):
    """Build overlays in a repository, and return the objects of each by kind."""
    built = build_all(root, [write(root, overlay) for overlay in overlays])
    assert [x for x in built.values() if not isinstance(x, Output)] == []
    return [{m["kind"]: m for m in output.manifests} for output in built.values()]


def templates(objects):
    group = objects["LeaderWorkerSet"]["spec"]["leaderWorkerTemplate"]
    return group["leaderTemplate"], group["workerTemplate"]


def containers(objects):
    return [template["spec"]["containers"][0] for template in templates(objects)]


def errors(objects, lws="0.10.0"):
    """Return what the lints refuse in the objects of one overlay."""
    found = review(list(objects.values()), Facts(lws=lws))
    return [finding.text for finding in found if finding.severity is Severity.ERROR]


def test_every_launch_form_has_a_base_and_a_deployment_here(tmp_path):
    built = build(repository(tmp_path), *(render(made(form)) for form in FORMS))

    assert set(FORM) == set(FORMS)
    assert [errors(objects) for objects in built] == [[], [], []]
