"""Overlays: the same bytes each time, back again, and as the ACK guide has it."""

import pytest

from gitops import assets
from gitops.build import kustomize
from gitops.errors import BuildError, InvalidRequestError
from gitops.overlay import SCHEMA, read, render, schema_text
from tests.gitops.test_overlay_bench import (
    FORM,
    NAME,
    build,
    containers,
    errors,
    made,
    repository,
    templates,
    write,
)

EXAMPLES = assets.root() / "overlays" / "example"

# What the guide's manifests say and the examples keep. Everything else differs by a finding of
# the guide's review, listed in docs/guide.md.
GUIDE = {
    "qwen3-32b-vllm": {
        "image": "kube-ai-registry.cn-shanghai.cr.aliyuncs.com/kube-ai/vllm:v0.10.0",
        "parallel": ["--tensor-parallel-size", "2"],
        "backend": "vllm",
    },
    "qwen3-32b-sglang": {
        "image": "anolis-registry.cn-zhangjiakou.cr.aliyuncs.com/anolis-docker-images/docker-temp"
        ":0.3.4.post2-sglang0.4.10.post2-pytorch2.7.1.8-cuda12.8.1-py312-alinux3.2104",
        "parallel": ["--tp-size", "2"],
        "backend": "sglang",
    },
}


EVERYTHING = {
    "lwsVersion": "0.9.0",
    "replicas": 3,
    "size": 4,
    "parallel": {"tensor": 4, "pipeline": 2},
    "resources": {"memory": "96Gi", "gpus": 2, "cpu": 16, "sharedMemory": "8Gi"},
    "maxModelLen": 8192,
    "engineArgs": ["--seed", "1"],
    "environmentVariables": {"GLOO_SOCKET_IFNAME": "bond0", "NCCL_DEBUG": "WARN"},
    "apiKeySecret": "keys",
    "imagePullSecrets": ["registry", "mirror"],
    "serviceAccount": "models",
    "priorityClass": "high",
    "restartPolicy": "RecreateGroupAfterStart",
    "rollout": {"maxUnavailable": 0, "maxSurge": 1, "partition": 2},
    "placement": {
        "nodeSelector": {"aliyun.accelerator/nvidia_name": "L20"},
        "tolerations": [{"key": "spot", "operator": "Equal", "value": "yes"}],
        "exclusiveTopology": "topology.kubernetes.io/zone",
    },
    "components": ["pod-monitor", "network-policy"],
    "restartedAt": "2026-11-24T10:00:00Z",
    "owner": "team-a",
    "reason": "a test",
    "expires": "2026-12-31",
}


@pytest.mark.parametrize("form", FORM)
@pytest.mark.parametrize("change", [{}, EVERYTHING], ids=["little", "everything"])
def test_rendering_the_same_deployment_again_gives_the_same_bytes(form, change):
    overlay = render(made(form, **change))

    again = read(overlay.files[f"{overlay.deployment.folder}/llm.yaml"], "x")

    assert again == overlay.deployment
    assert render(again) == overlay


@pytest.mark.parametrize("name", GUIDE)
def test_the_examples_are_what_their_llm_yaml_renders_to(name, catalog):
    source = EXAMPLES / name / "llm.yaml"
    deployment = read(source.read_text(encoding="utf-8"), str(source))

    overlay = render(deployment, yarn=catalog.yarn(deployment))

    assert overlay.all_files == {
        path: (assets.root() / path).read_text(encoding="utf-8") for path in overlay.all_files
    }


def test_the_schema_in_the_repository_is_the_one_of_the_type():
    assert (assets.root() / SCHEMA).read_text(encoding="utf-8") == schema_text()


def test_an_editor_finds_the_schema_from_llm_yaml():
    overlay = render(made())
    folder = overlay.deployment.folder
    first = overlay.files[f"{folder}/llm.yaml"].splitlines()[0]

    path = first.removeprefix("# yaml-language-server: $schema=")

    assert path != first
    assert (assets.root() / "overlays" / "a" / "b" / path).resolve() == assets.root() / SCHEMA


@pytest.mark.parametrize("name", GUIDE)
def test_an_example_keeps_what_the_guide_says(name):
    lws, service = built(name)
    template = lws["spec"]["leaderWorkerTemplate"]
    leader, worker = template["leaderTemplate"], template["workerTemplate"]

    assert (lws["spec"]["replicas"], template["size"]) == (1, 2)
    assert template["restartPolicy"] == "RecreateGroupOnPodRestart"
    assert leader["metadata"]["labels"] == {
        "role": "leader",
        "alibabacloud.com/inference-workload": name,
        "alibabacloud.com/inference_backend": GUIDE[name]["backend"],
        "alibabacloud.com/inference-backend": GUIDE[name]["backend"],  # finding 17
    }
    assert service["spec"]["ports"] == [
        {"name": "http", "port": 8000, "protocol": "TCP", "targetPort": "http"}
    ]
    for pod in (leader["spec"], worker["spec"]):
        check_pod(pod, GUIDE[name]["image"])
    arguments = leader["spec"]["containers"][0]["args"]
    assert "\n".join(GUIDE[name]["parallel"]) in "\n".join(arguments)
    assert leader["spec"]["containers"][0]["ports"][0]["containerPort"] == 8000


def check_pod(pod, image):
    [container] = pod["containers"]
    amounts = {"nvidia.com/gpu": "1", "cpu": "8", "memory": "52Gi"}  # memory: finding 7
    assert container["image"] == image
    assert container["resources"] == {"limits": amounts, "requests": amounts}
    assert container["volumeMounts"] == [
        {"mountPath": "/models/Qwen3-32B", "name": "model", "readOnly": True},  # finding 20
        {"mountPath": "/dev/shm", "name": "dshm"},  # noqa: S108 - a path in a container
    ]
    assert pod["volumes"] == [
        {"name": "model", "persistentVolumeClaim": {"claimName": "llm-model"}},
        {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "15Gi"}},
    ]


def built(name):
    objects = {o["kind"]: o for o in kustomize(EXAMPLES / name)}
    assert errors(objects) == []
    return objects["LeaderWorkerSet"], objects["Service"]


def test_the_storage_example_names_its_secret_and_holds_no_value():
    objects = {o["kind"]: o for o in kustomize(EXAMPLES / "storage" / "llm-model")}

    assert set(objects) == {"PersistentVolume", "PersistentVolumeClaim"}
    reference = objects["PersistentVolume"]["spec"]["csi"]["nodePublishSecretRef"]
    assert reference == {"name": "oss-secret", "namespace": "default"}
    assert objects["PersistentVolumeClaim"]["spec"]["volumeName"] == "llm-model"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return repository(tmp_path_factory.mktemp("overlays"))


def test_the_desired_state_is_on_the_set_and_not_in_its_pods(root):
    overlay = render(made())

    [objects] = build(root, overlay)

    assert objects["LeaderWorkerSet"]["metadata"]["annotations"] == {
        "leadline/base": "vllm-mp/v1",
        "leadline/desired-state": overlay.state,
    }
    assert overlay.state not in str(objects["LeaderWorkerSet"]["spec"])


def test_every_field_of_a_deployment_reaches_the_manifests(root):
    [objects] = build(root, render(made("sglang", **EVERYTHING)))
    lws, spec = objects["LeaderWorkerSet"], objects["LeaderWorkerSet"]["spec"]

    assert {key: value for key, value in spec.items() if key != "leaderWorkerTemplate"} == {
        "networkConfig": {"subdomainPolicy": "Shared"},
        "replicas": 3,
        "rolloutStrategy": {
            "rollingUpdateConfiguration": {"maxSurge": 1, "maxUnavailable": 0, "partition": 2},
            "type": "RollingUpdate",
        },
        "startupPolicy": "LeaderCreated",
    }
    assert spec["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupAfterStart"
    assert spec["leaderWorkerTemplate"]["size"] == 4
    exclusive = lws["metadata"]["annotations"]["leaderworkerset.sigs.k8s.io/exclusive-topology"]
    assert exclusive == "topology.kubernetes.io/zone"
    for template in templates(objects):
        check_everything(template)
    assert errors(objects, "0.9.0") == []


def check_everything(template):
    pod = template["spec"]
    amounts = {"cpu": "16", "memory": "96Gi", "nvidia.com/gpu": "2"}
    assert template["metadata"]["annotations"]["leadline/restarted-at"] == "2026-11-24T10:00:00Z"
    assert pod["nodeSelector"] == {"aliyun.accelerator/nvidia_name": "L20"}
    assert pod["tolerations"] == [
        {"effect": "NoSchedule", "key": "nvidia.com/gpu", "operator": "Exists"},
        {"key": "spot", "operator": "Equal", "value": "yes"},
    ]
    assert pod["imagePullSecrets"] == [{"name": "registry"}, {"name": "mirror"}]
    assert (pod["serviceAccountName"], pod["priorityClassName"]) == ("models", "high")
    [container] = pod["containers"]
    assert container["resources"] == {"limits": amounts, "requests": amounts}
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    variables.pop("API_KEY", None)
    assert variables == {
        "NCCL_SOCKET_IFNAME": "eth0",
        "GLOO_SOCKET_IFNAME": "bond0",
        "NCCL_DEBUG": "WARN",
    }
    assert len(container["env"]) == len({entry["name"] for entry in container["env"]})


@pytest.mark.parametrize(
    ("lws", "partition"),
    [("0.6.0", {}), ("0.6.3", {}), ("0.7.0", {"partition": 0}), ("0.10.0", {"partition": 0})],
)
def test_each_default_that_a_cluster_s_version_has_is_written_out(root, lws, partition):
    [objects] = build(root, render(made(lwsVersion=lws)))

    strategy = objects["LeaderWorkerSet"]["spec"]["rolloutStrategy"]
    assert (
        strategy["rollingUpdateConfiguration"] == {"maxSurge": 0, "maxUnavailable": 1} | partition
    )
    assert errors(objects, lws) == []


@pytest.mark.parametrize("form", FORM)
def test_two_deployments_of_one_namespace_share_no_name(root, form):
    overlays = [render(made(form, name=name)) for name in ("one", "two")]

    one, two = build(root, *overlays)

    assert {o["metadata"]["name"] for o in one.values()} == {"one", "one-leader"}
    assert {o["metadata"]["name"] for o in two.values()} == {"two", "two-leader"}
    assert two["Service"]["spec"]["selector"][NAME] == "two"


TAGS = ("n", "y", "1e3", "4937e10", "08", "0o17", "null", "1_000", "2025-01-01", "1.10")


def test_a_tag_that_looks_like_another_type_stays_a_text(root):
    images = [f"registry.example/vllm:{tag}" for tag in TAGS]
    overlays = [render(made(name=f"t{n}", image=image)) for n, image in enumerate(images)]

    built = build(root, *overlays)

    assert [containers(objects)[0]["image"] for objects in built] == images


@pytest.mark.parametrize("form", FORM)
def test_a_group_of_one_pod_builds_and_names_no_nodes(root, form):
    deployment = made(form, size=1, resources={"memory": "52Gi", "gpus": 2})

    [objects] = build(root, render(deployment))

    assert errors(objects) == []
    arguments = containers(objects)[0]["args"]
    assert "--nnodes" not in arguments
    assert "ray" not in arguments


def test_an_image_keeps_its_digest_where_a_person_gave_one(root):
    image = "registry.example/vllm@sha256:" + "a" * 64

    [objects] = build(root, render(made(image=image)))

    assert {container["image"] for container in containers(objects)} == {image}


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 2},
        {"maxModelLen": 1024},
        {"engineArgs": ["--seed", "2"]},
        {"restartedAt": "2026-11-24T10:00:00Z"},
        {"reason": "another"},
    ],
)
def test_every_change_is_another_state(change):
    assert render(made(**change)).state != render(made()).state


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"environmentVariables": {"LWS_GROUP_SIZE": "3"}},
            "environment variable LWS_GROUP_SIZE: LeaderWorkerSet sets LWS_… itself; leave it out",
        ),
        (
            {"environmentVariables": {"API_KEY": "x"}, "apiKeySecret": "keys"},
            "environment variable API_KEY: component api-key sets it; leave it out",
        ),
        (
            {"environmentVariables": {"NCCL_IB_TIMEOUT": "1"}, "components": ["rdma"]},
            "environment variable NCCL_IB_TIMEOUT: component rdma sets it; leave it out",
        ),
        ({"components": ["api-key"]}, "component api-key: set apiKeySecret; the component follows"),
        (
            {"components": ["exclusive-topology"]},
            "component exclusive-topology: set placement.exclusiveTopology; the component follows",
        ),
        ({"base": "kustomize/engines/other/v1"}, "begin its folder with the launch form"),
    ],
)
def test_what_cannot_be_rendered_is_refused(change, text):
    with pytest.raises(InvalidRequestError) as refusal:
        render(made(**change))

    assert text in str(refusal.value)


CUSTOM = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [extra.yaml]
patches:
  - path: patch.yaml
    target: {kind: LeaderWorkerSet}
"""
EXTRA = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: extra\n"
FIRST = """\
- op: add
  path: /spec/leaderWorkerTemplate/leaderTemplate/spec/containers/0
  value: {name: proxy, image: "registry.example/proxy:1.0"}
"""
SIDECAR = """\
- op: add
  path: /spec/leaderWorkerTemplate/leaderTemplate/spec/containers/-
  value: {name: proxy, image: "registry.example/proxy:1.0"}
- op: add
  path: /metadata/annotations/team
  value: a
- op: replace
  path: /spec/leaderWorkerTemplate/leaderTemplate/spec/containers/0/livenessProbe/failureThreshold
  value: 30
"""


def customised(root, name, patch):
    overlay = render(made(name=name))
    folder = write(root, overlay)
    (folder / "custom" / "kustomization.yaml").write_text(CUSTOM)
    (folder / "custom" / "extra.yaml").write_text(EXTRA)
    (folder / "custom" / "patch.yaml").write_text(patch)
    return {o["kind"]: o for o in kustomize(folder)}


def test_sidecars_and_patches_of_people_are_applied(root):
    objects = customised(root, "mine", SIDECAR)
    engine, sidecar = templates(objects)[0]["spec"]["containers"]

    assert sidecar == {"name": "proxy", "image": "registry.example/proxy:1.0"}
    assert engine["livenessProbe"]["failureThreshold"] == 30
    assert engine["args"][0] == "/models/Qwen3-32B"
    assert objects["LeaderWorkerSet"]["metadata"]["annotations"]["team"] == "a"
    assert objects["ConfigMap"]["metadata"]["namespace"] == "models"


def test_a_container_in_front_of_the_engine_fails_the_build(root):
    with pytest.raises(BuildError, match=r"containers/0/image failed: test failed"):
        customised(root, "front", FIRST)


def test_custom_is_made_once_and_belongs_to_people():
    overlay = render(made())

    assert list(overlay.once) == [f"{overlay.deployment.folder}/custom/kustomization.yaml"]
    assert not set(overlay.once) & set(overlay.files)
    assert "never writes or compares" in next(iter(overlay.once.values()))


def test_what_kustomize_refuses_is_said_in_one_line(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")

    with pytest.raises(BuildError) as refusal:
        kustomize(tmp_path)

    assert "missing.yaml" in str(refusal.value)
    assert "\n" not in str(refusal.value)
