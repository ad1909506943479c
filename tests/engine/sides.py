"""The two sides of the contract: the sandbox's engine and a real vLLM, behind one face."""

import contextlib
import urllib.parse

from sandbox.clock import Time
from sandbox.cluster import Cluster, Speeds
from sandbox.engine import Engine, Pace
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.serving import serving
from tests.engine.raw import MODEL, Side
from tests.sandbox.test_cluster_bench import TOKENS, lws
from tests.sandbox.test_engine_bench import service

KEY = "sesame"
IMAGE = "vllm:v0.32.0"
PARSER = ("--reasoning-parser", "qwen3")
HOST = "qwen-leader.default.svc:8000"
OFF = {"chat_template_kwargs": {"enable_thinking": False}}
RATE = 40.0  # sandbox seconds in a real one
PACE = Pace(first=0.4, token=0.1)  # of the sandbox: a tiny model on a CPU is as fast
SPEEDS = Speeds(pull=0, start=0, load=20, worker_ready=0, stop=0)  # half a real second


class Group(Side):
    """An engine over two pods or processes, whose worker can die."""

    def __init__(self, address, kill_worker, before, **words):
        super().__init__(address, **words)
        self.kill_worker = kill_worker
        self.before = before  # what /health said while it started


@contextlib.contextmanager
def sandboxed(*words, size=1):
    """Serve an engine of the sandbox that is started with these words."""
    clock, journal, faults = Time(rate=RATE), Journal(), Faults()
    cluster = Cluster(clock, journal, tokens=TOKENS, speeds=SPEEDS)
    engine = Engine(clock, journal, cluster, PACE)
    body = _deployment(words, size)
    cluster.start()
    cluster.apply({"kind": "Service", "apiVersion": "v1", **_placed(service())})
    cluster.apply(_placed(body))
    with serving(engine.world(), faults) as server:
        address = urllib.parse.urlsplit(server.url).netloc
        yield address, engine, _before(Side(address, host=HOST))
    cluster.stop()


def _before(side):
    """Wait until an engine is healthy, and return what it was before."""
    before = set()
    while (found := side.health()) != 200:
        before.add(found)
        assert len(before) < 5, before
    return before


def _deployment(words, size):
    body = lws(image=IMAGE, size=size)
    template = body["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
    [container] = template["spec"]["containers"]
    container["command"] = ["vllm", "serve", "/models/tiny"]
    container["args"] = ["--served-model-name", MODEL, "--max-model-len", "2048", *words]
    return body


def _placed(item):
    return {**item, "metadata": {**item["metadata"], "namespace": "default"}}
