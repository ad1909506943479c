"""Every rule of a deployment: one row that passes and one that fails."""

import dataclasses

import pytest

from gitops.catalog import Defaults
from gitops.deployment import Engine, ModelDeployment
from gitops.errors import InvalidRequestError
from gitops.request import DeployRequest

VALID = {
    "name": "qwen3-32b-sglang",
    "environment": "staging",
    "model": "qwen3-32b",
    "engine": Engine.SGLANG,
    "engine_version": "0.4.10.post2",
    "image": "registry.example/team/sglang:v1",
    "replicas": 1,
    "size": 2,
    "gpus_per_pod": 1,
    "tensor_parallel_size": 2,
    "pipeline_parallel_size": 1,
    "model_path": "/models/Qwen3-32B",
    "served_model_name": "qwen3-32b",
    "claim": "llm-model",
    "namespace": "default",
    "cpu": 8,
    "memory": "52Gi",
    "shared_memory": "15Gi",
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"name": "a"},
        {"name": "a" * 45},
        {"replicas": 0},
        {"replicas": 1000},
        {"size": 1, "gpus_per_pod": 2},
        {"size": 4, "gpus_per_pod": 2, "tensor_parallel_size": 4, "pipeline_parallel_size": 2},
        {"image": "host:5000/a/b@sha256:" + "a" * 64},
        {"image": "busybox:1.0"},
        {"served_model_name": "Qwen/Qwen3-32B"},
    ],
)
def test_a_valid_deployment_is_accepted(change):
    deployment = ModelDeployment(**VALID | change)

    assert dataclasses.asdict(deployment) == VALID | change


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
        ({"replicas": 10**20}, "must be between 0 and 1000"),
        ({"size": 0}, "size 0"),
        ({"gpus_per_pod": 17}, "GPUs a pod 17"),
        ({"cpu": 0}, "CPU 0"),
        ({"tensor_parallel_size": 0}, "tensor parallel size 0"),
        ({"pipeline_parallel_size": 0}, "pipeline parallel size 0"),
        (
            {"tensor_parallel_size": 4},
            "TP 4 × PP 1 = 4 GPUs a group, but 2 pods × 1 GPU = 2; make them equal",
        ),
        ({"memory": "24GiB"}, "memory 24GiB: expected a quantity"),
        ({"memory": "-1Gi"}, "memory"),
        ({"memory": "1e3"}, "memory"),
        ({"shared_memory": "24Gi;"}, "shared memory"),
        ({"image": "evil.io/x:latest"}, "pin a version tag or a digest"),
        ({"image": "evil.io/x"}, "pin a version tag or a digest"),
        ({"image": "host:5000/x"}, "pin a version tag or a digest"),
        ({"image": "x@sha256:short"}, "image"),
        ({"image": ""}, "image"),
        ({"image": "a b:1"}, "image"),
        ({"model_path": "models"}, "an absolute path"),
        ({"model_path": "/models/../etc"}, "“.” and “..” are not allowed"),
        ({"model_path": "oss://bucket/x"}, "an absolute path"),
        ({"model_path": "/m; rm -rf /"}, "an absolute path"),
        ({"served_model_name": "$(id)"}, "served model name"),
    ],
)
def test_a_broken_rule_is_named(change, reason):
    with pytest.raises(InvalidRequestError) as refusal:
        ModelDeployment(**VALID | change)

    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"model": "qwen3-32"}, "did you mean qwen3-32b?"),
        ({"model": "{{7*7}}"}, "not in the catalogue"),
        ({"tensor_parallel_size": 3}, "the 64 attention heads of qwen3-32b cannot be divided by 3"),
        ({"tensor_parallel_size": 1, "pipeline_parallel_size": 65}, "has only 64 layers"),
        ({"size": 3}, "make them equal"),
        ({"gpus_per_pod": 0}, "GPUs a pod 0"),
    ],
)
def test_a_request_that_the_model_cannot_follow_is_refused(catalog, request_, reason):
    wanted = {"model": "qwen3-32b", "engine": Engine.VLLM} | request_
    if request_.get("pipeline_parallel_size") == 65:
        wanted |= {"size": 13, "gpus_per_pod": 5}

    with pytest.raises(InvalidRequestError) as refusal:
        catalog.resolve(DeployRequest(**wanted), Defaults())

    assert reason in str(refusal.value)


def test_the_group_has_as_many_pods_as_its_parallel_sizes_need(catalog):
    request = DeployRequest(
        "qwen3-32b", Engine.SGLANG, tensor_parallel_size=4, pipeline_parallel_size=2, gpus_per_pod=2
    )

    deployment = catalog.resolve(request, Defaults())

    assert (deployment.size, deployment.gpus_per_pod, deployment.gpus) == (4, 2, 8)
    assert deployment.shape == "1×(4×2 GPU)"
