"""The acts of the recordings' driver, played on the sandbox's cluster without threads."""

import datetime as dt
import json
from pathlib import Path
from typing import NamedTuple

from sandbox.clock import Time
from sandbox.cluster import Cluster, Drawn, Prompt, Speeds
from sandbox.cluster.objects import copied
from sandbox.journal import Journal
from tests.sandbox.recordings.lines import KINDS, Line, Lines

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""When every play begins: where a whole second ends decides whether two stamps are equal."""

HERE = Path(__file__).parent
NAME = "vllm-multi-nodes"
SPEEDS = Speeds(pull=0, start=0.2, load=1, worker_ready=0.06, stop=0.3, alone=True)
_IMAGE = "kube-ai-registry.cn-shanghai.cr.aliyuncs.com/kube-ai/vllm:v0.10.0"
_NEEDS = {"cpu": "8", "memory": "24Gi", "nvidia.com/gpu": "1"}
_SCRIPT = "bash /vllm-workspace/examples/online_serving/multi-node-serving.sh"


class Waits:
    """A pace whose waits are given, by work and name, in the order in which they are asked for.

    Before the first act, which no recording shows, `setup` decides the races.
    """

    def __init__(self, waits, setup=None):
        self.waits = waits
        self.setup = setup or Prompt()
        self.counts = {}
        self.on = False

    def wait(self, work, name, now):
        if not self.on:
            return self.setup.wait(work, name, now)
        stream = f"{work} {name.partition('/')[0]}"
        place = self.counts[stream] = self.counts.get(stream, -1) + 1
        return self.waits.get(stream, {}).get(place, 0.0) / 1000


def manifest(**wishes):
    """Return the LeaderWorkerSet of the guide."""
    leader = _container("leader", f"{_SCRIPT} leader --ray_cluster_size=$(LWS_GROUP_SIZE)")
    leader["readinessProbe"] = {"tcpSocket": {"port": 8000}, "initialDelaySeconds": 30}
    worker = _container("worker", f"{_SCRIPT} worker --ray_address=$(LWS_LEADER_ADDRESS)")
    claim = wishes.pop("claim", "llm-model")
    template = {
        "size": wishes.pop("size", 2),
        "leaderTemplate": _pods(leader, claim),
        "workerTemplate": _pods(worker, claim),
    }
    if "restartPolicy" in wishes:
        template["restartPolicy"] = wishes.pop("restartPolicy")
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {"replicas": 1, "leaderWorkerTemplate": template, **wishes},
    }


def _container(role, command):
    return {
        "name": f"vllm-{role}",
        "image": _IMAGE,
        "command": ["sh", "-c", command],
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {"limits": dict(_NEEDS), "requests": dict(_NEEDS)},
    }


def _pods(container, claim):
    volumes = [{"name": "model", "persistentVolumeClaim": {"claimName": claim}}]
    return {"metadata": {"labels": {}}, "spec": {"containers": [container], "volumes": volumes}}


class Stage:
    """One cluster, and what its watches see from the first act on."""

    def __init__(self, quirks, pace):
        self.pace = pace
        self.time = Time(rate=0, start=START)
        self.cluster = Cluster(
            self.time, Journal(), tokens={}, speeds=SPEEDS, quirks=quirks, pace=self.pace
        )
        self.told = Lines()
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "llm-model", "namespace": "default"},
            "spec": {"accessModes": ["ReadOnlyMany"]},
        }
        self.cluster.apply(claim)

    def up(self, **wishes):
        """Have a LeaderWorkerSet run before the first act."""
        self.cluster.apply(manifest(**wishes))
        self.cluster.run(10)

    def begin(self):
        """Learn what is there; from now on every change is told."""
        for kind in ("leaderworkersets", "pods", "statefulsets", "controllerrevisions"):
            for item in self.cluster.select(kind):
                self.told.see(0.0, KINDS[kind], "INITIAL", item)
        self.time.advance(1 - self.time.monotonic() % 1)  # a set-up of any length ends on a second
        self.start = self.time.monotonic()
        self.pace.on = True
        self.cluster.listen(self._notice)

    def _notice(self, change):
        kind = KINDS.get(change.key.kind)
        if kind and change.key.namespace == "default":
            moment = self.time.monotonic() - self.start
            self.told.see(moment, kind, change.type, change.object)

    def edit(self, change):
        """Let a person edit the LeaderWorkerSet."""
        lws = copied(self.cluster.get("leaderworkersets", "default", NAME))
        change(lws["spec"])
        self.cluster.apply(lws)


def image(text, **rolling):
    def change(spec):
        for each in ("leaderTemplate", "workerTemplate"):
            spec["leaderWorkerTemplate"][each]["spec"]["containers"][0]["image"] = text
        spec["rolloutStrategy"]["rollingUpdateConfiguration"].update(rolling)

    return change


def _wide(spec):
    for each in ("leaderTemplate", "workerTemplate"):
        resources = spec["leaderWorkerTemplate"][each]["spec"]["containers"][0]["resources"]
        resources["limits"]["nvidia.com/gpu"] = "8"
        resources["requests"]["nvidia.com/gpu"] = "8"


def _size(spec):
    spec["leaderWorkerTemplate"]["size"] = 3


def _create(**wishes):
    return lambda stage: stage.cluster.apply(manifest(**wishes))


def _edit(change):
    return lambda stage: stage.edit(change)


def _kill(pod, reason="Error", code=1):
    return lambda stage: stage.cluster.kill("default", f"{NAME}-{pod}", reason, code)


def _delete(kind, name, policy="Background"):
    return lambda stage: stage.cluster.delete(kind, "default", name, policy)


def _no_image(stage):
    body = manifest()
    worker = body["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]["containers"][0]
    worker["image"] = "kube-ai-registry.cn-shanghai.cr.aliyuncs.com/kube-ai/vllm:no-such-tag"
    stage.cluster.image_missing(worker["image"])
    stage.cluster.apply(body)


def _no_leader_image(stage):
    body = manifest()
    del body["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]["containers"][0]["image"]
    stage.cluster.apply(body)


def _unready(stage):
    stage.cluster.never_ready("default", f"{NAME}-0")
    stage.cluster.apply(manifest())


def _replicas(count):
    return _edit(lambda spec: spec.update(replicas=count))


V1, V2 = "vllm:v0.10.1", "vllm:v0.11.0"

# What is there before (None: nothing), and the acts, in the order of the recording's marks.
SCENARIOS = {
    "01": (None, [_create()]),
    "02": ({}, [_edit(image(V1))]),
    "03": ({"replicas": 2}, [_edit(image(V1, maxUnavailable=1))]),
    "04": ({}, [_replicas(2)]),
    "05": ({"replicas": 2}, [_replicas(1)]),
    "06": ({}, [_kill("0-1")]),
    "07": ({}, [_kill("0")]),
    "08": ({}, [_kill("0-1", "OOMKilled", 137)]),
    "09": ({"replicas": 2}, [_kill("1-1")]),
    "10": ({}, [_delete("pods", f"{NAME}-0-1")]),
    "11": ({"restartPolicy": "None"}, [_kill("0-1")]),
    "12": (None, [_create(replicas=3)]),
    "13": (None, [_no_image]),
    "14": (None, [_unready]),
    "15": ({}, [_delete("leaderworkersets", NAME)]),
    "16": ({}, [_delete("leaderworkersets", NAME, "Foreground")]),
    "17": ({}, [_edit(_wide)]),
    "18": ({}, [_edit(_size)]),
    "19": (None, [_create(startupPolicy="LeaderReady")]),
    "20": (None, [_no_leader_image]),
    "21": (None, [_create(claim="no-such-claim")]),
    "22": ({}, [_replicas(0)]),
    "23": ({}, [_edit(image(V1)), _edit(image(V2))]),
    "24": ({}, [lambda stage: stage.cluster.evict("default", f"{NAME}-0")]),
    "25": ({}, [_edit(image(V1, maxSurge=1, maxUnavailable=0))]),
}


class Recording(NamedTuple):
    """What was there, what came, and when the driver acted."""

    begun: list
    lines: list
    acts: list


def recorded(version, scenario):
    """Return a recording."""
    text = (HERE / version / f"{scenario}.txt").read_text(encoding="utf-8")
    parts = [raw.split(" ", 2) for raw in text.splitlines()]
    all_of_it = [Line(float(moment), kind, said) for moment, kind, said in parts]
    begun = [line for line in all_of_it if line.text.startswith("INITIAL")]
    acts = [line.moment for line in all_of_it if line.kind == "act"]
    lines = [line for line in all_of_it[len(begun) :] if line.kind != "act"]
    if len(acts) > 1:  # a watch that lagged behind the last mark
        acts[-1] = max(acts[-1], max(line.moment for line in lines) + 0.02)
    gone = [line.moment for line in lines if line.text.startswith("DELETED") and line.kind == "lws"]
    if scenario == "25" and gone:
        acts = [acts[0], gone[0] - 0.01, max(line.moment for line in lines) + 0.2]
    return Recording(begun, lines, acts)


class Races(NamedTuple):
    """How the races of a recording end: a seed for those before the first act, and the waits."""

    seed: int
    waits: dict


def load(path):
    """Return the races in a file, {"seed": …, "waits": {"WORK NAME": {place: milliseconds}}}."""
    found = json.loads(path.read_text(encoding="utf-8"))
    waits = {
        stream: {int(place): wait for place, wait in each.items()}
        for stream, each in found["waits"].items()
    }
    return Races(found["seed"], waits)


def drawn(seed):
    """Return the pace of a set-up; 0 is without races."""
    return Drawn(seed) if seed else Prompt()


def prepared(scenario, quirks, pace):
    """Return a stage that has begun, and its acts."""
    before, acts = SCENARIOS[scenario]
    if scenario == "25" and not quirks.finishes_surge:  # the driver gave up and cleaned up
        acts = [*acts, _delete("leaderworkersets", NAME)]
    stage = Stage(quirks, pace)
    if before is not None:
        stage.up(**copied(before))
    stage.begin()
    return stage, acts


def play(scenario, quirks, pace, moments):
    """Play a scenario; return its stage, which holds the lines."""
    stage, acts = prepared(scenario, quirks, pace)
    stage.cluster.run(moments[0])
    for number, act in enumerate(acts):
        act(stage)
        stage.cluster.run(moments[number + 1] - moments[number])
    return stage
