"""The real kubectl against the sandbox's cluster."""

import json
import subprocess

import pytest

from tests.sandbox.test_cluster_bench import KUBECTL, Bench, kubectl, lws
from tests.sandbox.test_cluster_depth import forwarding, service


@pytest.fixture
def bench():
    with Bench().served() as found:
        yield found


def test_kubectl_applies_gets_describes_and_deletes(bench, tmp_path):
    applied = kubectl(bench, tmp_path, "apply", "--server-side", "-f", "-", text=json.dumps(lws()))
    bench.wait("lws.available")
    listed = kubectl(bench, tmp_path, "get", "lws,pods")
    described = kubectl(bench, tmp_path, "describe", "lws", "qwen")
    pod = kubectl(bench, tmp_path, "describe", "pod", "qwen-0")
    deleted = kubectl(bench, tmp_path, "delete", "lws", "qwen")

    assert applied == "leaderworkerset.leaderworkerset.x-k8s.io/qwen serverside-applied\n"
    rows = [line.split() for line in listed.splitlines() if line]
    assert [row[:4] for row in rows] == [
        ["NAME", "READY", "DESIRED", "UP-TO-DATE"],
        ["leaderworkerset.leaderworkerset.x-k8s.io/qwen", "1", "1", "1"],
        ["NAME", "READY", "STATUS", "RESTARTS"],
        ["pod/qwen-0", "1/1", "Running", "0"],
        ["pod/qwen-0-1", "1/1", "Running", "0"],
    ]
    assert "All replicas are ready, with 1 groups ready of total 1 groups" in described
    assert "Successfully assigned default/qwen-0 to gpu-node-0" in pod
    assert deleted.startswith('leaderworkerset.leaderworkerset.x-k8s.io "qwen" deleted')


def test_kubectl_reads_logs_and_waits(bench, tmp_path):
    kubectl(bench, tmp_path, "create", "-f", "-", text=json.dumps(lws()))
    kubectl(bench, tmp_path, "wait", "lws/qwen", "--for=condition=Available", "--timeout=9s")

    log = kubectl(bench, tmp_path, "logs", "qwen-0", "--tail=1")
    assert log == "INFO:     Application startup complete.\n"


def start(bench, tmp_path, *words):
    """Start a kubectl that stays."""
    config = tmp_path / "kubeconfig"
    config.write_text(bench.cluster.kubeconfig(bench.url, "writer"))
    return subprocess.Popen(
        [KUBECTL, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"HOME": str(tmp_path), "KUBECONFIG": str(config)},
    )


def test_kubectl_watches_rows_as_they_change(bench, tmp_path):
    bench.running()
    watching = start(bench, tmp_path, "get", "lws", "qwen", "-w", "--request-timeout=9s")
    first = [watching.stdout.readline().split() for _ in range(2)]
    bench.patch("qwen", {"spec": {"replicas": 2}})
    rows = iter(lambda: watching.stdout.readline().split(), [])
    seen = next(row for row in rows if row[1:4] == ["2", "2", "2"])
    watching.terminate()
    watching.communicate()

    assert first[0] == ["NAME", "READY", "DESIRED", "UP-TO-DATE", "AGE"]
    assert first[1][:4] == ["qwen", "1", "1", "1"]
    assert seen[0] == "qwen"


def test_kubectl_waits_for_a_deletion(bench, tmp_path):
    bench.running()
    waiting = start(bench, tmp_path, "wait", "--for=delete", "pod/qwen-0-1", "--timeout=9s")
    kubectl(bench, tmp_path, "delete", "lws", "qwen", "--cascade=foreground")
    said, _ = waiting.communicate(timeout=15)

    assert waiting.returncode == 0, said


def test_kubectl_follows_a_log_to_its_end(bench, tmp_path):
    bench.running()
    following = start(bench, tmp_path, "logs", "-f", "qwen-0")
    seen = next(
        line for line in following.stdout if line == "INFO:     Application startup complete.\n"
    )
    kubectl(bench, tmp_path, "delete", "lws", "qwen")
    following.communicate(timeout=15)

    assert seen
    assert following.returncode == 0


def test_kubectl_validates_strictly_and_runs_dry(bench, tmp_path):
    body = lws()
    body["spec"]["replica"] = 2
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(body))
    refused = start(bench, tmp_path, "apply", "--server-side", "--validate=strict", "-f", str(file))
    said, _ = refused.communicate(timeout=15)
    dry = kubectl(
        bench, tmp_path, "apply", "--server-side", "--dry-run=server", "-f", "-",
        text=json.dumps(lws()),
    )  # fmt: skip

    assert refused.returncode == 1
    assert 'unknown field "spec.replica"' in said
    assert (
        dry == "leaderworkerset.leaderworkerset.x-k8s.io/qwen serverside-applied (server dry run)\n"
    )
    assert bench.cluster.get("leaderworkersets", "default", "qwen") is None


def test_kubectl_patches_labels_and_edits_the_status(bench, tmp_path):
    bench.running()
    steps = '[{"op": "replace", "path": "/spec/replicas", "value": 2}]'
    kubectl(bench, tmp_path, "patch", "lws", "qwen", "--type=json", "-p", steps)
    kubectl(bench, tmp_path, "label", "lws", "qwen", "team=ml")
    kubectl(bench, tmp_path, "annotate", "lws", "qwen", "note=x")
    status = '{"status": {"replicas": 5}}'
    kubectl(bench, tmp_path, "patch", "lws", "qwen", "--subresource=status", "--type=merge",
            "-p", status)  # fmt: skip
    stored = bench.cluster.get("leaderworkersets", "default", "qwen")

    assert stored["spec"]["replicas"] == 2
    assert stored["metadata"]["labels"] == {"team": "ml"}


def test_kubectl_lists_by_selector_and_describes_nodes_and_events(bench, tmp_path):
    bench.running()
    workers = kubectl(
        bench, tmp_path, "get", "pods", "-o", "name",
        "-l", "leaderworkerset.sigs.k8s.io/worker-index!=0",
    )  # fmt: skip
    node = kubectl(bench, tmp_path, "describe", "node", "gpu-node-0")
    events = kubectl(bench, tmp_path, "get", "events", "--field-selector", "reason=AllGroupsReady")

    assert workers == "pod/qwen-0-1\n"
    assert "nvidia.com/gpu" in node
    assert "All replicas are ready, with 1 groups ready of total 1 groups" in events


def test_kubectl_reaches_an_engine_through_the_service_proxy(tmp_path):
    with Bench(forward=forwarding).served() as bench:
        service(bench)
        bench.running()
        path = "/api/v1/namespaces/default/services/qwen-svc:http/proxy/v1/models"
        answer = kubectl(bench, tmp_path, "get", "--raw", path)

        assert answer.startswith("GET qwen-svc.default.svc:8000/v1/models?")


def test_kubectl_gets_all_in_the_forms_that_people_ask_for(bench, tmp_path):
    bench.running()
    names = kubectl(bench, tmp_path, "get", "all", "-o", "name")
    ready = kubectl(bench, tmp_path, "get", "lws", "qwen", "-o", "jsonpath={.status.readyReplicas}")
    wide = kubectl(bench, tmp_path, "get", "pods", "-o", "wide", "--no-headers")
    pods = json.loads(kubectl(bench, tmp_path, "get", "pods", "-A", "-o", "json"))["items"]

    assert names.split() == [
        "pod/qwen-0",
        "pod/qwen-0-1",
        "service/qwen",
        "statefulset.apps/qwen",
        "statefulset.apps/qwen-0",
    ]
    assert ready == "1"
    assert [row.split()[0] for row in wide.splitlines()] == ["qwen-0", "qwen-0-1"]
    assert [each["metadata"]["name"] for each in pods] == ["qwen-0", "qwen-0-1"]


def test_kubectl_reads_the_logs_of_a_group_and_its_rollout(bench, tmp_path):
    bench.running()
    group = "leaderworkerset.sigs.k8s.io/name=qwen"
    logs = kubectl(bench, tmp_path, "logs", "-l", group, "--tail=1", "--prefix")
    rollout = kubectl(bench, tmp_path, "rollout", "status", "sts/qwen", "--timeout=9s")
    ready = "--for=jsonpath={.status.readyReplicas}=1"
    waited = kubectl(bench, tmp_path, "wait", "lws/qwen", ready, "--timeout=9s")

    assert [line.split()[0] for line in logs.splitlines()] == [
        "[pod/qwen-0/leader]",
        "[pod/qwen-0-1/worker]",
    ]
    assert "roll out complete" in rollout
    assert waited.endswith("qwen condition met\n")
