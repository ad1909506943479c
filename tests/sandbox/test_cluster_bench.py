"""What the cluster, engine and agent tests share: a served cluster, real clients, short lines."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from kubernetes import client, watch

from sandbox.clock import Time
from sandbox.cluster import Cluster, Speeds
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.serving import serving

TOKENS = {"reader": "read", "writer": "write", "": "write"}  # "" for kubectl over plain HTTP
SPEEDS = Speeds(pull=0, start=0.2, load=1, worker_ready=0.06, stop=0.3)  # as the recordings'
LWS = ("leaderworkerset.x-k8s.io", "v1", "default", "leaderworkersets")
KUBECTL = Path(sys.executable).with_name("kubectl")

# What a watch of pods sees when a group of two comes up, in recording 01.
COMING_UP = [
    "ADDED qwen-0 Pending",
    "MODIFIED qwen-0 Pending bound",
    "MODIFIED qwen-0 Pending bound ContainerCreating",
    "ADDED qwen-0-1 Pending",
    "MODIFIED qwen-0-1 Pending bound",
    "MODIFIED qwen-0-1 Pending bound ContainerCreating",
    "MODIFIED qwen-0 Running bound running",
    "MODIFIED qwen-0-1 Running bound running",
    "MODIFIED qwen-0-1 Running bound running ready",
    "MODIFIED qwen-0 Running bound running ready",
]


class Bench:
    """A cluster, its server and the real Kubernetes client."""

    def __init__(self, *, time=None, speeds=SPEEDS, **settings):
        self.time = time or Time(rate=50)
        self.journal = Journal()
        self.faults = Faults()
        self.cluster = Cluster(self.time, self.journal, tokens=TOKENS, speeds=speeds, **settings)

    @contextmanager
    def served(self):
        self.cluster.start()
        with serving(self.cluster.world(), self.faults) as server:
            self.url = server.url
            self.api = self.client_of("writer")
            self.core, self.custom = client.CoreV1Api(self.api), client.CustomObjectsApi(self.api)
            yield self
            self.cluster.stop()

    def client_of(self, token):
        settings = client.Configuration(host=self.url)
        settings.api_key = {"authorization": token}
        settings.api_key_prefix = {"authorization": "Bearer"}
        return client.ApiClient(settings)

    def create(self, **wishes):
        return self.custom.create_namespaced_custom_object(*LWS, body=lws(**wishes))

    def patch(self, name, body):
        return self.custom.patch_namespaced_custom_object(*LWS, name, body)

    def claim(self, name="llm-model"):
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name},
            "spec": {"accessModes": ["ReadOnlyMany"], "volumeName": name},
        }
        self.core.create_namespaced_persistent_volume_claim("default", body)

    def wait(self, call, since=0, **detail):
        """Wait for a line of the journal and return its number."""
        entry = self.journal.wait(
            lambda e: (
                e.call == call and all(e.detail.get(key) == value for key, value in detail.items())
            ),
            since,
        )
        assert entry, f"{call} {detail} never happened: {[e.call for e in self.journal.entries()]}"
        return entry.number

    def running(self, **wishes):
        """Bring an LWS up; return the journal's length and the cluster's resourceVersion."""
        self.create(**wishes)
        self.wait("lws.available", name=wishes.get("name", "qwen"))
        return len(self.journal.entries()), self.version()

    def version(self):
        return self.core.list_namespaced_pod("default").metadata.resource_version

    def happened(self, since=0):
        """Return what happened after a line of the journal, without the calls."""
        return [
            f"{e.call} {e.detail['name']}"
            for e in self.journal.entries(since)
            if e.world == "cluster" and "." in e.call
        ]

    def history(self, kind, version):
        """Return what a watch from a resourceVersion on sees until now; ends the cluster."""
        self.cluster.stop()
        listing, line = KINDS[kind]
        stream = watch.Watch().stream(
            listing(self), resource_version=version, timeout_seconds=5, _request_timeout=10
        )
        lines = [f"{event['type']} {line(event['raw_object'])}" for event in stream]
        return [now for before, now in zip([None, *lines], lines, strict=False) if now != before]


def kubectl(bench, tmp_path, *words, text=None):
    """Run the real kubectl against the bench."""
    config = tmp_path / "kubeconfig"
    config.write_text(bench.cluster.kubeconfig(bench.url, "writer"))
    done = subprocess.run(
        [KUBECTL, *words],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "KUBECONFIG": str(config), "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lws(name="qwen", replicas=1, size=2, image="vllm:v0.10.0", claim=None, **template):
    """Return a LeaderWorkerSet as the product renders it, with the essentials only."""
    args = ["--model", "/models/Qwen3-32B", "--served-model-name", "qwen3-32b"]
    leader = _container("leader", image, ["python3", "-m", "vllm.entrypoints.openai.api_server"])
    leader["readinessProbe"] = {"httpGet": {"path": "/health", "port": "http"}}
    leader["args"] = args
    worker = _container("worker", image, ["bash", "multi-node-serving.sh", "worker"])
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "leaderWorkerTemplate": {
                "size": size,
                "leaderTemplate": _pods(leader, claim),
                "workerTemplate": _pods(worker, claim),
                **template,
            },
        },
    }


def _container(name, image, command):
    return {
        "name": name,
        "image": image,
        "command": command,
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }


def _pods(container, claim):
    volumes = [{"name": "model", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    return {"metadata": {"labels": {}}, "spec": {"containers": [container], "volumes": volumes}}


def pod_line(pod):
    status, meta = pod["status"], pod["metadata"]
    words = [meta["name"], status["phase"]]
    words += ["bound"] if pod["spec"].get("nodeName") else []
    for each in status.get("containerStatuses", []):
        state = each["state"]
        words += [state["waiting"]["reason"]] if "waiting" in state else ["running"]
        words += [each["lastState"]["terminated"]["reason"]] if each["restartCount"] else []
        words += ["ready"] if each["ready"] else []
    words += ["deleting"] if "deletionTimestamp" in meta else []
    words += ["foreground"] if "foregroundDeletion" in meta.get("finalizers", []) else []
    return " ".join(words)


def lws_line(item):
    status = item.get("status", {})
    counts = [status.get(each, "-") for each in ("replicas", "readyReplicas", "updatedReplicas")]
    conditions = [f"{each['type'][0]}={each['status'][0]}" for each in status.get("conditions", [])]
    generation = item["metadata"]["generation"]
    return " ".join([f"gen={generation}", "/".join(map(str, counts)), *conditions])


def sts_line(item):
    status, spec = item["status"], item["spec"]
    counts = [status.get(each, 0) for each in ("replicas", "readyReplicas", "updatedReplicas")]
    partition = spec["updateStrategy"]["rollingUpdate"]["partition"]
    words = [item["metadata"]["name"], f"spec={spec['replicas']}", f"partition={partition}"]
    words += ["/".join(map(str, counts))]
    return " ".join(words + ["deleting"] * ("deletionTimestamp" in item["metadata"]))


def event_line(event):
    return f"{event['involvedObject']['name']} {event['reason']}: {event['message']}"


KINDS = {
    "pods": (lambda b: _default(b.core.list_namespaced_pod), pod_line),
    "events": (lambda b: _default(b.core.list_namespaced_event), event_line),
    "statefulsets": (
        lambda b: _default(client.AppsV1Api(b.api).list_namespaced_stateful_set),
        sts_line,
    ),
    "leaderworkersets": (lambda b: _listing(b.custom), lws_line),
}


def _default(method):
    def listing(**options):
        return method("default", **options)

    listing.__doc__ = method.__doc__  # Watch reads the type of its objects there
    return listing


def _listing(custom):
    def listing(**options):
        return custom.list_namespaced_custom_object(*LWS, **options)

    listing.__doc__ = custom.list_namespaced_custom_object.__doc__
    return listing
