"""Leadline's own manifests: they build, run with few rights, and ask for no more than is read."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.documents import load_all
from gitops.schemas import complaints

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "kustomize" / "leadline"
ROLES = ("serve", "work", "watch")

READ = {
    ("leaderworkerset.x-k8s.io", "leaderworkersets"),
    ("apps", "controllerrevisions"),
    ("", "pods"),
    ("", "events"),
    ("argoproj.io", "applications"),
    ("kustomize.toolkit.fluxcd.io", "kustomizations"),
}
"""What the watch reads in namespaces; `bot.cluster.scopes` is compared with it."""

OF_THE_CLUSTER = {
    ("", "nodes"),
    ("", "persistentvolumes"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
}
"""What belongs to no namespace and may be read too."""


def built(folder="."):
    kubectl = Path(sys.executable).parent / "kubectl"
    command = [str(kubectl), "kustomize", str(FOLDER / folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return load_all(result.stdout, folder)


@pytest.fixture(scope="module")
def manifests():
    return built()


def workloads(manifests):
    return [m for m in manifests if m["kind"] in {"Deployment", "StatefulSet"}]


def containers(manifests):
    for manifest in workloads(manifests):
        yield from manifest["spec"]["template"]["spec"]["containers"]


def test_every_role_is_a_deployment_that_runs_its_verb(manifests):
    runs = {
        m["metadata"]["name"]: m["spec"]["template"]["spec"]["containers"][0]["args"]
        for m in manifests
        if m["kind"] == "Deployment"
    }

    assert runs == {f"leadline-{role}": [role] for role in ROLES}


def test_the_fields_of_pods_and_services_are_those_that_kubernetes_has(manifests):
    """Our schemas know pod templates inside of a LeaderWorkerSet."""
    sets = [as_set(manifest) for manifest in workloads(manifests)]
    others = [manifest for manifest in manifests if manifest not in workloads(manifests)]

    assert len(sets) == 4
    assert [f"{m['metadata']['name']}: {c}" for m in sets + others for c in complaints(m)] == []


def as_set(workload):
    """Return a LeaderWorkerSet with a workload's pod template."""
    template = {"size": 1, "workerTemplate": workload["spec"]["template"]}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": workload["metadata"],
        "spec": {"leaderWorkerTemplate": template},
    }


@pytest.mark.parametrize("folder", [".", "watched", "controller", "asking"])
def test_every_object_stands_in_a_namespace_unless_it_belongs_to_none(folder):
    free = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    objects = built(folder)

    assert objects
    assert [
        m["kind"] for m in objects if ("namespace" in m["metadata"]) == (m["kind"] in free)
    ] == []


def test_every_container_runs_with_few_rights_probes_and_limits(manifests):
    for manifest in workloads(manifests):
        pod = manifest["spec"]["template"]["spec"]["securityContext"]
        assert pod["runAsNonRoot"] is True
        assert pod["runAsUser"] > 0
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(manifests):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"livenessProbe", "readinessProbe"} <= set(container)
        assert "memory" in container["resources"]["limits"]
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])


def test_the_service_account_token_is_only_with_who_reads_the_cluster(manifests):
    accounts = {m["metadata"]["name"]: m for m in manifests if m["kind"] == "ServiceAccount"}
    used = {m["metadata"]["name"]: m["spec"]["template"]["spec"] for m in workloads(manifests)}
    without = {
        name
        for name, pod in used.items()
        if False
        in (
            pod.get("automountServiceAccountToken"),
            accounts.get(pod.get("serviceAccountName"), {}).get("automountServiceAccountToken"),
        )
    }

    assert without == {"leadline-serve", "leadline-work", "leadline-redis"}


def names(container):
    return {entry["name"] for entry in container.get("env", [])}


def test_every_setting_that_is_named_is_on_the_settings_page(manifests):
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    known = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", page, re.MULTILINE))
    [settings] = [m for m in manifests if m["kind"] == "ConfigMap"]
    named = set(settings["data"]).union(*(names(container) for container in containers(manifests)))

    assert named - known == {"REDISCLI_AUTH"}


def test_a_role_gets_only_the_secrets_that_it_reads(manifests):
    roles = {c["args"][0]: names(c) for c in containers(manifests) if c["name"] == "leadline"}

    assert [name for name in roles["serve"] if name.startswith("GITHUB_")] == [
        "GITHUB_WEBHOOK_SECRET"
    ]
    for role in ("work", "watch"):
        assert not roles[role] & {
            "SLACK_SIGNING_SECRET",
            "SLACK_APP_TOKEN",
            "GITHUB_WEBHOOK_SECRET",
        }


def test_every_secret_value_comes_from_the_secret_and_the_page_says_how_it_is_made(manifests):
    page = (ROOT / "docs" / "running.md").read_text("utf-8")
    keys = set()
    for container in containers(manifests):
        for entry in container.get("env", []):
            assert set(entry) == {"name", "valueFrom"}
            assert entry["valueFrom"]["secretKeyRef"]["name"] == "leadline"
            keys.add(entry["valueFrom"]["secretKeyRef"]["key"])

    assert [key for key in sorted(keys) if key not in page] == []


def rules(objects):
    return [rule for m in objects if m["kind"] in {"Role", "ClusterRole"} for rule in m["rules"]]


def granted(objects):
    return {
        (group, resource)
        for rule in rules(objects)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_rights_are_to_read_what_is_read_and_no_more(manifests):
    namespaced = [*built("watched"), *built("controller")]

    assert {tuple(rule["verbs"]) for rule in rules([*manifests, *namespaced])} == {
        ("get", "list", "watch")
    }
    assert granted(manifests) == OF_THE_CLUSTER
    assert granted(namespaced) == READ


def test_what_the_watch_reads_is_what_its_code_asks_for():
    text = (ROOT / "bot" / "cluster" / "scopes.py").read_text("utf-8")
    paths = re.findall(r"/(?:api|apis/([a-z0-9.-]+))/v1[a-z0-9]*/\{place\}/([a-z]+)", text)

    assert set(paths) == READ


def test_only_the_role_for_asking_from_outside_does_more_than_read():
    assert [(rule["resources"], rule["verbs"]) for rule in rules(built("asking"))] == [
        (["services/proxy", "pods/proxy"], ["get", "create"])
    ]


def test_every_port_that_a_policy_opens_is_one_that_something_listens_on(manifests):
    policies = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "NetworkPolicy"}
    listening = {p["containerPort"] for c in containers(manifests) for p in c["ports"]}
    opened = {
        port["port"]
        for spec in policies.values()
        for rule in spec.get("ingress", [])
        for port in rule["ports"]
    }

    assert opened == listening == {3000, 8080, 6379}
    assert policies["nothing-else"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_image_is_of_this_version(manifests):
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    images = {c["image"] for c in containers(manifests) if c["name"] == "leadline"}
    assert images == {f"leadline:{version[1]}"}
