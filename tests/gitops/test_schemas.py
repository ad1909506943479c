"""Schemas: what we emit is accepted, and one wrong field is told with its path and its remedy."""

import copy

import pytest

from gitops import assets
from gitops.build import kustomize
from gitops.errors import UsageError
from gitops.schemas import NEWEST, complaints, schema
from gitops.schemas.kinds import KINDS
from gitops.schemas.lws import VERSIONS

EXAMPLES = assets.root() / "overlays" / "example"
POD = ("spec", "leaderWorkerTemplate", "workerTemplate", "spec")
CONTAINER = (*POD, "containers", 0)
UPDATE = ("spec", "rolloutStrategy", "rollingUpdateConfiguration")


@pytest.fixture(scope="module")
def examples():
    folders = ("qwen3-32b-sglang", "qwen3-32b-vllm", "storage/llm-model")
    built = [manifest for folder in folders for manifest in kustomize(EXAMPLES / folder)]
    for manifest in built:  # the field that an overlay gets for LWS 0.7.0 and newer
        if manifest["kind"] == "LeaderWorkerSet":
            del manifest["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]["partition"]
    return built


@pytest.fixture
def lws(examples):
    return copy.deepcopy(next(m for m in examples if m["kind"] == "LeaderWorkerSet"))


def put(manifest, path, value):
    for step in path[:-1]:
        manifest = manifest[step]
    manifest[path[-1]] = value


@pytest.mark.parametrize("version", [*VERSIONS, "v0.6.2", "0.11.0"])
def test_what_we_emit_is_accepted_by_every_version(examples, version):
    assert [c for manifest in examples for c in complaints(manifest, version)] == []


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("spec", "replcas"), 1, "spec.replcas: unknown field; did you mean replicas?"),
        (("spec", "zzz"), 1, "spec.zzz: unknown field; remove it"),
        (("spec", "replicas"), "1", "spec.replicas: expected integer"),
        (("spec", "replicas"), 1.5, "spec.replicas: expected integer"),
        (("spec", "replicas"), -1, "spec.replicas: -1 is less than the minimum of 0"),
        (("spec", "startupPolicy"), "Now", "expected one of LeaderCreated, LeaderReady"),
        (("spec", "networkConfig"), {}, "spec.networkConfig: subdomainPolicy is missing"),
        (("spec", "rolloutStrategy"), {}, "spec.rolloutStrategy: type is missing"),
        (("spec", "resizePolicy"), "x", "spec.resizePolicy: unknown field"),
        ((*UPDATE, "maxSurge"), "x", "maxSurge"),
        ((*UPDATE, "maxSurge"), "101%", "maxSurge"),
        (("spec", "leaderWorkerTemplate", "size"), 0, "size: 0 is less than the minimum of 1"),
        ((*POD, "container"), [], "did you mean containers?"),
        ((*POD, "containers"), [], "containers: "),
        ((*POD, "tolerations", 0, "effects"), "x", "tolerations[0].effects: unknown field"),
        ((*POD, "nodeSelector"), {"a": 1}, "nodeSelector.a: expected string"),
        ((*POD, "volumes", 1, "emptyDir", "sizelimit"), "1Gi", "did you mean sizeLimit?"),
        ((*POD, "securityContext"), {"runAsUsr": 1}, "did you mean runAsUser?"),
        ((*POD, "affinity"), {"nodeAffinty": {}}, "did you mean nodeAffinity?"),
        ((*CONTAINER, "readinesProbe"), {}, "did you mean readinessProbe?"),
        ((*CONTAINER, "livenessProbe"), {"httpget": {}}, "did you mean httpGet?"),
        ((*CONTAINER, "env"), [{"nam": "A"}], "env[0]"),
        ((*CONTAINER, "env"), [{"name": "A", "value": 1}], "env[0].value: expected string"),
        ((*CONTAINER, "args"), [8000], "args[0]: expected string"),
        ((*CONTAINER, "resources"), {"limit": {}}, "did you mean limits?"),
        ((*CONTAINER, "resources", "limits", "memory"), "52GiB", "memory: 52GiB is not of"),
        ((*CONTAINER, "securityContext"), {"priviledged": True}, "did you mean privileged?"),
        ((*CONTAINER, "volumeMounts", 0, "readonly"), True, "did you mean readOnly?"),
        ((*CONTAINER, "ports"), [{"containerPort": "8000"}], "containerPort: expected integer"),
    ],
)
def test_a_wrong_field_is_told(lws, path, value, text):
    put(lws, path, value)

    told = [f"{complaint.path}: {complaint.text}" for complaint in complaints(lws)]

    assert any(text in line for line in told), told


@pytest.mark.parametrize("path", [CONTAINER, (*POD, "volumes", 0), ("spec",), ("metadata",)])
def test_a_missing_field_is_told(lws, path):
    thing = lws
    for step in path:
        thing = thing[step]
    thing.clear()

    assert any("is missing" in complaint.text for complaint in complaints(lws))


@pytest.mark.parametrize(
    ("path", "value", "since"),
    [
        ((*UPDATE, "partition"), 1, "0.7.0"),
        (("spec", "leaderWorkerTemplate", "volumeClaimTemplates"), [], "0.8.0"),
        (("spec", "leaderWorkerTemplate", "persistentVolumeClaimRetentionPolicy"), {}, "0.8.0"),
        (("spec", "leaderWorkerTemplate", "restartPolicy"), "RecreateGroupAfterStart", "0.9.0"),
    ],
)
def test_a_field_exists_from_its_version_on(lws, path, value, since):
    put(lws, path, value)

    found = {v: [c.since for c in complaints(lws, v)] for v in VERSIONS}

    before = VERSIONS.index(since)
    assert found == {v: [since] if n < before else [] for n, v in enumerate(VERSIONS)}


@pytest.mark.parametrize(("version", "accepted"), [("0.9.0", True), ("0.10.0", False)])
def test_replicas_have_a_maximum_from_0_10_on(lws, version, accepted):
    lws["spec"]["replicas"] = 1_000_001

    assert (list(complaints(lws, version)) == []) is accepted


def test_an_older_version_is_refused():
    with pytest.raises(UsageError, match=r"install 0\.6\.0 or newer"):
        schema("LeaderWorkerSet", "0.5.1")


ACCEPTED = {
    "Service": {"spec": {"ports": [{"port": 8000, "targetPort": "http"}], "selector": {"a": "b"}}},
    "PersistentVolume": {
        "spec": {"capacity": {"storage": "80Gi"}, "accessModes": ["ReadOnlyMany"]}
    },
    "PersistentVolumeClaim": {"spec": {"resources": {"requests": {"storage": "80Gi"}}}},
    "PodDisruptionBudget": {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}},
    "NetworkPolicy": {"spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}},
    "Job": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b:1"}]}}}},
    "PodMonitor": {"spec": {"selector": {}, "podMetricsEndpoints": [{"port": "http"}]}},
    "ConfigMap": {"data": {"a": "b"}},
    "ServiceAccount": {"automountServiceAccountToken": False},
    "Namespace": {},
}


def manifest(kind):
    api_version = KINDS[kind]["properties"]["apiVersion"]["const"]
    identity = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}
    return copy.deepcopy(identity | ACCEPTED[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_accepted_and_closed(kind):
    assert list(complaints(manifest(kind))) == []

    wrong = manifest(kind) | {"zzz": 1}
    assert [c.text for c in complaints(wrong)] == ["unknown field; remove it"]
    assert list(complaints(manifest(kind) | {"apiVersion": "v0"})) != []


def test_an_unknown_kind_has_no_schema():
    assert schema("Pod") is None
    assert list(complaints({"kind": "Pod"}, NEWEST)) == []
