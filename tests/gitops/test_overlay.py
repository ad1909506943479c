"""Overlays: the same bytes each time, back again, and as the ACK guide has it."""

from pathlib import Path

import pytest

from gitops import assets
from gitops.build import build, kustomize
from gitops.catalog import Defaults
from gitops.checks import find
from gitops.engine import Engine
from gitops.errors import BuildError, CheckFailedError
from gitops.overlay import read, render
from gitops.proof import prove_rendered
from gitops.request import DeployRequest

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


def resolve(catalog, engine, **words):
    deployment = catalog.resolve(DeployRequest("qwen3-32b", engine, **words), Defaults())
    return deployment, catalog.recipe(engine, deployment.engine_version)


@pytest.mark.parametrize("engine", Engine)
def test_rendering_the_same_deployment_again_gives_the_same_bytes(catalog, engine):
    deployment, recipe = resolve(catalog, engine)

    assert render(deployment, recipe) == render(
        read(render(deployment, recipe).files[f"{deployment.folder}/llm.yaml"], "x"), recipe
    )


@pytest.mark.parametrize("engine", Engine)
def test_a_deployment_comes_back_from_its_llm_yaml(catalog, engine):
    deployment, recipe = resolve(catalog, engine, replicas=3, tensor_parallel_size=4)
    source = f"{deployment.folder}/llm.yaml"

    assert read(render(deployment, recipe).files[source], source) == deployment


@pytest.mark.parametrize("engine", Engine)
def test_the_examples_are_what_the_catalogue_renders(catalog, engine):
    overlay = render(*resolve(catalog, engine))

    assert overlay.files == {
        path: (assets.root() / path).read_text(encoding="utf-8") for path in overlay.files
    }


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
    assert list(find(list(objects.values()))) == []
    return objects["LeaderWorkerSet"], objects["Service"]


def test_the_storage_example_names_its_secret_and_holds_no_value():
    objects = {o["kind"]: o for o in kustomize(EXAMPLES / "storage" / "llm-model")}

    assert set(objects) == {"PersistentVolume", "PersistentVolumeClaim"}
    reference = objects["PersistentVolume"]["spec"]["csi"]["nodePublishSecretRef"]
    assert reference == {"name": "oss-secret", "namespace": "default"}
    assert objects["PersistentVolumeClaim"]["spec"]["volumeName"] == "llm-model"


def test_the_desired_state_is_on_the_set_and_not_in_its_pods(catalog):
    overlay = render(*resolve(catalog, Engine.SGLANG))

    lws = next(o for o in build(overlay) if o["kind"] == "LeaderWorkerSet")

    assert lws["metadata"]["annotations"] == {"leadline/desired-state": overlay.state}
    assert "annotations" not in str(lws["spec"])


def test_two_deployments_of_one_model_share_no_name(catalog):
    names = [
        {(o["kind"], o["metadata"]["name"]) for o in build(render(*resolve(catalog, engine)))}
        for engine in Engine
    ]

    assert names[0] & names[1] == set()


def written(root: Path, overlay) -> Path:
    for path, text in overlay.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root / overlay.deployment.folder


def test_a_rendered_overlay_is_proved(tmp_path, catalog):
    prove_rendered(written(tmp_path, render(*resolve(catalog, Engine.VLLM))))


def test_a_hand_edit_is_found(tmp_path, catalog):
    folder = written(tmp_path, render(*resolve(catalog, Engine.VLLM)))
    edited = folder / "leaderworkerset.yaml"
    edited.write_text(edited.read_text().replace("52Gi", "24Gi"))

    with pytest.raises(CheckFailedError, match=r"not what llm\.yaml"):
        prove_rendered(folder)


def test_an_overlay_in_a_folder_of_another_name_is_found(tmp_path, catalog):
    folder = written(tmp_path, render(*resolve(catalog, Engine.VLLM)))
    moved = folder.rename(folder.parent / "other")

    with pytest.raises(CheckFailedError, match="name, environment and folder differ"):
        prove_rendered(moved)


def test_what_kustomize_refuses_is_said_in_one_line(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")

    with pytest.raises(BuildError) as refusal:
        kustomize(tmp_path)

    assert "missing.yaml" in str(refusal.value)
    assert "\n" not in str(refusal.value)
