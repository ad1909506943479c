"""The wheel works away from the checkout: bases, catalogue and templates travel with it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitops.documents import load

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Installed:
    """A fresh environment with our wheel in it."""

    python: Path

    def leadline(self, *words, folder, **variables):
        """Run the installed `leadline` in a folder; return what it printed."""
        return run([str(self.python.parent / "leadline"), *words], folder, variables)

    def says(self, code):
        """Return what the environment's Python prints for some code."""
        return run([str(self.python), "-c", code], self.python.parent).strip()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the wheel and install it, with this environment's packages behind it."""
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
    return Installed(python)


def run(command, folder, variables=None):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["LEADLINE_KUBECTL"] = str(Path(sys.executable).parent / "kubectl")
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment | (variables or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def commit(folder):
    author = ["-c", "user.name=alice", "-c", "user.email=alice@example.com"]
    run(["git", *author, "add", "--all"], folder)
    run(["git", *author, "commit", "--quiet", "--message", "Work."], folder)


def test_the_verbs_are_there(installed, tmp_path):
    help_ = installed.leadline("--help", folder=tmp_path)

    for verb in ("check", "deploy", "diff", "init", "render", "run", "sandbox"):
        assert verb in help_


def test_the_examples_of_the_wheel_are_checked_and_rendered(installed, tmp_path):
    root = Path(installed.says("import gitops.assets; print(gitops.assets.root())"))
    assert not root.is_relative_to(ROOT)
    for part in ("overlays", "kustomize"):
        shutil.copytree(root / part, tmp_path / part)

    assert installed.leadline("check", folder=tmp_path).count("ok ") == 3
    built = installed.leadline("render", "overlays/example/qwen3-32b-vllm", folder=tmp_path)
    assert "kind: LeaderWorkerSet" in built


@pytest.fixture
def repository(installed, tmp_path):
    """Make a repository with the wheel, and one deployment in it that `main` does not have."""
    words = ("init", "team", "--with", "argocd", "--leadline-source", "./wheels/leadline.whl")
    installed.leadline(*words, folder=tmp_path)
    folder = tmp_path / "team"
    if not (folder / ".git").exists():
        run(["git", "init", "--quiet", "--initial-branch", "main"], folder)
    commit(folder)
    run(["git", "switch", "--quiet", "--create", "work"], folder)
    installed.leadline("deploy", "qwen3-32b", "sglang", "chat", folder=folder)
    commit(folder)
    return folder


def test_a_new_repository_takes_a_deployment_and_builds_it(installed, repository):
    assert "ok " in installed.leadline("check", folder=repository)
    [overlay] = repository.glob("overlays/*/chat")
    assert "kind: LeaderWorkerSet" in installed.leadline("render", str(overlay), folder=repository)


def test_the_workflow_of_a_new_repository_runs(installed, repository):
    """Its own lines are run, by the shell that runs them there."""
    workflow = load((repository / ".github/workflows/leadline.yaml").read_text(), "workflow")
    steps = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step][1:]
    summary = repository.parent / "summary.md"
    path = f"{installed.python.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"BASE": "main", "GITHUB_STEP_SUMMARY": str(summary), "PATH": path}

    said = [run(["bash", "-ec", step], repository, variables) for step in steps]

    assert len(said) == 2
    assert "::error" not in said[0]
    assert "chat" in summary.read_text()
