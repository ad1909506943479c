# noqa: INP001 - a script: python benchmarks/check.py
"""Script: what a check of 1,000 overlays costs, against one `kubectl kustomize` for each.

Both are taken in one run on the same files. CPU is user and system time of this process and of its
children (getrusage), in ms an overlay; the batch pays for reading, building, parsing and all lints,
the other side only for building. The run fails where bytes or verdicts differ, or a target is
missed: a quarter of the CPU, and 1 s of wall time from a change to its findings, with the start of
Python in it.
"""

import datetime as dt
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from gitops import assets, settings
from gitops.batch import Built, Output, build_all
from gitops.catalog import Catalog, Defaults
from gitops.checks import Finding, review_all
from gitops.documents import load_all
from gitops.engine import Engine
from gitops.history import changed_paths, touched_overlays
from gitops.overlay import render
from gitops.request import DeployRequest

RATIO = 4.0
"""At least this many times less CPU than one process an overlay."""

WALL = 1.0
"""Longest from a change to its findings, in seconds."""

FAULTS = 50
"""One overlay in so many has a fault, so that verdicts differ."""

FAULT = "- {op: replace, path: /spec/startupPolicy, value: LeaderReady}\n"

TODAY = dt.date(2026, 1, 1)


@click.command()
@click.option("--overlays", "count", default=1000, show_default=True)
@click.option("--changed", "repository", type=click.Path(path_type=Path), hidden=True)
def main(count: int, repository: Path | None) -> None:
    """Measure, print a table, and fail where a target is missed."""
    if repository:
        check_changed(repository)
        return
    with tempfile.TemporaryDirectory(prefix="leadline-benchmark-") as name:
        measure(Path(name), count)


def measure(root: Path, count: int) -> None:
    """Make a repository of `count` overlays and measure both ways of checking it."""
    make(root, count)
    overlays = found(root)
    start, clock = cpu(), time.perf_counter()
    built = build_all(root, overlays)
    middle = cpu()
    verdicts = reviewed(root, built)
    batch, lints, batch_wall = cpu() - start, cpu() - middle, time.perf_counter() - clock
    start, clock = cpu(), time.perf_counter()
    texts = {overlay: kustomize(overlay) for overlay in overlays}
    single, single_wall = cpu() - start, time.perf_counter() - clock
    same = compare(root, built, verdicts, texts)
    changed = changed_wall(root, overlays[count // 2])
    click.echo(f"{'':34}{'CPU ms/overlay':>16}{'CPU s':>9}{'wall s':>9}")
    row("one kubectl kustomize an overlay", single, single_wall, count)
    row("batches of 64, and all checks", batch, batch_wall, count)
    row("  of this, checks", lints, None, count)
    click.echo(f"ratio {single / batch:.2f} (target {RATIO:g})")
    found_faults = sum(map(len, verdicts.values()))
    click.echo(f"same bytes and verdicts: {same} of {count}, with {found_faults} findings")
    click.echo(f"one overlay changed: {changed:.2f} s wall (target {WALL:g})")
    if same != count or single / batch < RATIO or changed > WALL:
        raise SystemExit(1)


def make(root: Path, count: int) -> None:
    """Write overlays that differ in name, engine, groups and pods, and commit them."""
    catalog = Catalog.load()
    shutil.copytree(assets.root() / "kustomize", root / "kustomize")
    for number in range(count):
        engine = list(Engine)[number % len(Engine)]
        request = DeployRequest(
            "qwen3-32b",
            engine,
            name=f"m{number:04d}-{engine.value}",
            replicas=1 + number % 5,
            tensor_parallel_size=2 << number % 3,
        )
        deployment = catalog.resolve(request, Defaults())
        files = dict(render(deployment, catalog.recipe(engine)).files)
        if number % FAULTS == 1:
            files[f"{deployment.folder}/leaderworkerset.yaml"] += FAULT
        write(root, files)
    for words in (["init", "-q"], ["add", "-A"], [*AUTHOR, "commit", "-qm", "overlays"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)  # noqa: S603, S607 - our words


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


AUTHOR = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@leadline.invalid"]


def found(root: Path) -> list[Path]:
    """Return the overlays of a repository."""
    return sorted(file.parent for file in (root / "overlays").rglob("kustomization.yaml"))


def reviewed(root: Path, built: Mapping[Path, Built]) -> Mapping[str, tuple[Finding, ...]]:
    """Return the findings of everything that was built."""
    outputs = {o: b.manifests for o, b in built.items() if isinstance(b, Output)}
    return review_all({o.relative_to(root).as_posix(): m for o, m in outputs.items()}, TODAY)


def kustomize(overlay: Path) -> str:
    """Build one overlay in a process of its own."""
    command = [settings.kubectl(), "kustomize", str(overlay)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - an argument list


def compare(
    root: Path,
    built: Mapping[Path, Built],
    verdicts: Mapping[str, tuple[Finding, ...]],
    texts: Mapping[Path, str],
) -> int:
    """Return how many overlays have the same bytes and findings both ways."""
    alone: dict[Path, Built] = {
        overlay: Output(text, load_all(text)) for overlay, text in texts.items()
    }
    expected = reviewed(root, alone)
    return sum(
        built[overlay] == alone[overlay] and verdicts[name] == expected[name]
        for overlay in texts
        if (name := overlay.relative_to(root).as_posix()) in verdicts
    )


def changed_wall(root: Path, overlay: Path) -> float:
    """Change one overlay; return the seconds that a new process needs to check the change."""
    patch = overlay / "service.yaml"
    patch.write_text(patch.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    start = time.perf_counter()
    command = [sys.executable, __file__, "--changed", str(root)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    wall = time.perf_counter() - start
    if result.stdout.split() != [overlay.relative_to(root).as_posix(), "0"]:
        raise SystemExit(f"checking the change: expected {overlay.name}, got {result.stdout}")
    return wall


def check_changed(root: Path) -> None:
    """Check what differs from HEAD and print each overlay with its number of findings."""
    overlays = touched_overlays(root, changed_paths(root, "HEAD"), found(root))
    for name, findings in reviewed(root, build_all(root, overlays)).items():
        click.echo(f"{name} {len(findings)}")


def cpu() -> float:
    """Return user and system time of this process and its ended children, in seconds."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def row(name: str, seconds: float, wall: float | None, count: int) -> None:
    """Print a line of the table."""
    shown = "" if wall is None else f"{wall:9.1f}"
    click.echo(f"{name:34}{seconds / count * 1000:16.2f}{seconds:9.1f}{shown}")


if __name__ == "__main__":
    main()
