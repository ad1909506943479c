"""Start to ready, and idle memory, of each role; run: python benchmarks/start.py (about a minute).

A role is started as its Procfile does, against a sandbox in another process. It is ready when its
`/readyz` says so; then it idles for some seconds. Beside it, in the same run: Python alone, and a
process that loads every SDK, as each role would if adapters were imported at the top. Medians.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from gitops.settings import child_environment
from sandbox.worlds import sandbox

RUNS = 5
IDLE = 3.0  # seconds between ready and the measure of memory
ROLES = ("serve", "work", "watch", "run")
EVERY_SDK = "import github, kubernetes.client, openai, redis, slack_bolt.adapter.wsgi, slack_sdk"
BUDGETS = {"serve": (0.8, 70), "work": (2.0, 140), "watch": (2.0, 140), "run": (2.5, 150)}
"""Most CPU seconds to ready, and MiB when idle."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One start: wall and CPU seconds to ready, MiB resident when idle."""

    wall: float
    cpu: float
    memory: float


def cpu_of(process: int) -> float:
    """Return the CPU seconds of a process and the children it has waited for."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def memory_of(process: int) -> float:
    """Return the resident memory of a process, in MiB."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def is_ready(port: str) -> bool:
    """Say whether a process says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except urllib.error.HTTPError:
        return False


def start(role: str, environment: dict[str, str]) -> Figures:
    """Start a role, wait until it is ready, let it idle, and end it."""
    begun = time.perf_counter()
    command = [str(Path(sys.executable).parent / "leadline"), role]
    with subprocess.Popen(  # noqa: S603 - no shell
        command, env=child_environment(environment), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None  # noqa: S101 - it was piped
        port = next(p[1] for line in process.stderr if (p := re.search(r"health_port=(\d+)", line)))
        while not is_ready(port):
            time.sleep(0.01)  # noqa: TID251 - a measure of real time
        wall, cpu = time.perf_counter() - begun, cpu_of(process.pid)
        time.sleep(IDLE)  # noqa: TID251 - as above
        memory = memory_of(process.pid)
        process.terminate()
        process.communicate()
    return Figures(wall, cpu, memory)


def python(code: str) -> Figures:
    """Run some code in a fresh Python."""
    begun = time.perf_counter()
    told = f"{code}\nprint('x', flush=True); input()"
    with subprocess.Popen(  # noqa: S603 - no shell
        [sys.executable, "-c", told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it was piped
        process.stdout.readline()
        found = Figures(time.perf_counter() - begun, cpu_of(process.pid), memory_of(process.pid))
        process.communicate("\n")
    return found


def shown(name: str, runs: list[Figures]) -> Figures:
    """Print the medians of some runs, and return them."""
    wall, cpu, memory = (
        statistics.median(getattr(run, field) for run in runs)
        for field in ("wall", "cpu", "memory")
    )
    print(f"{name:24} {wall:6.2f} s wall {cpu:6.2f} s CPU {memory:6.0f} MiB")
    return Figures(wall, cpu, memory)


def main() -> None:
    """Print the medians; end with 1 when a role passes its budget."""
    shown("python alone", [python("pass") for _ in range(RUNS)])
    shown("python with every SDK", [python(EVERY_SDK) for _ in range(RUNS)])
    past = []
    with tempfile.TemporaryDirectory() as folder, sandbox(Path(folder)) as made:
        for role in ROLES:
            found = shown(role, [start(role, made.environment) for _ in range(RUNS)])
            cpu, memory = BUDGETS[role]
            past += [role] if found.cpu > cpu or found.memory > memory else []
    sys.exit(f"past the budget: {', '.join(past)}" if past else 0)


if __name__ == "__main__":
    main()
