"""Each component over each base, built for two deployments of one namespace at the same time."""

import shutil
import subprocess

import pytest

from gitops import assets
from gitops.overlay import render
from gitops.overlay.components import folder_of, plain
from tests.gitops.test_overlay_bench import (
    FORM,
    NAME,
    build,
    containers,
    errors,
    made,
    repository,
    templates,
)

ALL = ["wait-for-model", "pod-monitor", "pod-disruption-budget", "network-policy", "rdma"]
WORKER = "leaderworkerset.sigs.k8s.io/worker-index"


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Return the objects of two deployments of each launch form that include every component."""
    change = {
        "components": ALL,
        "apiKeySecret": "keys",
        "placement": {"exclusiveTopology": "topology.kubernetes.io/zone"},
    }
    wanted = [(form, name) for form in FORM for name in ("one", "two")]
    overlays = [render(made(form, name=f"{form}-{name}", **change)) for form, name in wanted]
    built = build(repository(tmp_path_factory.mktemp("components")), *overlays)
    return dict(zip(wanted, built, strict=True))


@pytest.fixture(params=[(form, name) for form in FORM for name in ("one", "two")], ids="-".join)
def named(request, everything):
    """Return the name of one of them, and its objects."""
    return "-".join(request.param), everything[request.param]


def test_every_component_here_is_one_of_the_repository():
    folders = {path.parent.name for path in (assets.root() / "kustomize/components").glob("*/v1")}

    assert folders == {*ALL, "api-key", "exclusive-topology"}


def test_objects_bear_the_deployment_s_name_and_pass_the_lints(named):
    name, objects = named

    assert {kind: o["metadata"]["name"] for kind, o in objects.items()} == {
        "LeaderWorkerSet": name,
        "NetworkPolicy": name,
        "PodDisruptionBudget": name,
        "PodMonitor": name,
        "Service": f"{name}-leader",
    }
    assert {o["metadata"]["namespace"] for o in objects.values()} == {"models"}
    assert errors(objects) == []


def test_metrics_are_taken_from_the_leaders_of_the_set(named):
    name, objects = named

    assert objects["PodMonitor"]["spec"] == {
        "selector": {"matchLabels": {NAME: name, WORKER: "0"}},
        "podMetricsEndpoints": [{"port": "http", "path": "/metrics", "interval": "15s"}],
    }
    assert containers(objects)[0]["ports"][0]["name"] == "http"


def test_one_group_at_a_time_may_be_disrupted(named):
    name, objects = named

    assert objects["PodDisruptionBudget"]["spec"] == {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": {NAME: name}},
    }


def test_the_set_s_own_pods_reach_each_other_and_labelled_namespaces_the_server(named):
    name, objects = named
    own = {"matchLabels": {NAME: name}}
    users = {"matchLabels": {"leadline/uses-models": "true"}}

    assert objects["NetworkPolicy"]["spec"] == {
        "podSelector": own,
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": own}]},
            {
                "from": [{"namespaceSelector": users}],
                "ports": [{"protocol": "TCP", "port": 8000}],
            },
        ],
    }


def test_the_key_comes_from_the_secret_and_only_to_the_leader(named):
    leader, worker = containers(named[1])
    [entry] = [entry for entry in leader["env"] if entry["name"] == "API_KEY"]

    assert entry["valueFrom"] == {"secretKeyRef": {"name": "keys", "key": "api-key"}}
    assert leader["args"][leader["args"].index("--api-key") + 1] == "$(API_KEY)"
    assert "API_KEY" not in str(worker)
    assert "--api-key" not in worker.get("args", [])


def test_groups_have_a_domain_for_themselves(named):
    annotations = named[1]["LeaderWorkerSet"]["metadata"]["annotations"]

    key = "leaderworkerset.sigs.k8s.io/exclusive-topology"
    assert annotations[key] == "topology.kubernetes.io/zone"


def test_every_pod_gets_an_hca_and_may_pin_memory(named):
    for container in containers(named[1]):
        for kind in ("limits", "requests"):
            assert container["resources"][kind] == {
                "cpu": "8",
                "memory": "52Gi",
                "nvidia.com/gpu": "1",
                "rdma/hca": "1",
            }
        assert container["securityContext"] == {"capabilities": {"add": ["IPC_LOCK"]}}
        names = [entry["name"] for entry in container["env"]]
        assert {"NCCL_IB_DISABLE", "NCCL_IB_GID_INDEX"} < set(names)
        assert len(names) == len(set(names))


def test_every_pod_waits_for_its_model_in_the_engine_s_own_image(named):
    for template in templates(named[1]):
        [waiting] = template["spec"]["initContainers"]
        [engine] = template["spec"]["containers"]

        assert waiting["image"] == engine["image"]
        assert waiting["volumeMounts"] == [
            {"name": "model", "mountPath": "/model", "readOnly": True}
        ]
        assert waiting["resources"]["limits"] == waiting["resources"]["requests"]


@pytest.fixture
def wait(named, tmp_path):
    """Return the wait-for-model process of a pod, its volume in a folder of the test's own."""
    [container] = templates(named[1])[1]["spec"]["initContainers"]
    command = [word.replace("/model/", f"{tmp_path}/") for word in container["command"]]
    command[0] = shutil.which("sh")
    running = subprocess.Popen(
        command, env={"WAIT_SECONDS": "0.05", "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE
    )
    with running:
        yield running
        running.kill()


def test_waiting_ends_well_when_the_model_is_there(wait, tmp_path):
    assert b"waiting for the model" in wait.stdout.readline()

    (tmp_path / "config.json").write_text("{}")

    assert wait.wait(10) == 0


def test_waiting_ends_well_when_the_pod_is_deleted(wait):
    wait.stdout.readline()

    wait.terminate()

    assert wait.wait(10) == 0


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("pod-monitor", "kustomize/components/pod-monitor/v1"),
        ("pod-monitor-v2", "kustomize/components/pod-monitor/v2"),
        ("team-thing", "kustomize/components/team-thing/v1"),
        ("ipv6-v12", "kustomize/components/ipv6/v12"),
    ],
)
def test_a_component_s_name_may_say_its_version(name, folder):
    assert folder_of(name) == folder
    assert plain(name) == folder.split("/")[2]


def test_without_components_an_overlay_includes_only_custom():
    overlay = render(made())

    text = overlay.files[f"{overlay.deployment.folder}/kustomization.yaml"]

    assert "components:\n- custom\n" in text
    assert "replacements" not in text
