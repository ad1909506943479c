"""A revision of the repository as units: what one Application or Kustomization builds to.

Real git, real kustomize. Which folders make a unit follows what `leadline init` writes for Argo CD
(ApplicationSets over overlays/ENVIRONMENT/* and overlays/ENVIRONMENT/storage/*) and for Flux (a
Kustomization over overlays/ENVIRONMENT, whose kustomization.yaml Flux generates).
"""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops.batch import Output, build_all
from gitops.errors import BuildError
from sandbox.agent.flavour import Units
from sandbox.cluster.kinds import path_of
from sandbox.cluster.refusals import Refusal

Manifest = dict[str, Any]

_SHALLOWEST = 2  # ENVIRONMENT/NAME below the overlays
_TIMEOUT = 30.0  # seconds a call of git may take


class AgentError(Exception):
    """The agent could not read the repository; the text says at which step."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Unit:
    """What one Application or Kustomization follows; `path` is its folder in the repository.

    `stays` says that what it applied outlives it, as storage does.
    """

    name: str
    path: str
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a unit does not build; `missing` when its folder is not there."""

    reason: str
    missing: bool = False


Built = Sequence[Manifest] | Broken


def unit_of(folder: Sequence[str], overlays: str, covers: Units) -> Unit:
    """Return the unit that a folder below the overlays, such as `prod/qwen`, belongs to."""
    if covers == "all":
        return Unit("llm", overlays)
    environment, *rest = folder
    if covers == "environment":
        return Unit(f"llm-{environment}", f"{overlays}/{environment}")
    path = f"{overlays}/{'/'.join(folder)}"
    if rest[0] == "storage":
        return Unit("-".join(("storage", environment, *rest[1:])), path, stays=True)
    return Unit("-".join(("llm", *folder)), path)


def _read(built: Output | BuildError) -> Built:
    """Return the objects of a folder, or why there are none, in kustomize's own words."""
    if isinstance(built, BuildError):
        head, colon, reason = str(built).partition(": ")
        return Broken(reason if colon and head.startswith("building ") else str(built))
    for each in built.manifests:
        try:
            path_of(each)
        except Refusal:
            kind, version = each["kind"], each["apiVersion"]
            return Broken(f'no matches for kind "{kind}" in version "{version}"')
    return built.manifests


class Repository:
    """A Git repository on disk, read at any revision."""

    def __init__(self, path: Path, branch: str, overlays: str, covers: Units) -> None:
        self._path = path
        self._branch = branch
        self._overlays = overlays
        self._covers = covers

    def head(self) -> str:
        """Return the revision of the branch.

        Raises:
            AgentError: there is no such branch.
        """
        act = f"reading branch {self._branch}"
        return self._git(act, "rev-parse", f"refs/heads/{self._branch}").decode().strip()

    def read(self, revision: str, known: Sequence[Unit] = ()) -> dict[Unit, Built]:
        """Return what each unit of a revision builds to; `known` units may be missing by now.

        Raises:
            AgentError: there is no such revision.
        """
        with tempfile.TemporaryDirectory(prefix="sandbox-agent-") as name:
            root = Path(name).resolve()
            self._check_out(revision, root)
            found: dict[Unit, list[Path]] = {unit: [] for unit in self._homes(root)}
            for folder in self._folders(root):
                parts = folder.relative_to(root / self._overlays).parts
                found.setdefault(unit_of(parts, self._overlays, self._covers), []).append(folder)
            built = self._build(root, found)
            gone = [unit for unit in known if unit not in built and not self._is_folder()]
        return built | {unit: Broken("", missing=True) for unit in gone}

    def _is_folder(self) -> bool:
        """Say whether a unit is made for each folder, and goes with it."""
        return self._covers == "folder"

    def _homes(self, root: Path) -> list[Unit]:
        """Return the units that exist even when nothing is deployed in them."""
        if self._is_folder():
            return []
        folders = sorted((root / self._overlays).glob("*/"))
        return [unit_of((each.name, ""), self._overlays, self._covers) for each in folders]

    def _folders(self, root: Path) -> list[Path]:
        overlays, found = root / self._overlays, []
        for file in sorted(overlays.rglob("kustomization.yaml")):
            parts = file.parent.relative_to(overlays).parts
            if len(parts) >= _SHALLOWEST and "custom" not in parts:
                found.append(file.parent)
        return found

    def _build(self, root: Path, units: Mapping[Unit, Sequence[Path]]) -> dict[Unit, Built]:
        outputs = build_all(root, [folder for folders in units.values() for folder in folders])
        built: dict[Unit, Built] = {}
        for unit, folders in units.items():
            parts = [_read(outputs[folder]) for folder in folders]
            bad = next((part for part in parts if isinstance(part, Broken)), None)
            good = [part for part in parts if not isinstance(part, Broken)]
            built[unit] = bad or [each for some in good for each in some]
        return built

    def _check_out(self, revision: str, folder: Path) -> None:
        content = self._git(
            f"reading revision {revision}", "archive", "--format=tar", "--end-of-options", revision
        )
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")

    def _git(self, act: str, *words: str) -> bytes:
        command = ["git", "-C", str(self._path), *words]
        try:
            done = subprocess.run(  # noqa: S603 - an argument list, no shell
                command, capture_output=True, check=False, timeout=_TIMEOUT
            )
        except subprocess.TimeoutExpired as error:
            raise AgentError(f"{act}: git gave no answer in {_TIMEOUT:.0f} s") from error
        if done.returncode:
            raise AgentError(f"{act}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout
