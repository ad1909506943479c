"""Batches: what an overlay builds to is the same in a batch as alone, byte for byte."""

import os
import subprocess

import pytest

from gitops import assets, settings
from gitops.batch import Output, build_all, environment
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.errors import BuildError
from gitops.overlay import render
from gitops.request import Changes, DeployRequest
from gitops.resolve import resolve

LWS = """
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: model}
spec: {replicas: 1, leaderWorkerTemplate: {size: 1}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: model-leader}
spec: {ports: [{port: 8000}], selector: {a: model}}
"""
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: NAME}
spec: {volumeName: NAME}
"""
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAME}
spec:
  capacity: {storage: 80Gi}
  claimRef: {name: NAME}
"""

# What could come out otherwise in a batch: each is built with all the others of its environment.
STRANGE = {
    "plain-storage": {"a.yaml": CLAIM, "b.yaml": VOLUME},
    "claim-in-another-overlay": {"b.yaml": VOLUME.replace("Ref: {name: NAME", "Ref: {name: a")},
    "a": {"a.yaml": CLAIM},
    "claim-in-a-namespace": {
        "b.yaml": VOLUME.replace("Ref: {name: NAME", "Ref: {name: a, namespace: x")
    },
    "empty-labels": {"a.yaml": CLAIM.replace("NAME}\nspec", "NAME, labels: {}}\nspec")},
    "null-labels": {"a.yaml": CLAIM.replace("NAME}\nspec", "NAME, labels: }\nspec")},
    "block-labels": {
        "a.yaml": CLAIM.replace("{name: NAME}", "\n  name: NAME\n  labels:\n    a: b"),
    },
    "labels-of-words": {
        "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"
        "data:\n  k: |\n    ---\n    leadline.invalid/overlay: n1\n  l: 'labels:'\n"
    },
    "own-labels": {
        "a.yaml": CLAIM,
        "kustomization.yaml": "resources: [a.yaml]\nlabels: [{pairs: {b: c, zz: other}}]\n",
    },
    "prefixed": {
        "a.yaml": CLAIM,
        "kustomization.yaml": "namePrefix: p-\nresources: [a.yaml]\n",
    },
    "suffix-of-a-claim-others-name": {
        "a.yaml": CLAIM.replace("NAME", "plain-storage"),
        "kustomization.yaml": "nameSuffix: -s\nresources: [a.yaml]\n",
    },
    "generated": {
        "kustomization.yaml": "configMapGenerator: [{name: g, literals: [a=b]}]\n",
    },
    "sorted": {
        "a.yaml": LWS.replace("name: model", "name: z"),
        "b.yaml": SERVICE.replace("name: model-leader", "name: zs"),
        "kustomization.yaml": "resources: [a.yaml, b.yaml]\nsortOptions: {order: fifo}\n",
    },
    "annotated": {
        "a.yaml": CLAIM,
        "kustomization.yaml": "resources: [a.yaml]\nbuildMetadata: [originAnnotations]\n",
    },
    "role-binding": {
        "a.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
        "metadata: {name: NAME}\nsubjects: [{kind: ServiceAccount, name: sa}]\n"
        "roleRef: {kind: Role, name: r, apiGroup: rbac.authorization.k8s.io}\n"
    },
    "account": {"a.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: sa}\n"},
}


def write(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def overlay(root, folder, files):
    name = folder.rpartition("/")[2]
    resources = sorted(file for file in files if file != "kustomization.yaml")
    files = {"kustomization.yaml": f"namespace: ns\nresources: [{', '.join(resources)}]\n", **files}
    write(root / folder, {file: text.replace("NAME", name) for file, text in files.items()})
    return root / folder


def alone(folder):
    command = [settings.kubectl(), "kustomize", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def processes(tmp_path_factory, monkeypatch):
    """Count how often kubectl is started."""
    folder = tmp_path_factory.mktemp("kubectl")
    counting = folder / "kubectl"
    counting.write_text(f'#!/bin/sh\necho >> {folder}/count\nexec {settings.kubectl()} "$@"\n')
    counting.chmod(0o700)
    monkeypatch.setattr(settings, "kubectl", lambda: str(counting))
    return lambda: len((folder / "count").read_text())


def test_each_strange_overlay_of_a_batch_is_as_if_built_alone(tmp_path, processes):
    folders = [overlay(tmp_path, f"overlays/prod/{name}", f) for name, f in STRANGE.items()]

    built = build_all(tmp_path, folders)

    assert processes() < len(folders)  # the batch itself held
    texts = {folder.name: getattr(result, "text", result) for folder, result in built.items()}
    assert texts == {folder.name: alone(folder) for folder in folders}


def test_rendered_overlays_are_as_if_built_alone(tmp_path, catalog, processes):
    for base in (assets.root() / "kustomize" / "engines").rglob("*.yaml"):
        write(tmp_path, {str(base.relative_to(assets.root())): base.read_text(encoding="utf-8")})
    folders = []
    for number in range(6):
        engine = list(Engine)[number % 2]
        changes = Changes(replicas=number)
        request = DeployRequest("qwen3-32b", engine, name=f"m{number}", changes=changes)
        deployment = resolve(request, Environment(name="example"), catalog)
        write(tmp_path, render(deployment).all_files)
        folders.append(tmp_path / deployment.folder)

    built = build_all(tmp_path, folders, size=4)

    assert processes() == 2
    assert {f: b.text for f, b in built.items()} == {f: alone(f) for f in folders}
    assert [len(b.manifests) for b in built.values()] == [2] * 6


def test_the_repository_s_own_overlays_are_as_if_built_alone():
    root = assets.root()
    folders = sorted(f.parent for f in (root / "overlays").rglob("kustomization.yaml"))

    built = build_all(root, folders)

    assert {f: b.text for f, b in built.items()} == {f: alone(f) for f in folders}


def test_a_failing_overlay_is_named_and_the_others_are_built(tmp_path):
    folders = [overlay(tmp_path, f"overlays/prod/a{n}", {"a.yaml": CLAIM}) for n in range(9)]
    (folders[5] / "a.yaml").write_text("kind: Nameless\napiVersion: v1\n")

    built = build_all(tmp_path, folders)

    failed = {folder.name: str(b) for folder, b in built.items() if isinstance(b, BuildError)}
    assert list(failed) == ["a5"]
    assert failed["a5"].startswith("building overlays/prod/a5: ")
    assert "\n" not in failed["a5"]
    assert str(tmp_path) not in failed["a5"]


def test_two_overlays_with_one_object_are_both_built(tmp_path):
    same = {"a.yaml": CLAIM.replace("NAME", "same")}
    folders = [overlay(tmp_path, f"overlays/prod/{name}", same) for name in "ab"]

    built = build_all(tmp_path, folders)

    assert all(isinstance(output, Output) for output in built.values())


def test_environments_that_share_names_are_built_apart(tmp_path, processes):
    folders = [
        overlay(tmp_path, f"overlays/{env}/{name}", {"a.yaml": CLAIM})
        for env in ("dev", "prod")
        for name in "ab"
    ]

    built = build_all(tmp_path, folders)

    assert [b.manifests[0]["metadata"]["name"] for b in built.values()] == ["a", "b", "a", "b"]
    assert processes() == 2


def test_what_is_refused_is_not_built(tmp_path):
    good = overlay(tmp_path, "overlays/prod/good", {"a.yaml": CLAIM})
    bad = overlay(tmp_path, "overlays/prod/bad", {})
    (bad / "kustomization.yaml").write_text("resources: ['https://example.invalid/x.yaml']\n")

    built = build_all(tmp_path, [bad, good, tmp_path.parent / "elsewhere"])

    assert [type(result) for result in built.values()] == [BuildError, Output, BuildError]
    assert "a remote address" in str(built[bad])
    assert "outside" in str(built[tmp_path.parent / "elsewhere"])


def test_yaml_that_we_do_not_read_is_an_error_of_its_overlay(tmp_path):
    large = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {a: 'TEXT'}\n"
    text = large.replace("TEXT", "x" * 990_000)
    folder = overlay(tmp_path, "overlays/prod/large", {"a.yaml": text, "b.yaml": CLAIM})
    second = {"a.yaml": CLAIM, "b.yaml": text.replace("NAME", "NAME-b")}
    both = {**second, "c.yaml": large.replace("TEXT", "y" * 20_000)}
    more = overlay(tmp_path, "overlays/prod/larger", both)

    built = build_all(tmp_path, [folder, more])

    assert isinstance(built[folder], Output)
    assert "larger than" in str(built[more])


def test_kustomize_sees_nothing_of_our_environment(tmp_path, monkeypatch):
    spy = tmp_path / "spy"
    spy.write_text('#!/bin/sh\necho "token: $GITHUB_TOKEN" >&2\nexit 1\n')
    spy.chmod(0o700)
    monkeypatch.setattr(settings, "kubectl", lambda: str(spy))
    monkeypatch.setitem(os.environ, "GITHUB_TOKEN", "canary")
    folder = overlay(tmp_path, "overlays/prod/a", {"a.yaml": CLAIM})

    [result] = build_all(tmp_path, [folder]).values()

    assert str(result) == "building overlays/prod/a: token:; correct the overlay"


def test_no_overlays_is_no_work(tmp_path):
    assert build_all(tmp_path, []) == {}


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("overlays/prod/qwen3-32b", "prod"),
        ("overlays/prod/storage/llm-model", "prod"),
        ("clusters/a/apps/x", "clusters/a/apps"),
        ("x", ""),
    ],
)
def test_the_environment_is_the_folder_below_overlays(folder, expected):
    assert environment(folder) == expected
