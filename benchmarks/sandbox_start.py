"""How long a sandbox takes to start and to end; run: python benchmarks/sandbox_start.py.

Three figures, medians over some runs: all servers in a process that has loaded its modules, the
same as CPU (kustomize and git of the agent and the repository included), and the whole command
from the shell's return key to its line "ready".
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sandbox.worlds import sandbox

RUNS = 15
BUDGET = 1.0  # seconds of wall time for all servers


def cpu() -> float:
    """Return the CPU seconds of this process and its children so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def servers() -> tuple[float, float, float]:
    """Start and end all servers once; return wall, CPU and the wall seconds of the end."""
    with tempfile.TemporaryDirectory() as folder:
        wall, spent = time.perf_counter(), cpu()
        with sandbox(Path(folder)):
            started, used = time.perf_counter() - wall, cpu() - spent
            wall = time.perf_counter()
        return started, used, time.perf_counter() - wall


def command() -> float:
    """Return the wall seconds until `leadline sandbox` says that it is ready."""
    leadline = str(Path(sys.executable).parent / "leadline")
    with tempfile.TemporaryDirectory() as folder:
        wall = time.perf_counter()
        with subprocess.Popen(  # noqa: S603 - no shell
            [leadline, "sandbox", str(Path(folder, "box"))], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None  # noqa: S101 - it was piped
            ready = next(line for line in process.stdout if line.startswith("ready"))
            took = time.perf_counter() - wall if ready else 0.0
            process.terminate()
        return took


def median(measure: Callable[[], float]) -> float:
    """Return the median of some runs."""
    return statistics.median(measure() for _ in range(RUNS))


def main() -> None:
    """Print the medians; end with 1 when starting all servers passes the budget."""
    runs = [servers() for _ in range(RUNS)]
    wall, used, end = (statistics.median(run[at] for run in runs) for at in range(3))
    print(f"all servers, wall            {wall:6.2f} s")
    print(f"all servers, CPU             {used:6.2f} s")
    print(f"their end, wall              {end:6.2f} s")
    print(f"leadline sandbox, wall       {median(command):6.2f} s")
    sys.exit(wall > BUDGET)


if __name__ == "__main__":
    main()
