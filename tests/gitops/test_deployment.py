"""Every rule of a deployment: one row that passes and one that fails."""

import pytest

from gitops.documents import dump
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.overlay import read, source_of
from gitops.request import Changes, DeployRequest
from gitops.resolve import change, resolve

VALID = {
    "name": "qwen3-32b-sglang",
    "environment": "staging",
    "namespace": "default",
    "model": "qwen3-32b",
    "engine": "sglang",
    "engineVersion": "0.4.10.post2",
    "image": "registry.example/team/sglang:v1",
    "base": "kustomize/engines/sglang/v1",
    "replicas": 1,
    "size": 2,
    "parallel": {"tensor": 2},
    "resources": {"memory": "52Gi"},
    "modelPath": "/models/Qwen3-32B",
    "servedModelName": "qwen3-32b",
    "claim": "llm-model",
}


def resources(**change):
    return {"resources": VALID["resources"] | change}


def written(change):
    """Return the deployment that a llm.yaml with a change holds."""
    return read(dump(VALID | change), "llm.yaml")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"name": "a"},
        {"name": "a" * 45},
        {"replicas": 0},
        {"replicas": 1000},
        {"size": 1} | resources(gpus=2),
        {"size": 4, "parallel": {"tensor": 4, "pipeline": 2}} | resources(gpus=2),
        {"size": 4, "parallel": {"tensor": 2, "data": 2, "expert": 4}},
        {"image": "host:5000/a/b@sha256:" + "a" * 64},
        {"image": "busybox:1.0"},
        {"servedModelName": "Qwen/Qwen3-32B"},
        {"maxModelLen": 40960},
        {"engineArgs": ["--max-num-seqs", "64", "; rm -rf /", "$(API_KEY)", "a\nb\\"]},
        {"environmentVariables": {"NCCL_DEBUG": "WARN"}},
        {"rollout": {"maxSurge": 1, "maxUnavailable": 0}, "replicas": 2},
        {"rollout": {"maxSurge": 1, "maxUnavailable": 0}, "lwsVersion": "0.10.0"},
        {"rollout": {"partition": 1}, "lwsVersion": "0.7.0"},
        {"restartPolicy": "RecreateGroupAfterStart", "lwsVersion": "0.9.0"},
        {"restartPolicy": "None"},
        {"placement": {"nodeSelector": {"aliyun.accelerator/nvidia_name": "L20"}}},
        {"placement": {"tolerations": [{"key": "gpu", "effect": "NoSchedule"}]}},
        {"placement": {"exclusiveTopology": "topology.kubernetes.io/zone"}},
        {"imagePullSecrets": ["registry"], "serviceAccount": "models", "priorityClass": "high"},
        {"apiKeySecret": "keys", "components": ["wait-for-model"]},
        {"owner": "team-a", "reason": "測試一下", "expires": "2026-12-01"},
    ],
)
def test_a_valid_deployment_is_accepted_and_comes_back_the_same(change):
    deployment = written(change)

    assert read(source_of(deployment), "llm.yaml") == deployment
    assert source_of(read(source_of(deployment), "x")) == source_of(deployment)


def test_what_equals_its_default_is_not_written():
    assert source_of(written({"lwsVersion": "0.10.0", "rollout": {"maxSurge": 0}})) == source_of(
        written({})
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ""}, "name: empty"),
        ({"name": "a" * 46}, "longer than 45 characters"),
        ({"name": "../x"}, "“.” is not allowed"),
        ({"name": "a/b"}, "“/” is not allowed"),
        ({"name": "-a"}, "must begin with a letter"),
        ({"name": "a-"}, "must begin with a letter and end with a letter or digit"),
        ({"name": "1a"}, "must begin with a letter"),
        ({"name": "A"}, "“A” is not allowed"),
        ({"name": "qwen2.5"}, "“.” is not allowed"),
        ({"name": "a\nb"}, "U+000A is not allowed"),
        ({"name": "a\u202eb"}, "RIGHT-TO-LEFT OVERRIDE is not allowed"),
        ({"name": "a\u200bb"}, "ZERO WIDTH SPACE is not allowed"),
        ({"name": "m\u043edel"}, "“\u043e” is not allowed"),  # a Cyrillic letter
        ({"name": "vllm"}, "would set VLLM_PORT"),
        ({"environment": "../prod"}, "environment"),
        ({"namespace": "kube_system"}, "namespace"),
        ({"claim": ""}, "claim: empty"),
        ({"replicas": -1}, "replicas -1: must be between 0 and 1000"),
        ({"replicas": 10**18}, "replicas 1000000000000000000: must be between 0 and 1000"),
        ({"replicas": 10**400}, "must be between 0 and 1000"),
        ({"size": 0}, "size 0"),
        ({"size": 65}, "size 65"),
        (resources(gpus=17), "GPUs a pod 17"),
        (resources(cpu=0), "CPU 0"),
        (resources(memory="24GiB"), "memory 24GiB: expected a quantity"),
        (resources(memory="-1Gi"), "memory"),
        (resources(memory="1e3"), "memory"),
        (resources(sharedMemory="24Gi;"), "shared memory"),
        ({"parallel": {"tensor": 0}}, "TP 0"),
        ({"parallel": {"pipeline": 0}}, "PP 0"),
        (
            {"parallel": {"tensor": 4}},
            "TP 4 × PP 1 × DP 1 = 4 GPUs a group, but 2 pods × 1 GPU = 2; make them equal",
        ),
        ({"image": "evil.io/x:latest"}, "pin a version tag or a digest"),
        ({"image": "evil.io/x"}, "pin a version tag or a digest"),
        ({"image": "host:5000/x"}, "pin a version tag or a digest"),
        ({"image": "x@sha256:short"}, "image"),
        ({"image": ""}, "image"),
        ({"image": "a b:1"}, "image"),
        ({"base": "../evil"}, "“.” and “..” are not allowed"),
        ({"modelPath": "models"}, "an absolute path"),
        ({"modelPath": "/models/../etc"}, "“.” and “..” are not allowed"),
        ({"modelPath": "oss://bucket/x"}, "an absolute path"),
        ({"modelPath": "/m; rm -rf /"}, "an absolute path"),
        ({"servedModelName": "$(id)"}, "served model name"),
        ({"maxModelLen": 0}, "max model length 0"),
        ({"engineArgs": ["a\x00"]}, "U+0000 is not allowed"),
        ({"engineArgs": ["a\u202e"]}, "RIGHT-TO-LEFT OVERRIDE is not allowed"),
        ({"engineArgs": ["x"] * 65}, "65 of them; 64 at most"),
        ({"engineArgs": ["x" * 5000]}, "longer than 4096 characters"),
        ({"environmentVariables": {"A-B": "1"}}, "environment variable A-B"),
        ({"environmentVariables": {"A": "\x1b[0m"}}, "environment variable A: "),
        ({"rollout": {"maxSurge": 0, "maxUnavailable": 0}}, "no group could ever be updated"),
        ({"rollout": {"maxSurge": -1}}, "maxSurge -1"),
        ({"rollout": {"partition": 1}, "lwsVersion": "0.6.0"}, "LWS 0.6.0 lacks it; needs 0.7.0"),
        (
            {"restartPolicy": "RecreateGroupAfterStart", "lwsVersion": "0.8.0"},
            "LWS 0.8.0 lacks it; needs 0.9.0",
        ),
        (
            {"rollout": {"maxSurge": 1, "maxUnavailable": 0}, "lwsVersion": "0.8.0"},
            "hangs for ever on LWS 0.8.0",
        ),
        ({"lwsVersion": "0.5.0"}, "0.6.0 or newer is needed"),
        ({"restartPolicy": "Default"}, "Invalid enum value 'Default'"),
        ({"placement": {"nodeSelector": {"a b": "x"}}}, "node label a b"),
        ({"placement": {"nodeSelector": {"a": "x y"}}}, "node label a x y"),
        ({"placement": {"tolerations": [{"key": "a", "operator": "In"}]}}, "Exists or Equal"),
        ({"placement": {"tolerations": [{"key": "a", "effect": "Never"}]}}, "toleration effect"),
        ({"imagePullSecrets": ["A"]}, "image pull Secret 1 A"),
        ({"apiKeySecret": "a/b"}, "API key Secret a/b"),
        ({"components": ["../x"]}, "component ../x"),
        ({"reason": "a\u202eb"}, "RIGHT-TO-LEFT OVERRIDE is not allowed"),
        ({"reason": "x" * 301}, "longer than 300 characters"),
        ({"replcas": 1}, "unknown field replcas; did you mean replicas?"),
        ({"parallel": {"tp": 2}}, "unknown field tp in parallel"),
        ({"replicas": "1"}, "Expected int, got str - at replicas"),
        ({"replicas": True}, "Expected int, got bool - at replicas"),
        ({"engine": "tgi"}, "Invalid enum value 'tgi' - at engine"),
        ({"name": 3}, "Expected str, got int - at name"),
        ({"engineArgs": "--x"}, "Expected array, got str - at engineArgs"),
    ],
)
def test_a_broken_rule_is_named_in_one_line(change, reason):
    with pytest.raises(InvalidRequestError) as refusal:
        written(change)

    assert reason in str(refusal.value)
    assert str(refusal.value).startswith("llm.yaml: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("field", ["name", "claim", "parallel"])
def test_a_missing_field_is_named(field):
    fields = {key: value for key, value in VALID.items() if key != field}

    with pytest.raises(InvalidRequestError, match=f"missing required field {field}"):
        read(dump(fields), "llm.yaml")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"model": "qwen3-32"}, "did you mean qwen3-32b?"),
        ({"model": "{{7*7}}"}, "not in the catalogue"),
        ({"tensor": 3}, "64 attention heads"),
        ({"tensor": 1, "pipeline": 65, "size": 13, "gpus_per_pod": 5}, "64 layers"),
        ({"size": 3}, "make them equal"),
        ({"gpus_per_pod": 0}, "GPUs a pod 0"),
    ],
)
def test_a_request_that_the_model_cannot_follow_is_refused(catalog, request_, reason):
    fields = dict(request_)
    model = fields.pop("model", "qwen3-32b")
    request = DeployRequest(model, Engine.VLLM, changes=Changes(**fields))

    with pytest.raises(InvalidRequestError) as refusal:
        resolve(request, Environment(name="example"), catalog)

    assert reason in str(refusal.value)


def test_the_group_has_as_many_pods_as_its_parallel_sizes_need(catalog):
    changes = Changes(tensor=4, pipeline=2, gpus_per_pod=2)
    request = DeployRequest("qwen3-32b", Engine.SGLANG, changes=changes)

    deployment = resolve(request, Environment(name="example"), catalog)

    assert (deployment.size, deployment.resources.gpus, deployment.gpus) == (4, 2, 8)
    assert deployment.shape == "1×(4×2 GPU)"


def test_a_change_keeps_what_it_does_not_name(catalog):
    environment = Environment(name="example")
    first = resolve(DeployRequest("qwen3-32b", Engine.SGLANG), environment, catalog)

    changed = change(first, Changes(tensor=4, max_model_len=16_384), environment, catalog)

    assert (changed.parallel.tensor, changed.size, changed.max_model_len) == (4, 4, 16_384)
    assert change(changed, Changes(), environment, catalog) == changed
