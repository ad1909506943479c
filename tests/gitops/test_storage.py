"""Storage units: the same bytes, back again, safe from pruning, and no access key in any field."""

import datetime as dt

import msgspec
import pytest

from gitops import assets
from gitops.build import kustomize
from gitops.checks import Severity, review, review_all
from gitops.documents import load
from gitops.errors import InvalidRequestError
from gitops.overlay import read
from gitops.scaffold import read_folder, write
from gitops.storage import (
    Bucket,
    DownloadJob,
    ExistingClaim,
    Hub,
    Nas,
    NodeLocal,
    Oss,
    capacity_for,
    read_storage,
    render_storage,
    write_storage,
)

EXAMPLE = assets.root() / "overlays" / "example"
PLACE = {"environment": "staging", "namespace": "models"}
ENDPOINT = "oss-cn-hangzhou-internal.aliyuncs.com"
BUCKET = Bucket(name="team-models", endpoint=ENDPOINT, path="/Qwen3-32B", role="read-models")
KEPT = Bucket(name="team-models", endpoint=ENDPOINT, path="/Qwen3-32B", secret="oss-secret")
IMAGE = "registry.example/tools:v1.2"
DOWNLOAD = {
    "capacity": "80Gi",
    "source": Hub.MODELSCOPE,
    "repository": "Qwen/Qwen3-32B",
    "image": IMAGE,
} | PLACE

UNITS = {
    "existing-claim": ExistingClaim(name="qwen", **PLACE),
    "oss-role": Oss(name="qwen", capacity="80Gi", bucket=BUCKET, **PLACE),
    "oss-secret": Oss(name="qwen", capacity="80Gi", bucket=KEPT, volume="old-name", **PLACE),
    "nas": Nas(name="qwen", capacity="80Gi", server="a1.cn-x.nas.aliyuncs.com", path="/q", **PLACE),
    "node-local": NodeLocal(
        name="qwen",
        capacity="80Gi",
        path="/data/qwen",
        nodes=("node-1", "node-2"),
        node_selector={"disk": "nvme"},
        **PLACE,
    ),
    "download-into-bucket": DownloadJob(
        name="qwen-fill", bucket=KEPT, revision="v1", token_secret="hub-token", **DOWNLOAD
    ),
    "download-into-claim": DownloadJob(
        name="qwen-fill", claim="qwen", **DOWNLOAD | {"source": Hub.HUGGINGFACE}
    ),
}


def built(root, unit):
    write(root, render_storage(unit))
    return {o["kind"]: o for o in kustomize(root / unit.folder)}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_a_unit_comes_back_from_its_storage_yaml_and_gives_the_same_bytes(unit):
    files = render_storage(unit)
    again = read_storage(files[f"{unit.folder}/storage.yaml"], "storage.yaml")

    assert again == unit
    assert render_storage(again) == files


def test_what_equals_its_default_is_not_written():
    spelled = read_storage(SOURCE + '  options: ["umask=022", allow_other]\n', "storage.yaml")

    assert write_storage(spelled) == SOURCE
    assert "options" not in SOURCE


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_a_unit_builds_and_passes_the_checks(tmp_path, unit):
    objects = built(tmp_path, unit)

    assert [f for f in review(list(objects.values())) if f.severity is Severity.ERROR] == []


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_volume_and_claim_name_each_other_and_are_never_pruned(tmp_path, unit):
    objects = built(tmp_path, unit)
    kept = {
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
    }

    for kind in {"PersistentVolume", "PersistentVolumeClaim"} & set(objects):
        assert objects[kind]["metadata"]["annotations"] == kept
        assert objects[kind]["spec"]["storageClassName"] == ""
    if volume := objects.get("PersistentVolume"):
        claim = objects["PersistentVolumeClaim"]
        assert volume["spec"]["claimRef"] == {"namespace": "models", "name": unit.name}
        assert claim["spec"]["volumeName"] == volume["metadata"]["name"] == unit.volume_name
        assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_a_bucket_is_read_by_a_role_and_no_secret(tmp_path):
    assert built(tmp_path, UNITS["oss-role"])["PersistentVolume"]["spec"]["csi"] == {
        "driver": "ossplugin.csi.alibabacloud.com",
        "volumeHandle": "models-qwen",
        "volumeAttributes": {
            "bucket": "team-models",
            "url": ENDPOINT,
            "path": "/Qwen3-32B",
            "authType": "rrsa",
            "roleName": "read-models",
            "otherOpts": "-o umask=022 -o allow_other",
        },
    }


def test_a_secret_is_named_in_the_namespace_of_the_claim(tmp_path):
    csi = built(tmp_path, UNITS["oss-secret"])["PersistentVolume"]["spec"]["csi"]

    assert csi["nodePublishSecretRef"] == {"name": "oss-secret", "namespace": "models"}
    assert "authType" not in csi["volumeAttributes"]
    assert csi["volumeHandle"] == "old-name"


def test_nas_is_written_and_read(tmp_path):
    spec = built(tmp_path, UNITS["nas"])["PersistentVolume"]["spec"]

    assert spec["accessModes"] == ["ReadWriteMany"]
    assert spec["mountOptions"] == ["nolock", "tcp", "noresvport", "vers=3"]
    assert spec["csi"]["volumeAttributes"] == {
        "server": "a1.cn-x.nas.aliyuncs.com",
        "path": "/q",
        "vers": "3",
    }


def test_node_local_files_pin_their_pods_to_the_nodes_that_hold_them(tmp_path):
    spec = built(tmp_path, UNITS["node-local"])["PersistentVolume"]["spec"]

    assert spec["local"] == {"path": "/data/qwen"}
    [term] = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [
        {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-1", "node-2"]},
        {"key": "disk", "operator": "In", "values": ["nvme"]},
    ]


def test_a_bucket_is_filled_in_three_steps_without_a_shell(tmp_path):
    pod = built(tmp_path, UNITS["download-into-bucket"])["Job"]["spec"]["template"]["spec"]
    steps = [*pod["initContainers"], *pod["containers"]]

    assert [step["command"] for step in steps] == [
        [
            "modelscope",
            "download",
            "--model",
            "Qwen/Qwen3-32B",
            "--local_dir",
            "/download",
            "--revision",
            "v1",
            "--token",
            "$(MODELSCOPE_API_TOKEN)",
        ],
        ["cp", "-r", "/download/.", "/models/"],
        ["diff", "-r", "-q", "/download", "/models"],
    ]
    reference = {"secretKeyRef": {"name": "hub-token", "key": "token"}}
    assert steps[0]["env"] == [{"name": "MODELSCOPE_API_TOKEN", "valueFrom": reference}]
    assert pod["volumes"] == [
        {"name": "model", "persistentVolumeClaim": {"claimName": "qwen-fill"}},
        {"name": "download", "emptyDir": {"sizeLimit": "80Gi"}},
    ]


def test_a_claim_of_another_unit_is_filled_at_once(tmp_path):
    objects = built(tmp_path, UNITS["download-into-claim"])
    pod = objects["Job"]["spec"]["template"]["spec"]

    assert set(objects) == {"Job"}
    assert pod["restartPolicy"] == "Never"
    assert [container["command"] for container in pod["containers"]] == [
        ["hf", "download", "Qwen/Qwen3-32B", "--local-dir", "/models"]
    ]
    assert pod["volumes"] == [{"name": "model", "persistentVolumeClaim": {"claimName": "qwen"}}]


def test_a_changed_download_is_another_job():
    unit = UNITS["download-into-claim"]
    changed = msgspec.structs.replace(unit, revision="main")
    names = {
        load(render_storage(u)[f"{u.folder}/job.yaml"], "job")["metadata"]["name"]
        for u in (unit, changed, msgspec.structs.replace(unit))
    }

    assert len(names) == 2


def test_the_volume_that_is_written_has_another_handle_than_the_one_that_is_read(tmp_path):
    units = (UNITS["oss-secret"], UNITS["download-into-bucket"])
    objects = {unit.folder: list(built(tmp_path, unit).values()) for unit in units}

    found = review_all(objects, dt.date(2026, 8, 1))

    assert [f for findings in found.values() for f in findings if f.severity == "error"] == []


def test_an_existing_claim_applies_nothing(tmp_path):
    assert built(tmp_path, UNITS["existing-claim"]) == {}


@pytest.mark.parametrize(
    ("weights", "capacity"),
    [(65_524_246_528, "80Gi"), (16_381_470_720, "20Gi"), (1, "10Gi"), (688_000_000_000, "770Gi")],
)
def test_capacity_is_a_fifth_more_than_the_weights(weights, capacity):
    assert capacity_for(weights) == capacity


def test_the_example_is_what_its_storage_yaml_renders():
    source = EXAMPLE / "storage" / "llm-model" / "storage.yaml"
    files = render_storage(read_storage(source.read_text(encoding="utf-8"), source.name))

    assert files == {p: (assets.root() / p).read_text(encoding="utf-8") for p in files}
    assert sorted(p.name for p in source.parent.iterdir()) == sorted(
        path.rpartition("/")[2] for path in files
    )


def test_undeploying_one_of_two_that_share_a_claim_leaves_the_storage(tmp_path):
    files = {
        str(file.relative_to(assets.root())): file.read_text(encoding="utf-8")
        for file in EXAMPLE.rglob("*.yaml")
    }
    deployments = [read(t, p) for p, t in files.items() if p.endswith("/llm.yaml")]
    storage = {path for path in files if "/storage/" in path}
    gone, stays = deployments

    assert gone.claim == stays.claim == "llm-model"
    left = {path: t for path, t in files.items() if not path.startswith(f"{gone.folder}/")}
    assert storage <= set(left)
    write(tmp_path, left)
    write(tmp_path, read_folder(assets.root(), "kustomize"))
    objects = kustomize(tmp_path / "overlays/example/storage/llm-model")
    assert [o["kind"] for o in objects] == ["PersistentVolume", "PersistentVolumeClaim"]
    assert len(kustomize(tmp_path / stays.folder)) == 2


SOURCE = write_storage(UNITS["oss-role"])
JOB = write_storage(UNITS["download-into-bucket"])
LOCAL = write_storage(UNITS["node-local"])
KEY = "LTAI" + "5tExampleExample"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SOURCE.replace("kind: oss", "kind: s3"), "kind s3: expected one of existing-claim, oss"),
        (SOURCE.replace("capacity", "capacitty"), "unknown field capacitty; did you mean capacity"),
        (SOURCE.replace('"80Gi"', '"80GiB"'), "capacity 80GiB: expected a quantity"),
        (SOURCE.replace("team-models", "Team_Models"), "bucket Team_Models: expected a bucket"),
        (SOURCE.replace("endpoint: ", "endpoint: team-models."), "is the bucket's domain"),
        (SOURCE.replace(ENDPOINT, f"http://{ENDPOINT}"), "expected an endpoint such as"),
        (SOURCE.replace("/Qwen3-32B", "Qwen3-32B"), "bucket path Qwen3-32B: expected an absolute"),
        (SOURCE.replace("/Qwen3-32B", "/../etc"), "are not allowed"),
        (SOURCE.replace("read-models", "a role"), "RAM role a role: expected a role's name"),
        (SOURCE.replace("  role: read-models\n", ""), "name a role if you can"),
        (SOURCE + "  secret: oss-secret\n", "one of them"),
        (SOURCE + '  options: ["a b"]\n', "mount option a b: expected"),
        (SOURCE + f"  secret: {KEY}\n", "holds what looks like an access key"),
        (SOURCE + "  akId: x\n", "akId is an access key"),
        (SOURCE + "  AccessKeySecret: x\n", "AccessKeySecret is an access key"),
        (SOURCE.replace("name: qwen", "name: ../qwen"), "storage ../qwen: “.” is not allowed"),
        (SOURCE.replace("namespace: models", 'namespace: "a b"'), "SPACE is not allowed"),
        (JOB.replace(IMAGE, "registry.example/tools:latest"), "pin a version tag or a digest"),
        (JOB.replace("Qwen/Qwen3-32B", "Qwen3; id"), "repository Qwen3; id: expected a form"),
        (JOB.replace("revision: v1", 'revision: "--token"'), "revision --token: expected a tag"),
        (JOB.replace("hub-token", "Hub Token"), "token Secret Hub Token: expected"),
        (JOB + "claim: qwen\n", "give bucket or claim"),
        (LOCAL.replace("/data/qwen", "data"), "node path data: expected an absolute path"),
        (LOCAL.replace("nvme", "a b"), "node label disk a b: expected a label value"),
    ],
)
def test_what_a_unit_refuses_is_said_with_the_next_step(text, words):
    with pytest.raises(InvalidRequestError) as refusal:
        read_storage(text, "storage.yaml")

    assert str(refusal.value).startswith("storage.yaml: ")
    assert words in str(refusal.value)
    assert KEY not in str(refusal.value)


def test_node_local_files_need_their_nodes():
    with pytest.raises(InvalidRequestError, match="which nodes hold the files"):
        NodeLocal(name="qwen", capacity="80Gi", path="/data", **PLACE)
