"""Starts real vLLM on this machine's CPU, one process or a leader and a headless worker.

`LEADLINE_TEST_VLLM` names the virtual environment that `make test-engine` installs.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
    "GLOO_SOCKET_IFNAME": "lo",
    "VLLM_HOST_IP": "127.0.0.1",
}
SHARED = ("--served-model-name", "qwen3-32b", "--max-model-len", "2048", "--enforce-eager")
PATIENCE = 600  # seconds until an engine must serve; the first start compiles and reads slowly


def installed():
    """Return the virtual environment of the engine, or None."""
    place = os.environ.get("LEADLINE_TEST_VLLM")
    return Path(place) if place else None


def make_model(folder):
    """Make the tiny model with the engine's own libraries."""
    script = Path(__file__).with_name("tiny_model.py")
    _run_python(script, folder)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """One `vllm serve` with its children, in a process group of its own."""

    def __init__(self, words, log, **environment):
        self._log = log
        program = installed() / "bin" / "vllm"
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                ["nice", "-n", "10", program, "serve", *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | ENVIRONMENT | environment,
                cwd=log.parent,
                start_new_session=True,
            )

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait(30)

    def ended(self):
        return self._child.poll() is not None

    def log(self):
        return self._log.read_text("utf-8", errors="replace")


class Engine:
    """A running engine: its port, what it said while it started, and how long that took."""

    def __init__(self, port, leader, worker=None):
        self.port = port
        self.leader = leader
        self.worker = worker
        self.before = set()
        self.seconds = 0.0

    def await_ready(self):
        begun = time.monotonic()
        while (answer := health(self.port)) != 200:
            self.before.add(answer)
            if self.leader.ended() or time.monotonic() > begun + PATIENCE:
                raise AssertionError(f"vLLM did not start:\n{self.leader.log()[-4000:]}")
            time.sleep(0.2)  # another program's start is no clock of ours
        self.seconds = time.monotonic() - begun

    def facts(self):
        """Return its own lines on the KV cache, without stamps."""
        return re.findall(r"(\w+ KV cache size: .*)", self.leader.log())


def health(port):
    """Return the status of /health, or "refused"."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (urllib.error.URLError, OSError):
        return "refused"


@contextlib.contextmanager
def single(model, folder, *words):
    """Run one process."""
    port = free_port()
    listen = ("--host", "127.0.0.1", "--port", str(port))
    leader = Process((model, *SHARED, *listen, *words), folder / "vllm.log")
    yield from _serving(Engine(port, leader), leader)


@contextlib.contextmanager
def pair(model, folder, *words):
    """Run a leader and a headless worker over two ranks, as two pods of a group would."""
    port, master = free_port(), free_port()
    group = ("--dtype", "bfloat16", "-tp", "2", "--nnodes", "2", "--master-addr", "127.0.0.1")
    shared = (model, *SHARED, *group, "--master-port", str(master), *words)
    listen = ("--host", "127.0.0.1", "--port", str(port))
    leader = Process(
        (*shared, "--node-rank", "0", *listen),
        folder / "leader.log",
        VLLM_CPU_OMP_THREADS_BIND="0",
    )
    worker = Process(
        (*shared, "--node-rank", "1", "--headless"),
        folder / "worker.log",
        VLLM_CPU_OMP_THREADS_BIND="1",
    )
    yield from _serving(Engine(port, leader, worker), leader, worker)


def _serving(engine, *processes):
    try:
        engine.await_ready()
        yield engine
    finally:
        for process in processes:
            process.kill()


def _run_python(script, *words):
    python = installed() / "bin" / "python"
    done = subprocess.run(
        ["nice", "-n", "10", python, script, *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
