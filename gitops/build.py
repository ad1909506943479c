"""Real kustomize on real files: an overlay's folder in, manifests out."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitops import assets, settings
from gitops.documents import load_all
from gitops.errors import BuildError
from gitops.overlay import Overlay

TIMEOUT = 30.0
"""Longest a build may take, in seconds; one takes 0.1 s on two shared cores."""

Manifest = dict[str, Any]


def kustomize(folder: Path) -> list[Manifest]:
    """Build the kustomization in `folder` and return its objects.

    Raises:
        BuildError: kustomize refused it, with kustomize's own words.
    """
    command = [settings.kubectl(), "kustomize", "--load-restrictor=LoadRestrictionsRootOnly"]
    try:
        result = subprocess.run(  # noqa: S603 - an argument list, no shell
            [*command, str(folder)], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"building {folder.name}: no answer in {TIMEOUT:.0f} s") from error
    if result.returncode:
        raise BuildError(f"building {folder.name}: {_reason(result.stderr, folder)}")
    return load_all(result.stdout, f"the build of {folder.name}")


def build(overlay: Overlay, bases: Path | None = None) -> list[Manifest]:
    """Build an overlay that exists only in memory over the bases in `bases`/kustomize.

    Raises:
        BuildError: as `kustomize`.
    """
    return build_files(overlay.all_files, overlay.deployment.folder, bases)


def build_files(files: Mapping[str, str], folder: str, bases: Path | None = None) -> list[Manifest]:
    """Build the kustomization of a folder whose files exist only in memory.

    Raises:
        BuildError: as `kustomize`.
    """
    with tempfile.TemporaryDirectory(prefix="leadline-") as name:
        root = Path(name)
        (root / "kustomize").symlink_to((bases or assets.root()) / "kustomize")
        _write(root, files)
        return kustomize(root / folder)


def _write(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _reason(stderr: str, folder: Path) -> str:
    lines = stderr.strip().splitlines() or ["no reason given"]
    return lines[-1].removeprefix("error: ").replace(str(folder), folder.name)[:500]
