"""The Dockerfile, as far as that goes without Docker: its install lines, run in a fresh folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.documents import load_all

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
MOST = 260
"""Megabytes that packages and kubectl may take, as `du` counts."""

REPLAYED = pytest.mark.skipif(
    "LEADLINE_TEST_IMAGE" not in os.environ,
    reason="installs every package anew, over a minute; LEADLINE_TEST_IMAGE=1 as in .ci/run",
)


def stages():
    """Return the instructions of each stage, as words: the instruction, then the rest."""
    found = []
    for line in DOCKERFILE.splitlines():
        if line.startswith("FROM "):
            found.append([])
        elif line and not line.startswith("#"):
            found[-1].append(line.split(maxsplit=1))
    return found


def value(instruction):
    [found] = [rest for name, rest in stages()[-1] if name == instruction]
    return found


def test_the_image_runs_as_somebody_without_rights_and_holds_only_what_was_installed():
    assert value("USER") == "10001:10001"
    assert value("COPY") == "--from=build /opt/leadline /opt/leadline"
    assert value("ENTRYPOINT") == '["leadline"]'


def test_the_bases_own_pip_goes_before_the_image_runs_as_somebody():
    names = [name for name, _ in stages()[-1]]
    [line] = [rest for name, rest in stages()[-1] if name == "RUN" and "pip uninstall" in rest]
    gone, folder = line.split(" && ")

    assert {"pip", "setuptools", "wheel", "--yes"} <= {*gone.split()}
    assert folder.endswith("/ensurepip")  # which would bring it back
    assert names.index("USER") > names.index("RUN")


def test_the_image_asks_itself_for_a_sign_of_life():
    command = re.search(r"CMD (\[.*\])", value("HEALTHCHECK"))[1]

    [words] = load_all(command)
    assert words[:2] == ["python", "-c"]
    assert "/healthz" in words[2]
    compile(words[2], "HEALTHCHECK", "exec")


def test_the_procfile_runs_every_role_with_a_port_of_its_own():
    lines = dict(line.split(": ") for line in (ROOT / "Procfile").read_text("utf-8").splitlines())

    assert {name: line.split()[1:] for name, line in lines.items()} == {
        role: ["leadline", role] for role in ("serve", "work", "watch")
    }
    assert len({line.split()[0] for line in lines.values()}) == len(lines)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Run the COPY and RUN lines of the build stage, in a folder that stands for the root."""
    place = tmp_path_factory.mktemp("image")
    (place / "src").mkdir()
    for name, rest in stages()[0]:
        if name == "COPY":
            copy(place / "src", rest.split()[0])
        elif name == "RUN":
            run(rest.replace("/opt/leadline", str(place / "leadline")), place / "src")
    return place / "leadline"


def copy(target, what):
    """Copy what .dockerignore lets through of a path."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    for path in allowed if what == "." else [what]:
        source, to = ROOT / path, target / path
        to.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to)


def run(line, folder):
    """Run a line with this Python and pip; the machine's cache may be used."""
    line = line.replace("--no-cache-dir ", "").replace(
        "python3.11/", f"{Path(os.__file__).parent.name}/"
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["sh", "-ec", line],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@REPLAYED
def test_packages_and_kubectl_stay_small(image):
    size = subprocess.run(["du", "-sm", image], capture_output=True, text=True, check=True).stdout

    assert int(size.split()[0]) <= MOST


@REPLAYED
def test_what_was_installed_runs_alone(image):
    """No package of this environment is behind it, and pip did not come along."""
    names = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "GITHUB_TOKEN", "REDIS_URL")
    said = subprocess.run(
        [image / "bin" / "leadline", "run"], env={}, capture_output=True, text=True, check=False
    )

    assert said.returncode == 2
    assert [name for name in names if name not in said.stderr] == []
    assert (image / "bin" / "kubectl").is_file()
    assert not (image / "bin" / "pip").exists()
