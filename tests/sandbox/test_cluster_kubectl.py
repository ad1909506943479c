"""The real kubectl against the sandbox's cluster."""

import json

import pytest

from tests.sandbox.test_cluster_bench import Bench, kubectl, lws


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
