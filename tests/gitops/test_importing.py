"""Import: manifests of the guide's shape, in our own words, become overlays and storage units."""

import msgspec
import pytest

from gitops.build import build_files, kustomize
from gitops.checks import Facts, Severity, find, review
from gitops.deployment import Resources, Toleration
from gitops.documents import dump_all
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.importing import import_manifests
from gitops.overlay import render
from gitops.parallel import Parallel
from gitops.scaffold import write
from gitops.storage import Bucket, ExistingClaim, Nas, NodeLocal, Oss, render_storage

STAGING = Environment(name="staging", claims=("llm-model",))
SGLANG_IMAGE = "registry.example/tools:0.3.4.post2-sglang0.4.10.post2-cuda12"
VLLM_IMAGE = "registry.example/vllm:v0.10.0"
SCRIPT = "bash /vllm-workspace/examples/online_serving/multi-node-serving.sh"
VLLM_LEADER = (
    f"{SCRIPT} leader --ray_cluster_size=$(LWS_GROUP_SIZE); python3 -m"
    " vllm.entrypoints.openai.api_server --port 8000 --model /models/Qwen3-32B"
    " --tensor-parallel-size 2"
)
VLLM_WORKER = f"{SCRIPT} worker --ray_address=$(LWS_LEADER_ADDRESS)"
RANK = (
    "python3 -m sglang.launch_server --model-path /models/Qwen3-32B --tp 2 --dist-init-addr"
    " $(LWS_LEADER_ADDRESS):20000 \\\n --nnodes $(LWS_GROUP_SIZE) --node-rank"
    " $(LWS_WORKER_INDEX) --trust-remote-code"
)
SGLANG_LEADER = f"{RANK} --host 0.0.0.0 --port 8000 --enable-metrics"


def template(image, line, *, port=True, probe=True, **container):
    amounts = {"nvidia.com/gpu": "1", "memory": "24Gi", "cpu": "8"}
    extra = {"ports": [{"containerPort": 8000, "name": "http"}]} if port else {}
    if probe:
        extra["readinessProbe"] = {"tcpSocket": {"port": 8000}, "periodSeconds": 10}
    return {
        "spec": {
            "containers": [
                {
                    "name": "engine",
                    "image": image,
                    "command": ["sh", "-c", line],
                    "resources": {"limits": amounts, "requests": amounts},
                    "volumeMounts": [
                        {"mountPath": "/dev/shm", "name": "dshm"},  # noqa: S108 - in a container
                        {"mountPath": "/models/Qwen3-32B", "name": "model"},
                    ],
                    **extra,
                    **container,
                }
            ],
            "volumes": [
                {"name": "model", "persistentVolumeClaim": {"claimName": "llm-model"}},
                {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "15Gi"}},
            ],
        }
    }


def lws(name, leader, worker, **spec):
    backend = "sglang" if "sglang" in name else "vllm"
    labels = {
        "role": "leader",
        "alibabacloud.com/inference-workload": name,
        "alibabacloud.com/inference_backend": backend,
    }
    group = {"size": 2, "restartPolicy": "RecreateGroupOnPodRestart"}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "leaderWorkerTemplate": group
            | {"leaderTemplate": {"metadata": {"labels": labels}} | leader}
            | {"workerTemplate": worker},
            **spec,
        },
    }


def service(workload):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "multi-nodes-service"},
        "spec": {
            "type": "ClusterIP",
            "ports": [{"port": 8000, "protocol": "TCP", "targetPort": 8000}],
            "selector": {"alibabacloud.com/inference-workload": workload, "role": "leader"},
        },
    }


VLLM = lws(
    "vllm-multi-nodes",
    template(VLLM_IMAGE, VLLM_LEADER),
    template(VLLM_IMAGE, VLLM_WORKER, probe=False),
)
SGLANG = lws(
    "sglang-multi-nodes",
    template(SGLANG_IMAGE, SGLANG_LEADER),
    template(SGLANG_IMAGE, RANK, port=False, probe=False),
)
MEMORY = (
    "memory 24Gi with 15Gi of /dev/shm leaves 9Gi for the engine: 52Gi was written, check refuses"
    " less than it needs"
)
ID = "clients asked for the model /models/Qwen3-32B: they now ask for qwen3-32b"
PROBE = "leader: readinessProbe (tcpSocket) was replaced: the engine's base asks /health"


def imported(catalog, *manifests, **words):
    return import_manifests(dump_all(list(manifests)), STAGING, catalog, **words)


def warnings(catalog, engine, image):
    return catalog.pick(engine, image=image).warnings


def errors(deployment, catalog):
    overlay = render(deployment, yarn=catalog.yarn(deployment))
    manifests = build_files(overlay.all_files, deployment.folder)
    found = review(manifests, Facts(lws=deployment.lws_version))
    return [finding.text for finding in found if finding.severity is Severity.ERROR]


def test_the_vllm_manifest_of_the_guide_becomes_an_overlay(catalog):
    found = imported(catalog, VLLM, service("vllm-multi-nodes"))
    [deployment] = found.overlays

    assert msgspec.structs.asdict(deployment) | {
        "name": "vllm-multi-nodes",
        "environment": "staging",
        "model": "qwen3-32b",
        "engine": Engine.VLLM,
        "engine_version": "0.10.0",
        "image": VLLM_IMAGE,
        "base": "kustomize/engines/vllm-ray/v1",
        "replicas": 1,
        "size": 2,
        "parallel": Parallel(tensor=2),
        "resources": Resources(memory="52Gi", gpus=1, cpu=8, shared_memory="15Gi"),
        "model_path": "/models/Qwen3-32B",
        "served_model_name": "qwen3-32b",
        "claim": "llm-model",
        "engine_args": (),
        "environment_variables": {},
    } == msgspec.structs.asdict(deployment)
    what = "LeaderWorkerSet vllm-multi-nodes"
    assert found.notes == (
        f"{what}: {PROBE}",
        f"{what}: worker: port 8000 was left to the engine's base",
        *(f"{what}: {text}" for text in warnings(catalog, Engine.VLLM, VLLM_IMAGE)),
        f"{what}: `;` started the server even where Ray had failed; here it waits for Ray",
        f"{what}: {MEMORY}",
        f"{what}: {ID}",
        (
            "Service multi-nodes-service: is called vllm-multi-nodes-leader here, and selects the"
            " leaders of its set only; ask http://vllm-multi-nodes-leader.default.svc:8000/v1, and"
            " delete the old one by hand"
        ),
    )
    assert errors(deployment, catalog) == []


def test_the_sglang_manifest_of_the_guide_becomes_an_overlay(catalog):
    found = imported(catalog, SGLANG, service("sglang-multi-nodes"))
    [deployment] = found.overlays

    assert (deployment.engine, deployment.engine_version) == (Engine.SGLANG, "0.4.10.post2")
    assert (deployment.image, deployment.parallel) == (SGLANG_IMAGE, Parallel(tensor=2))
    what = "LeaderWorkerSet sglang-multi-nodes"
    assert found.notes[:-1] == (
        f"{what}: {PROBE}",
        *(f"{what}: {text}" for text in warnings(catalog, Engine.SGLANG, SGLANG_IMAGE)),
        f"{what}: --trust-remote-code was dropped: it would run code that lies beside the weights",
        f"{what}: {MEMORY}",
        f"{what}: {ID}",
    )
    assert errors(deployment, catalog) == []


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "oss-secret"},
    "stringData": {"akId": "LTAI" + "5tCanaryCanary", "akSecret": "canary-value"},
}
VOLUME = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "llm-model", "labels": {"alicloud-pvname": "llm-model"}},
    "spec": {
        "capacity": {"storage": "30Gi"},
        "accessModes": ["ReadOnlyMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "csi": {
            "driver": "ossplugin.csi.alibabacloud.com",
            "volumeHandle": "llm-model",
            "nodePublishSecretRef": {"name": "oss-secret", "namespace": "default"},
            "volumeAttributes": {
                "bucket": "<your-bucket-name>",
                "url": "<your-bucket-endpoint>",
                "otherOpts": "-o umask=022 -o max_stat_cache_size=0 -o allow_other",
                "path": "<your-model-path>",
            },
        },
    },
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "llm-model"},
    "spec": {
        "accessModes": ["ReadOnlyMany"],
        "resources": {"requests": {"storage": "30Gi"}},
        "selector": {"matchLabels": {"alicloud-pvname": "llm-model"}},
    },
}


def test_the_storage_manifest_of_the_guide_becomes_a_unit_without_the_secrets_values(
    catalog, tmp_path
):
    found = imported(catalog, SECRET, VOLUME, CLAIM)
    [unit] = found.storage

    assert unit == Oss(
        name="llm-model",
        environment="staging",
        namespace="default",
        capacity="30Gi",
        volume="llm-model",
        bucket=Bucket(
            name="your-bucket-name",
            endpoint="oss-your-region-internal.aliyuncs.com",
            path="/your-model-path",
            secret="oss-secret",
        ),
    )
    volume = "PersistentVolume llm-model"
    assert found.notes == (
        (
            f"{volume}: bucket was the placeholder <your-bucket-name>: set it, your-bucket-name"
            " stands there now"
        ),
        (
            f"{volume}: url was the placeholder <your-bucket-endpoint>: set it,"
            " oss-your-region-internal.aliyuncs.com stands there now"
        ),
        (
            f"{volume}: path was the placeholder <your-model-path>: set it, /your-model-path stands"
            " there now"
        ),
        (
            f"{volume}: -o max_stat_cache_size=0 was left out: it slows the opening of files that"
            " never change"
        ),
        (
            "PersistentVolumeClaim llm-model: its volume is named now, and its class is empty; a"
            " claim that is in the cluster already cannot be changed so: keep it with kind"
            " existing-claim, or delete claim and volume first (Retain keeps the files)"
        ),
        (
            "Secret oss-secret: its values were not carried, and never are; make it with kubectl -n"
            " default create secret generic oss-secret --from-literal=akId=…"
            " --from-literal=akSecret=…"
        ),
    )
    write(tmp_path, render_storage(unit))
    assert list(find(kustomize(tmp_path / unit.folder))) == []
    assert "anary" not in str(found) + str(render_storage(unit))


def test_a_volume_smaller_than_its_weights_is_told(catalog):
    found = imported(catalog, VLLM, VOLUME, CLAIM)

    assert found.notes[-1] == (
        "storage llm-model: 30Gi was kept, qwen3-32b wants 80Gi; raise it before the claim is"
        " made, since a bound one cannot grow"
    )


def changed_volume(**spec):
    return VOLUME | {"spec": {**{k: v for k, v in VOLUME["spec"].items() if k != "csi"}, **spec}}


def affinity(*expressions):
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}}


HOSTS = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-1", "node-2"]}
COMMON = {"name": "llm-model", "environment": "staging", "namespace": "default"}


@pytest.mark.parametrize(
    ("volume", "unit"),
    [
        (
            changed_volume(
                mountOptions=["nolock"],
                csi={
                    "driver": "nasplugin.csi.alibabacloud.com",
                    "volumeHandle": "x",
                    "volumeAttributes": {"server": "a.nas.aliyuncs.com", "path": "/m/", "vers": 3},
                },
            ),
            Nas(
                **COMMON,
                capacity="30Gi",
                volume="llm-model",
                server="a.nas.aliyuncs.com",
                path="/m",
            ),
        ),
        (
            changed_volume(local={"path": "/data"}, nodeAffinity=affinity(HOSTS)),
            NodeLocal(
                **COMMON,
                capacity="30Gi",
                volume="llm-model",
                path="/data",
                nodes=("node-1", "node-2"),
            ),
        ),
        (
            changed_volume(
                local={"path": "/data"}, nodeAffinity=affinity(HOSTS | {"operator": "NotIn"})
            ),
            ExistingClaim(**COMMON),
        ),
        (changed_volume(nfs={"server": "a", "path": "/"}), ExistingClaim(**COMMON)),
    ],
)
def test_other_volumes_become_their_units_or_stay_claims(catalog, volume, unit):
    assert imported(catalog, volume, CLAIM).storage == [unit]


def test_a_claim_without_a_volume_stays_an_existing_claim(catalog):
    found = imported(catalog, CLAIM)

    assert found.storage == [ExistingClaim(**COMMON)]
    assert found.notes == (
        (
            "PersistentVolumeClaim llm-model: stays outside Git, as kind existing-claim: no volume"
            " here"
        ),
    )


def test_an_access_key_in_a_volume_is_taken_away_and_a_reference_is_wanted(catalog):
    attributes = VOLUME["spec"]["csi"]["volumeAttributes"] | {"akId": "canary"}
    csi = {"driver": VOLUME["spec"]["csi"]["driver"], "volumeAttributes": attributes}

    with pytest.raises(InvalidRequestError) as refusal:
        imported(catalog, changed_volume(csi=csi), CLAIM)

    assert "importing PersistentVolume llm-model: bucket your-bucket-name: expected role" in str(
        refusal.value
    )
    assert "canary" not in str(refusal.value)


def test_a_set_with_much_of_its_own_is_carried_as_far_as_it_goes(catalog):
    line = (
        "set -e\nexport NCCL_DEBUG=INFO HF_TOKEN=canary\nulimit -l canary && exec vllm serve"
        " /models/Qwen3-32B -tp $TP --pipeline_parallel_size=2 --max-model-len 32K"
        " --served-model-name qwen other --max-num-seqs 64 --enable-prefix-caching"
        " --api-key $VLLM_API_KEY --hf-token canary --seed -1 --port 9000"
    )
    environment = [
        {"name": "TP", "value": "1"},
        {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "llm-key", "key": "k"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "OTHER", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "k"}}},
        {"name": "MY_TOKEN", "value": "canary"},
        {"name": "NCCL_SOCKET_IFNAME", "value": "eth0"},
    ]
    leader = template(VLLM_IMAGE, f"{SCRIPT} leader\n{line}", env=environment, lifecycle={"a": {}})
    leader["spec"] |= {
        "nodeSelector": {"gpu": "l20"},
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "team", "operator": "Equal", "value": "llm", "effect": "NoExecute"},
            {"key": "slow", "operator": "Exists", "tolerationSeconds": 60},
        ],
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "engine",
        "priorityClassName": "high",
        "hostNetwork": True,
        "affinity": {"nodeAffinity": {}, "podAffinity": {"x": 1}},
    }
    manifest = lws(
        "mine",
        leader,
        template(VLLM_IMAGE, VLLM_WORKER, port=False, probe=False),
        startupPolicy="LeaderReady",
        rolloutStrategy={
            "type": "RollingUpdate",
            "rollingUpdateConfiguration": {"maxUnavailable": "50%", "maxSurge": 2, "partition": 1},
        },
    )
    manifest["metadata"] |= {
        "namespace": "elsewhere",
        "annotations": {"leaderworkerset.sigs.k8s.io/exclusive-topology": "rack", "mine": "x"},
        "resourceVersion": "1",
    }
    manifest["status"] = {"replicas": 1}

    found = imported(catalog, manifest)
    [made] = found.overlays

    assert (made.parallel, made.max_model_len) == (Parallel(tensor=1, pipeline=2), 32768)
    assert (made.served_model_name, made.api_key_secret) == ("qwen", "llm-key")
    assert made.engine_args == (
        "--max-num-seqs",
        "64",
        "--enable-prefix-caching",
        "--seed",
        "-1",
    )
    assert made.environment_variables == {"TP": "1", "NCCL_DEBUG": "INFO"}
    assert made.placement.node_selector == {"gpu": "l20"}
    assert made.placement.tolerations == (
        Toleration(key="team", operator="Equal", value="llm", effect="NoExecute"),
    )
    assert made.placement.exclusive_topology == "rack"
    assert (made.image_pull_secrets, made.service_account) == (("registry",), "engine")
    assert made.priority_class == "high"
    assert (made.rollout.max_unavailable, made.rollout.max_surge, made.rollout.partition) == (
        1,
        2,
        1,
    )
    assert "canary" not in str(found)
    assert errors(made, catalog) == []
    leader_path = "spec.leaderWorkerTemplate.leaderTemplate.spec"
    assert [note.removeprefix("LeaderWorkerSet mine: ") for note in found.notes] == [
        "leader: variable NODE was not carried: put it into custom/",
        (
            "leader: variable MY_TOKEN was not carried: its value is a secret; make a Secret with"
            " kubectl and put the reference into custom/"
        ),
        PROBE,
        "toleration of slow was not carried: put it into custom/",
        *warnings(catalog, Engine.VLLM, VLLM_IMAGE),
        "the command ulimit was not carried: build it into the image",
        "port 9000 was not carried: 8000 is served",
        "--hf-token was not carried: a secret does not stand on a command line",
        "worker: other variables than the leader's, which were taken for both",
        "worker: other placement than the leader's, which were taken for both",
        "worker: other pull secrets than the leader's, which were taken for both",
        "worker: other service account than the leader's, which were taken for both",
        "worker: other priority class than the leader's, which were taken for both",
        "variable HF_TOKEN of its command was not carried: put it into custom/",
        "variables of its command went into environmentVariables: NCCL_DEBUG",
        "namespace elsewhere became default",
        MEMORY,
        "served name other was not carried: a deployment has one",
        "Secret llm-key: the API key is read from its key api-key",
        "variable OTHER from Secret mine was not carried: put it into custom/",
        "startupPolicy LeaderReady became LeaderCreated",
        "maxUnavailable 50% became 1: say it in groups",
        "metadata.annotations.mine was not carried: put it into custom/",
        f"{leader_path}.containers[0].lifecycle was not carried: put it into custom/",
        f"{leader_path}.hostNetwork was not carried: put it into custom/",
        f"{leader_path}.affinity was not carried: put it into custom/",
    ]
