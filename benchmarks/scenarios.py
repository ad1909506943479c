"""How long 100 scenario tests take; run: python benchmarks/scenarios.py.

Plays the scenarios from typed words to what people see, over real processes and sockets, and prints
tests, wall seconds and the seconds that 100 of them would take. Ends with 1 past the budget.
"""

import re
import subprocess
import sys
import time

FILES = ("test_talk.py", "test_bad_inputs.py", "test_edge.py")
AS_MAKE_TEST = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
BUDGET = 60.0  # seconds for 100 tests, on two cores


def main() -> None:
    """Print the figures."""
    pytest = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
    ]  # as make test
    command = [*pytest, *(f"tests/scenarios/{file}" for file in FILES)]
    wall = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    took = time.perf_counter() - wall
    passed = int((re.search(r"(\d+) passed", done.stdout) or [0, "0"])[1])
    if done.returncode or not passed:
        sys.exit(done.stdout[-2_000:])
    hundred = took / passed * 100
    print(f"{passed} scenario tests in {took:.1f} s: {hundred:.1f} s for 100 (budget {BUDGET:.0f})")
    sys.exit(hundred > BUDGET)


if __name__ == "__main__":
    main()
