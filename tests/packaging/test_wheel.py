"""The wheel works away from the checkout: bases, catalogue and templates travel with it."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def leadline(tmp_path_factory):
    """A fresh environment with our wheel, and this one's packages behind it; returns a runner."""
    place = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(place), str(ROOT)], place)  # fmt: skip
    [wheel] = place.glob("leadline-*.whl")
    venv.create(place / "venv", with_pip=False)
    python = place / "venv" / "bin" / "python"
    run([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps",
         "--no-index", str(wheel)], place)  # fmt: skip
    [site] = (place / "venv").glob("lib/python*/site-packages")
    # A path file adds the packages we depend on; path files inside that folder are not read, so
    # the editable install of this checkout stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return lambda *words: run([str(python.parent / "leadline"), *words], place)


def run(command, folder):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["LEADLINE_KUBECTL"] = str(Path(sys.executable).parent / "kubectl")
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_verbs_are_there(leadline):
    help_ = leadline("--help")

    for verb in ("check", "render", "run", "sandbox"):
        assert verb in help_


def test_an_overlay_of_the_wheel_is_checked_and_rendered(leadline, tmp_path):
    code = "import gitops.assets; print(gitops.assets.root())"
    root = Path(python_says(leadline, code))
    assert not root.is_relative_to(ROOT)

    assert leadline("check", str(root / "overlays" / "example")).count("ok ") == 3
    assert "kind: LeaderWorkerSet" in leadline(
        "render", str(root / "overlays" / "example" / "qwen3-32b-vllm")
    )


def python_says(leadline, code):
    python = Path(leadline.__closure__[1].cell_contents)
    return run([str(python), "-c", code], python.parent).strip()
