"""How much CPU `leadline --help` takes, beside Python alone; run: python benchmarks/help.py."""

import resource
import statistics
import subprocess
import sys
from pathlib import Path

RUNS = 15
BUDGET = 0.120  # seconds of CPU


def cpu(*command: str) -> float:
    """Return the median CPU seconds (user and system) of a command over some runs."""
    times = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - no shell
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(times)


def main() -> None:
    """Print the medians; end with 1 when the budget is passed."""
    leadline = str(Path(sys.executable).parent / "leadline")
    python = cpu(sys.executable, "-c", "pass")
    help_ = cpu(leadline, "--help")
    print(f"python -c pass   {python * 1000:6.1f} ms CPU")
    print(f"leadline --help  {help_ * 1000:6.1f} ms CPU ({help_ / python:.1f}×)")
    sys.exit(help_ > BUDGET)


if __name__ == "__main__":
    main()
