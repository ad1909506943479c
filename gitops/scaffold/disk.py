"""Edge: text files of a folder, read and written all or none, and never through a link."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from gitops.errors import ConflictError, InvalidRequestError
from gitops.names import printable

_PART = re.compile(r"\.?[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
OURS = "kustomize/leadline/"
"""Leadline's own manifests: for whoever runs it, not for a repository of deployments."""

_KEPT = {".git"}
"""What a folder may hold that still counts as empty."""


def read_folder(root: Path, below: str) -> Mapping[str, str]:
    """Return the text files below a folder of `root`, by their path from it.

    Raises:
        InvalidRequestError: a link, or a file that is not UTF-8.
    """
    files = {}
    for file in sorted((root / below).rglob("*")):
        path = file.relative_to(root).as_posix()
        mode = file.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            raise InvalidRequestError(f"reading {path}: not a plain file; commit the file itself")
        try:
            files[path] = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InvalidRequestError(f"reading {path}: not UTF-8; save it as UTF-8") from error
    return files


def read_bases(root: Path) -> Mapping[str, str]:
    """Return the files of `kustomize/` that GitOps repositories hold: all but Leadline's own.

    Raises:
        InvalidRequestError: as `read_folder`.
    """
    files = read_folder(root, "kustomize")
    return {path: text for path, text in files.items() if not path.startswith(OURS)}


def write(root: Path, files: Mapping[str, str], *, new: bool = False) -> None:
    """Write files below `root`; everything is checked before the first is written.

    `new`: the folder must be missing or empty (a `.git` in it is fine).

    Raises:
        ConflictError: the folder is not empty, or something stands where a file should go.
        InvalidRequestError: a path that leads outside, or through a link.
    """
    if os.path.lexists(root) and not _is_folder(root):
        raise ConflictError(f"writing {root.name}: not a folder; choose another name")
    if new and root.exists() and {entry.name for entry in root.iterdir()} - _KEPT:
        raise ConflictError(
            f"writing {root.name}: holds files already; choose an empty folder, or use --upgrade"
        )
    for path in files:
        _check(root, path)
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


def _check(root: Path, path: str) -> None:
    parts = path.split("/")
    if not all(_PART.match(part) for part in parts) or ".git" in path.lower().split("/"):
        raise InvalidRequestError(
            f"writing {printable(path)}: not a path below the folder; use letters, digits and _.+-"
        )
    for length in range(1, len(parts)):
        step = root.joinpath(*parts[:length])
        if os.path.lexists(step) and not _is_folder(step):
            raise ConflictError(
                f"writing {path}: {'/'.join(parts[:length])} is not a folder; move it"
            )
    target = root / path
    if os.path.lexists(target) and not stat.S_ISREG(target.lstat().st_mode):
        raise ConflictError(f"writing {path}: a link or folder stands there; move it")


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)
