"""Lints: each has inputs that it must pass and inputs that it must find, and no key is repeated."""

import pytest

from gitops.checks import LINTS, Facts, review
from tests.gitops.test_lints_bench import (
    LEADER,
    SGLANG,
    STORAGE,
    VLLM,
    WORKER,
    Overlay,
    add,
    alone,
    annotate,
    arguments,
    both,
    built,
    engine,
    metadata,
    model_on_the_node,
    name,
    no,
    ray,
    shared_memory,
    sidecar,
    spec,
    update,
    variable,
    wait_for_leader,
    without,
    wrapped,
)

NAMED = both(without("--served-model-name"), arguments("--served-model-name=a"))
SELECTOR = {"leaderworkerset.sigs.k8s.io/name": SGLANG}
PROBE = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 10}
KEY = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
GITHUB = "ghp_" + "a1B2" * 9
RSA = "-----BEGIN RSA " + "PRIVATE KEY-----"
SECRETS = {"csi": {"driver": "d", "volumeHandle": "h", "nodePublishSecretRef": {"name": "s"}}}
OLD, NEW = Facts(lws="0.6.0"), Facts(lws="0.10.0")
HEAVY = Facts(weights_gib={"llm-model": 81.0})
OFFERS, OTHERS = Facts(claims=("llm-model", "x")), Facts(claims=("team-models",))

# lint, example, change, known facts
FOUND = [
    ("schema", SGLANG, spec("LeaderWorkerSet", replcas=1), OLD),
    ("schema", STORAGE, spec("PersistentVolume", capacty={}), OLD),
    ("known-kind", SGLANG, add("Pod", metadata={"name": "x"}), OLD),
    ("known-kind", SGLANG, add("ClusterRoleBinding", metadata={"name": "x"}), OLD),
    ("no-secret", SGLANG, add("Secret", metadata={"name": "x"}, stringData={"a": "b"}), OLD),
    ("no-secret-value", SGLANG, annotate(GITHUB), OLD),
    ("no-secret-value", SGLANG, annotate(wrapped(f"token: {GITHUB}")), OLD),
    ("no-secret-value", SGLANG, annotate(wrapped("key=" + "AKIA" + "ABCD1234" * 2)), OLD),
    ("no-secret-value", SGLANG, annotate("LTAI" + "5tAbCdEfGhIjKl"), OLD),
    ("no-secret-value", SGLANG, annotate("xoxb-" + "1234567890-abc"), OLD),
    ("no-secret-value", SGLANG, annotate("ghs_" + "a1B2" * 9), OLD),
    ("no-secret-value", SGLANG, annotate("hf_" + "a1B2" * 9), OLD),
    ("no-secret-value", SGLANG, arguments("--x=sk-" + "abcd1234" * 4), OLD),
    ("no-secret-value", SGLANG, variable(name="A", value=RSA), OLD),
    ("no-literal-variable", SGLANG, variable(name="HF_TOKEN", value="x"), OLD),
    ("service-selects-leader", SGLANG, spec("Service", selector=SELECTOR), OLD),
    ("service-selects-leader", SGLANG, spec("Service", selector={"role": "leader"}), OLD),
    ("service-name", SGLANG, name("Service", SGLANG), OLD),
    ("service-name", SGLANG, name("Service", f"{SGLANG}-0"), OLD),
    ("service-name", SGLANG, name("Service", "vllm"), OLD),
    ("service-type", SGLANG, spec("Service", type="LoadBalancer"), OLD),
    ("service-type", SGLANG, spec("Service", type="ExternalName"), OLD),
    ("image-pinned", SGLANG, engine(image="registry.example:5000/sglang"), OLD),
    ("image-pinned", SGLANG, engine(WORKER, image="sglang:latest"), OLD),
    ("gpu-limits", SGLANG, engine(resources={"limits": {"nvidia.com/gpu": "1"}}), OLD),
    ("model-read-only", SGLANG, engine(WORKER, volumeMounts=[]), OLD),
    ("model-read-only", SGLANG, lambda o: o.engine()["volumeMounts"][0].pop("readOnly"), OLD),
    ("shared-memory", SGLANG, shared_memory("40Gi"), OLD),
    ("shared-memory", SGLANG, shared_memory(None), OLD),
    ("shared-memory", SGLANG, shared_memory("15Gi"), Facts(engine_gib=40)),
    ("service-links", SGLANG, lambda o: o.pod(WORKER).pop("enableServiceLinks"), OLD),
    ("readiness-http", SGLANG, no("readinessProbe"), OLD),
    ("readiness-http", VLLM, engine(readinessProbe={"tcpSocket": {"port": 8000}}), OLD),
    ("startup-budget", VLLM, no("startupProbe"), OLD),
    ("startup-budget", SGLANG, engine(startupProbe=PROBE | {"failureThreshold": 59}), OLD),
    ("startup-budget", SGLANG, no("startupProbe", WORKER), OLD),
    ("startup-budget", SGLANG, lambda _: None, Facts(load_seconds=3601)),
    ("worker-probe", SGLANG, no("readinessProbe", WORKER), OLD),
    ("worker-probe", VLLM, engine(WORKER, readinessProbe=PROBE), OLD),
    ("served-model-name", SGLANG, without("--served-model-name"), OLD),
    ("served-model-name", VLLM, without("--served-model-name"), OLD),
    ("trust-remote-code", SGLANG, arguments("--trust-remote-code", template=WORKER), OLD),
    ("api-key", SGLANG, arguments("--api-key", "word"), OLD),
    ("api-key", VLLM, arguments("--api-key=word"), OLD),
    ("api-key", SGLANG, both(arguments("--api-key", "$(A)"), variable(name="A", value="x")), OLD),
    ("variables", SGLANG, arguments("--x=$(LWS_LEADER_ADRESS)"), OLD),
    ("variables", SGLANG, arguments("--x=$(GROUP_SIZE)"), OLD),
    ("variables", VLLM, arguments('echo "$LWS_WORKER_IDX"', of="command"), OLD),
    ("variables", SGLANG, variable(name="A", value="$(LSW_GROUP_SIZE)"), OLD),
    ("ray-image", VLLM, ray("0.19.0"), OLD),
    ("ray-image", VLLM, ray("0.18.1"), OLD),
    ("secret-namespace", STORAGE, spec("PersistentVolume", **SECRETS), OLD),
    ("claim-offered", SGLANG, lambda _: None, OTHERS),
    ("volume-capacity", STORAGE, lambda _: None, HEAVY),
    ("storage-class", STORAGE, lambda o: o.manifests[1]["spec"].pop("storageClassName"), OLD),
    ("lws-version", SGLANG, update(partition=1), OLD),
    ("lws-surge", SGLANG, update(maxSurge=1, maxUnavailable=0), Facts(lws="0.8.0")),
    ("lws-surge", SGLANG, update(maxSurge="50%", maxUnavailable="50%"), OLD),
    ("lws-startup-policy", SGLANG, spec("LeaderWorkerSet", startupPolicy="LeaderReady"), NEW),
    ("lws-restart-policy", SGLANG, lambda o: o.group.update(restartPolicy="Default"), NEW),
    ("lws-foreground-deletion", SGLANG, metadata(finalizers=["foregroundDeletion"]), OLD),
    ("lws-name", SGLANG, name("LeaderWorkerSet", "a" * 46), OLD),
    ("lws-name", SGLANG, name("LeaderWorkerSet", "qwen2.5"), OLD),
    ("lws-name", SGLANG, name("LeaderWorkerSet", "4x"), OLD),
]
PASSED = [
    ("schema", SGLANG, spec("LeaderWorkerSet", replicas=0), OLD),
    ("known-kind", SGLANG, add("ConfigMap", metadata={"name": "x"}), OLD),
    ("no-secret", SGLANG, variable(**KEY), OLD),
    ("no-secret-value", SGLANG, annotate("task-abcdefghijklmnopqrstuvwxyz"), OLD),
    ("no-secret-value", SGLANG, annotate(wrapped("nothing of interest, " * 9)), OLD),
    ("no-secret-value", SGLANG, annotate("sha256:" + "0123456789abcdef" * 4), OLD),
    ("no-literal-variable", SGLANG, variable(name="TOKENIZERS_PARALLELISM", value="1"), OLD),
    ("no-literal-variable", SGLANG, variable(**KEY | {"name": "HF_TOKEN"}), OLD),
    ("service-selects-leader", VLLM, lambda _: None, OLD),
    ("service-name", SGLANG, name("Service", "vllm-leader"), OLD),
    ("service-type", SGLANG, lambda o: o.one("Service")["spec"].pop("type"), OLD),
    ("image-pinned", SGLANG, engine(image="sglang@sha256:" + "0" * 64), OLD),
    ("image-pinned", SGLANG, engine(image="registry.example:5000/sglang:v1"), OLD),
    ("gpu-limits", SGLANG, sidecar(), OLD),
    ("model-read-only", SGLANG, sidecar(), OLD),
    ("model-read-only", SGLANG, model_on_the_node, OLD),
    ("shared-memory", SGLANG, shared_memory("36Gi"), OLD),
    ("service-links", VLLM, lambda _: None, OLD),
    ("readiness-http", SGLANG, sidecar(), OLD),
    ("startup-budget", SGLANG, engine(startupProbe=PROBE | {"failureThreshold": 60}), OLD),
    ("startup-budget", VLLM, lambda _: None, Facts(load_seconds=3600)),
    ("worker-probe", SGLANG, wait_for_leader, OLD),
    ("worker-probe", SGLANG, alone, OLD),
    ("worker-probe", VLLM, lambda _: None, OLD),
    ("served-model-name", SGLANG, NAMED, OLD),
    ("trust-remote-code", SGLANG, arguments("--no-trust-remote-code-at-all"), OLD),
    ("api-key", SGLANG, both(arguments("--api-key", "$(KEY)"), variable(**KEY)), OLD),
    ("variables", SGLANG, both(arguments("--x=$(A) $$(B)"), variable(name="A", value="x")), OLD),
    ("variables", VLLM, arguments("$(hostname -I)", of="command"), OLD),
    ("ray-image", VLLM, ray("0.17.1"), OLD),
    ("ray-image", SGLANG, ray("0.19.0"), OLD),
    ("secret-namespace", STORAGE, lambda _: None, OLD),
    ("claim-offered", SGLANG, lambda _: None, OFFERS),
    ("claim-offered", SGLANG, lambda _: None, Facts()),
    ("volume-capacity", STORAGE, lambda _: None, Facts(weights_gib={"llm-model": 61.0})),
    ("storage-class", STORAGE, lambda o: o.manifests[1]["spec"].pop("volumeName"), OLD),
    ("lws-version", SGLANG, update(partition=1), NEW),
    ("lws-surge", SGLANG, update(maxSurge=1, maxUnavailable=0), Facts(lws="0.9.0")),
    ("lws-surge", SGLANG, update(maxSurge=1, maxUnavailable=1), OLD),
    ("lws-startup-policy", SGLANG, lambda _: None, OLD),
    ("lws-restart-policy", SGLANG, lambda o: o.group.update(restartPolicy="None"), OLD),
    ("lws-foreground-deletion", SGLANG, metadata(finalizers=["foregroundDeletion"]), NEW),
    ("lws-name", SGLANG, name("LeaderWorkerSet", "a" * 45), OLD),
]


@pytest.fixture(scope="module")
def examples():
    return built()


def found(examples, row):
    _, example, change, facts = row
    overlay = Overlay(examples[example])
    change(overlay)
    return review(overlay.manifests, facts)


def ids(rows):
    return [f"{row[0]}-{number}" for number, row in enumerate(rows)]


@pytest.mark.parametrize("example", [SGLANG, VLLM, STORAGE])
@pytest.mark.parametrize("facts", [OLD, NEW])
def test_the_examples_pass_every_lint(examples, example, facts):
    assert review(examples[example], facts) == ()


@pytest.mark.parametrize("row", FOUND, ids=ids(FOUND))
def test_a_fault_is_found(examples, row):
    findings = [finding for finding in found(examples, row) if finding.rule == row[0]]

    assert findings
    for finding in findings:
        assert finding.text.startswith(finding.object)
        assert "\n" not in finding.text


@pytest.mark.parametrize("row", PASSED, ids=ids(PASSED))
def test_what_is_right_is_not_found(examples, row):
    assert [finding.text for finding in found(examples, row) if finding.rule == row[0]] == []


def test_every_lint_has_a_passing_and_a_failing_input():
    ours = {lint.id for lint in LINTS}

    assert {row[0] for row in FOUND} == ours
    assert {row[0] for row in PASSED} == ours


def test_a_key_is_never_repeated(examples):
    overlay = Overlay(examples[SGLANG])
    annotate(GITHUB)(overlay)
    variable(name="HF_TOKEN", value=GITHUB)(overlay)
    arguments("--api-key", GITHUB)(overlay)

    findings = review(overlay.manifests)

    assert {f.rule for f in findings} == {"no-secret-value", "no-literal-variable", "api-key"}
    assert GITHUB not in str(findings)


def test_a_set_without_leader_template_leads_with_its_worker_template(examples):
    overlay = Overlay(examples[SGLANG])
    del overlay.group[LEADER]
    overlay.engine(WORKER)["readinessProbe"] = {"tcpSocket": {"port": 8000}}

    assert "readiness-http" in {finding.rule for finding in review(overlay.manifests)}
