"""Script: what following 10,000 pods costs, beside the official client's watch and kopf.

One API server, a process of its own, lists 10,000 pods of 5.6 KB (1,250 LeaderWorkerSets of eight)
and then sends a change of each pod several times over. Each side is a process of its own that
lists, watches, reads name, version, readiness and restarts of every pod, and says what it took. CPU
is user and system time of that process alone; memory is its peak, imports included. kopf comes from
a virtual environment that is made for the run (`--kopf VERSION`), or is left out where it cannot be
installed. The run fails where Leadline takes more than 25 µs an event or 80 MiB.
"""

import json
import logging
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import venv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

CPU = 25e-6
"""Most seconds of CPU an event."""

MEMORY = 80.0
"""Most MiB."""

LONGEST = 180.0
"""Most seconds a side may take."""

SIZE = 8  # pods a group
WEIGHT = 5_600  # bytes of an event's object
LABEL = "leaderworkerset.sigs.k8s.io/"

Answer = Mapping[str, Any]


def main() -> None:
    """Measure all sides in turn, print a table, and fail where a target is missed."""
    cli()


@click.command()
@click.option("--pods", default=10_000, show_default=True)
@click.option("--rounds", default=4, show_default=True, help="Changes of each pod, for Leadline.")
@click.option("--kopf", default="1.45.2", show_default=True, help="Version, or empty for none.")
@click.option("--side", default="", hidden=True)
@click.option("--url", default="", hidden=True)
def cli(pods: int, rounds: int, kopf: str, side: str, url: str) -> None:
    """Measure all sides, or be one of them."""
    if side:
        SIDES[side](url, pods, rounds)
        return
    with tempfile.TemporaryDirectory(prefix="leadline-watch-") as folder:
        found = {
            "leadline": measure(sys.executable, "leadline", pods, rounds),
            "kubernetes": measure(sys.executable, "kubernetes", pods, 1),
        }
        if kopf and (python := install(Path(folder), f"kopf=={kopf}", "click")):
            found["kopf"] = measure(python, "kopf", pods, 1)
    show(found)
    ours = found["leadline"]
    if ours["event"] > CPU or ours["peak"] > MEMORY:
        raise SystemExit(1)


def install(folder: Path, *packages: str) -> str:
    """Return the Python of a new environment with some packages; empty where that fails."""
    venv.create(folder / "kopf", with_pip=True)
    python = str(folder / "kopf" / "bin" / "python")
    command = [python, "-m", "pip", "install", "-q", *packages]
    done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - no shell
    return python if done.returncode == 0 else ""


def measure(python: str, side: str, pods: int, rounds: int) -> dict[str, float]:
    """Run one side against a server of its own and return what it said of itself."""
    command = [sys.executable, __file__, "--side", "server", "--pods", str(pods)]
    server = subprocess.Popen(  # noqa: S603 - ourselves, no shell
        [*command, "--rounds", str(rounds)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None  # noqa: S101 - it was piped
    url = server.stdout.readline().strip()
    try:
        done = subprocess.run(  # noqa: S603 - as above
            [python, __file__, "--side", side, "--url", url, "--pods", str(pods),
             "--rounds", str(rounds)],
            check=True, stdout=subprocess.PIPE, text=True, timeout=LONGEST,
        )  # fmt: skip
    finally:
        server.kill()
        server.wait()
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def show(found: Mapping[str, Mapping[str, float]]) -> None:
    """Print the table, with ratios to Leadline."""
    print(f"{'':12}{'µs/pod listed':>15}{'µs/event':>10}{'times':>8}{'events/s':>10}{'MiB':>8}")
    ours = found["leadline"]
    for side, said in found.items():
        times = said["event"] / ours["event"]
        print(
            f"{side:12}{said['list'] * 1e6:15.1f}{said['event'] * 1e6:10.1f}{times:8.1f}"
            f"{said['rate']:10.0f}{said['peak']:8.0f}"
        )


# The sides.


@dataclass(slots=True)
class Meter:
    """Counts events of one side, and says what list and events took."""

    pods: int
    events: int
    began: float = 0.0
    listed: float = 0.0
    wall: float = 0.0
    seen: int = 0

    def begin(self) -> None:
        """Everything is imported; the list comes next."""
        self.began = time.process_time()

    def list_done(self) -> None:
        """The list is read; events come next."""
        self.listed, self.wall = time.process_time(), time.perf_counter()

    def event(self) -> bool:
        """Count an event; True for the last one."""
        self.seen += 1
        return self.seen == self.events

    def tell(self) -> None:
        """Print what was measured, and end the process: its threads wait on sockets."""
        now, wall = time.process_time(), time.perf_counter()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        said = {
            "list": (self.listed - self.began) / self.pods,
            "event": (now - self.listed) / self.events,
            "rate": self.events / (wall - self.wall),
            "peak": peak,
        }
        print(json.dumps(said), flush=True)
        os._exit(0)


def leadline(url: str, pods: int, rounds: int) -> None:
    """Follow with Leadline's adapter: each event becomes an observation of its set."""
    from bot.cluster import Found, Observation, Scope  # noqa: PLC0415 - kopf's Python has no bot
    from bot.cluster.kube import KubernetesClusters  # noqa: PLC0415 - as above
    from gitops.clock import SystemClock  # noqa: PLC0415 - as above

    meter, found = Meter(pods, pods * rounds), 0

    def report(each: Found) -> None:
        nonlocal found
        if not isinstance(each, Observation):
            return
        found += 1
        if found == pods // SIZE:
            meter.list_done()
        elif found > pods // SIZE and meter.event():
            meter.tell()

    with kubeconfig(url) as config:
        clusters = KubernetesClusters(config, SystemClock())
        meter.begin()
        clusters.follow(Scope("", "ml"), report, threading.Event())


def official(url: str, pods: int, rounds: int) -> None:
    """Follow with the official client as its manual shows it."""
    from kubernetes import client, watch  # noqa: PLC0415 - kopf's Python has none

    meter = Meter(pods, pods * rounds)
    api = client.CoreV1Api(client.ApiClient(client.Configuration(host=url)))
    meter.begin()
    listed = api.list_namespaced_pod("ml")
    known = {read(item.metadata.name, item.metadata.resource_version) for item in listed.items}
    version = listed.metadata.resource_version
    meter.list_done()
    stream = watch.Watch().stream(api.list_namespaced_pod, "ml", resource_version=version)
    for event in stream:
        item = event["object"]
        known.add(read(item.metadata.name, item.metadata.resource_version))
        ready = [each.status for each in item.status.conditions if each.type == "Ready"]
        restarts = [each.restart_count for each in item.status.container_statuses]
        if ready and restarts and meter.event():
            meter.tell()


def read(*words: str) -> tuple[str, ...]:
    """Keep what every side keeps."""
    return words


def operator(url: str, pods: int, rounds: int) -> None:
    """Follow with kopf's event handler."""
    import kopf  # noqa: PLC0415 - only its own Python has it

    meter, listed = Meter(pods, pods * rounds), 0

    @kopf.on.login()  # type: ignore[untyped-decorator] # a package without types
    def login(**_: object) -> Any:  # noqa: ANN401 - kopf's own
        return kopf.ConnectionInfo(server=url)

    @kopf.on.event("pods")  # type: ignore[untyped-decorator] # as above
    def heard(event: Answer, name: str, status: Answer, **_: object) -> None:
        nonlocal listed
        if event["type"] is None:
            listed += 1
            if listed == pods:
                meter.list_done()
            return
        ready = [each["status"] for each in status["conditions"] if each["type"] == "Ready"]
        restarts = [each["restartCount"] for each in status["containerStatuses"]]
        if name and ready and restarts and meter.event():
            meter.tell()

    meter.begin()
    logging.getLogger("kopf").setLevel(logging.ERROR)  # it would log each event
    kopf.run(standalone=True, namespaces=["ml"])


class kubeconfig:  # noqa: N801 - used as a with statement's verb
    """A file that leads to a server."""

    def __init__(self, url: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "kubeconfig"
        named = {"cluster": "c", "user": "u"}
        config = {
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": named}],
            "current-context": "x",
        }
        self._file.write_text(json.dumps(config), encoding="utf-8")

    def __enter__(self) -> str:
        return str(self._file)

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


# The server.


def pod(number: int, version: int, *, ready: bool) -> bytes:
    """Return a pod of WEIGHT bytes, with the managedFields that real ones are full of."""
    group = number // SIZE
    name = f"m{group}-0-{number % SIZE}"
    item = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": "ml",
            "uid": f"00000000-0000-4000-8000-{number:012}",
            "resourceVersion": str(version),
            "creationTimestamp": "2026-11-24T09:00:00Z",
            "labels": {
                f"{LABEL}name": f"m{group}",
                f"{LABEL}group-index": "0",
                f"{LABEL}worker-index": str(number % SIZE),
                f"{LABEL}template-revision-hash": "5c8d7f9b",
            },
            "managedFields": [],
        },
        "spec": {
            "containers": [
                {"name": "engine", "image": "vllm/vllm-openai:v0.11.0", "resources": {}}
            ],
            "nodeName": "gpu-node-1",
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": kind, "status": "True" if ready else "False",
                 "lastTransitionTime": "2026-11-24T09:00:00Z"}
                for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [
                {"name": "engine", "ready": ready, "restartCount": 0, "started": True,
                 "image": "vllm/vllm-openai:v0.11.0", "imageID": "sha256:0",
                 "state": {"running": {"startedAt": "2026-11-24T09:00:00Z"}}}
            ],
        },
    }  # fmt: skip
    entry = {"manager": "kubelet", "operation": "Update", "apiVersion": "v1",
             "time": "2026-11-24T09:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {}}  # fmt: skip
    short = WEIGHT - len(json.dumps(item)) - len(json.dumps(entry))
    entry["fieldsV1"] = {f"f:field{each:03}": {"f:x": {}} for each in range(short // 24)}
    item["metadata"]["managedFields"] = [entry]  # type: ignore[index] # the dictionary above
    return json.dumps(item).encode()


def lws(number: int) -> bytes:
    """Return a LeaderWorkerSet."""
    metadata = {"name": f"m{number}", "namespace": "ml", "uid": f"s{number}"}
    spec = {"replicas": 1, "leaderWorkerTemplate": {"size": SIZE}}
    return json.dumps({"metadata": metadata, "spec": spec}).encode()


NAMESPACE = b'{"metadata":{"name":"ml","uid":"n1","resourceVersion":"1"}}'
RESOURCES = {"pods": "Pod", "events": "Event", "namespaces": "Namespace"}


def serve(_url: str, pods: int, rounds: int) -> None:
    """Answer lists, and one watch of pods with every change; then be silent."""
    listed = [pod(number, 1, ready=False) for number in range(pods)]
    lines = [
        b'{"type":"MODIFIED","object":' + pod(number, 2 + turn, ready=turn % 2 == 0) + b"}\n"
        for turn in (0, 1)
        for number in range(pods)
    ]
    chunks = [f"{len(line):x}\r\n".encode() + line + b"\r\n" for line in lines]
    sets = [lws(number) for number in range(pods // SIZE)]
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)

        def events() -> Iterable[bytes]:
            for turn in range(rounds):
                yield from chunks[(turn % 2) * pods : (turn % 2 + 1) * pods]

        while True:
            connection, _ = listener.accept()
            args = (connection, listed, sets, events)
            threading.Thread(target=answer_all, args=args, daemon=True).start()


def answer_all(
    connection: socket.socket,
    listed: list[bytes],
    sets: list[bytes],
    events: Callable[[], Iterable[bytes]],
) -> None:
    """Answer the calls of a connection."""
    with connection, connection.makefile("rb") as lines:
        while head := lines.readline():
            while lines.readline().strip():
                pass
            target = urllib.parse.urlsplit(head.split()[1].decode())
            query = dict(urllib.parse.parse_qsl(target.query))
            kind = target.path.rpartition("/")[2]
            if query.get("watch") in {"true", "True"}:
                start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                connection.sendall(start + b"Transfer-Encoding: chunked\r\n\r\n")
                if kind == "pods":
                    for chunk in events():
                        connection.sendall(chunk)
                threading.Event().wait()
            found = {"pods": listed, "leaderworkersets": sets, "namespaces": [NAMESPACE]}
            items = found.get(kind, [])
            body = discovery(target.path) or page(items, query)
            head_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head_}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def page(items: list[bytes], query: Mapping[str, str]) -> bytes:
    """Return one page of a list."""
    at, limit = int(query.get("continue", "0")), int(query.get("limit", "0")) or len(items)
    rest = str(at + limit) if at + limit < len(items) else ""
    metadata = json.dumps({"resourceVersion": "1", "continue": rest}).encode()
    head = b'{"kind":"PodList","apiVersion":"v1","metadata":' + metadata
    return head + b',"items":[' + b",".join(items[at : at + limit]) + b"]}"


def discovery(path: str) -> bytes:
    """Return what an API server says of itself, for kopf; empty for a collection."""
    said: dict[str, Any] = {
        "/api": {"versions": ["v1"]},
        "/apis": {"groups": []},
        "/version": {"major": "1", "minor": "33"},
        "/api/v1": {
            "groupVersion": "v1",
            "resources": [
                {"name": name, "singularName": kind.lower(), "namespaced": name != "namespaces",
                 "kind": kind, "verbs": ["get", "list", "watch", "patch", "create"]}
                for name, kind in RESOURCES.items()
            ],
        },
    }  # fmt: skip
    return json.dumps(said[path]).encode() if path in said else b""


SIDES: dict[str, Callable[[str, int, int], None]] = {
    "server": serve,
    "leadline": leadline,
    "kubernetes": official,
    "kopf": operator,
}

if __name__ == "__main__":
    main()
