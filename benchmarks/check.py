"""Script: what a check of 1,000 overlays costs, against one `kubectl kustomize` for each.

Both are taken in one run on the same files. CPU is user and system time of this process and of its
children (getrusage), in ms an overlay; our side pays for all that `leadline check` does, the other
only for building. The run fails where bytes or verdicts differ, or a target is
missed: a quarter of the CPU, and 1 s of wall time from a change to its findings, with the start of
Python in it.
"""

import datetime as dt
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from gitops import assets, settings
from gitops.batch import Built, Output, build_all
from gitops.catalog import Catalog
from gitops.checks import LINTS, Facts, review_all
from gitops.deployment import NEWEST_LWS
from gitops.documents import load_all
from gitops.engine import Engine
from gitops.environment import Environment, write_environment
from gitops.inspection import Report, inspect, overlays_below
from gitops.overlay import render
from gitops.request import Changes, DeployRequest
from gitops.resolve import resolve
from gitops.workspace import WorkingCopy

RATIO = 4.0
"""At least this many times less CPU than one process an overlay."""

WALL = 1.0
"""Longest from a change to its findings, in seconds."""

FAULTS = 50
"""One overlay in so many has a fault, so that verdicts differ."""

FAULT = "- {op: replace, path: /spec/startupPolicy, value: LeaderReady}\n"

TODAY = dt.date(2026, 1, 1)

IDS = {lint.id for lint in LINTS}


@click.command()
@click.option("--overlays", "count", default=1000, show_default=True)
def main(count: int) -> None:
    """Measure, print a table, and fail where a target is missed."""
    with tempfile.TemporaryDirectory(prefix="leadline-benchmark-") as name:
        measure(Path(name), count)


def measure(root: Path, count: int) -> None:
    """Make a repository of `count` overlays and measure both ways of checking it."""
    make(root, count)
    overlays = overlays_below(root, [root / "overlays"])
    start, clock = cpu(), time.perf_counter()
    reports = inspect(WorkingCopy(root), overlays, TODAY)
    checked, checked_wall = cpu() - start, time.perf_counter() - clock
    start = cpu()
    built = build_all(root, overlays)
    batch = cpu() - start
    start, clock = cpu(), time.perf_counter()
    texts = {overlay: kustomize(root / overlay) for overlay in overlays}
    single, single_wall = cpu() - start, time.perf_counter() - clock
    same = compare(built, reports, texts)
    changed = changed_wall(root, overlays[count // 2])
    click.echo(f"{'':34}{'CPU ms/overlay':>16}{'CPU s':>9}{'wall s':>9}")
    row("one kubectl kustomize an overlay", single, single_wall, count)
    row("leadline check, everything on", checked, checked_wall, count)
    row("  of this, builds in batches", batch, None, count)
    click.echo(f"ratio {single / checked:.2f} (target {RATIO:g})")
    faults = sum(report.refused for report in reports)
    click.echo(f"same bytes and verdicts: {same} of {count}, {faults} of them refused")
    click.echo(f"one overlay changed: {changed:.2f} s wall (target {WALL:g})")
    if same != count or single / checked < RATIO or changed > WALL:
        raise SystemExit(1)


def make(root: Path, count: int) -> None:
    """Write overlays that differ in name, engine, groups and pods, and commit them."""
    catalog = Catalog.load()
    shutil.copytree(assets.root() / "kustomize", root / "kustomize")
    for number in range(count):
        engine = list(Engine)[number % len(Engine)]
        changes = Changes(replicas=1 + number % 5, tensor=2 << number % 3)
        name = f"m{number:04d}-{engine.value}"
        request = DeployRequest("qwen3-32b", engine, name, changes=changes)
        deployment = resolve(request, Environment(name="bench"), catalog)
        files = render(deployment).all_files
        if number % FAULTS == 1:
            files[f"{deployment.folder}/leaderworkerset.yaml"] += FAULT
        write(root, files)
    write(root, {"overlays/bench/environment.yaml": write_environment(Environment(name="bench"))})
    for words in (["init", "-q"], ["add", "-A"], [*AUTHOR, "commit", "-qm", "overlays"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)  # noqa: S603, S607 - our words


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


AUTHOR = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@leadline.invalid"]


def kustomize(overlay: Path) -> str:
    """Build one overlay in a process of its own."""
    command = [settings.kubectl(), "kustomize", str(overlay)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - an argument list


def compare(
    built: Mapping[Path, Built], reports: Sequence[Report], texts: Mapping[Path, str]
) -> int:
    """Return how many overlays have the same bytes and findings both ways."""
    told = {report.folder: {f for f in report.findings if f.rule in IDS} for report in reports}
    alone = {overlay: Output(text, load_all(text)) for overlay, text in texts.items()}
    manifests = {overlay.as_posix(): output.manifests for overlay, output in alone.items()}
    expected = review_all(manifests, TODAY, facts=Facts(lws=NEWEST_LWS))
    return sum(
        built[overlay] == output and told[overlay.as_posix()] == set(expected[overlay.as_posix()])
        for overlay, output in alone.items()
    )


def changed_wall(root: Path, overlay: Path) -> float:
    """Change one overlay; return the seconds that `leadline check --changed-since` needs."""
    patch = root / overlay / "service.yaml"
    patch.write_text(patch.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    leadline = str(Path(sys.executable).parent / "leadline")
    command = [leadline, "check", str(root / "overlays"), "--changed-since", "HEAD", "--json"]
    start = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    wall = time.perf_counter() - start
    if [report["folder"] for report in json.loads(result.stdout)] != [overlay.as_posix()]:
        raise SystemExit(f"checking the change: expected {overlay.name}, got {result.stdout}")
    return wall


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
