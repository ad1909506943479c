"""Adapter: Git revisions of a repository on disk: what changed, and what stood there before.

Git runs with argument lists and no shell. A revision of a person or a pull request is first
resolved to a commit id, so that it can never be read as an option; blobs are written by us, so that
attributes and filters of a pull request (export-ignore, smudge) change nothing, and no link is
ever made.
"""

import posixpath
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from gitops.errors import BuildError, InvalidRequestError
from gitops.kustomization import Reader
from gitops.names import printable

TIMEOUT = 60.0
"""Longest a Git command may take, in seconds."""

_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@^~{}+-]{0,199}\Z")
_FILE_MODES = {"100644", "100755"}


def changed_paths(root: Path, since: str) -> list[str]:
    """Return the paths that differ between the work tree and where it left `since`.

    New files count, also those that are not yet added; ignored ones do not. A renamed file is two
    paths. Paths are POSIX, relative to the root.

    Raises:
        InvalidRequestError: no such revision, or no common history.
    """
    base = _fork(root, since)
    options = ("--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv")
    changed = _git(root, "diff", *options, "--end-of-options", base, "--")
    new = _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--full-name", ":/")
    return sorted({path for path in (changed + new).split("\0") if path})


def read_at(root: Path, revision: str, path: str) -> str | None:
    """Return the text of a file (POSIX path from the root) at a revision; None where it is absent.

    Raises:
        InvalidRequestError: no such revision, not a regular file, or not UTF-8.
    """
    commit = _commit(root, revision)
    listing = _git(root, "ls-tree", "-z", "--full-tree", commit, "--", f":(literal){path}")
    entries = [entry for entry in listing.split("\0") if entry]
    if not entries:
        return None
    _refuse_links(entries, revision)
    try:
        return _run(root, ["cat-file", "blob", _blob(entries[0])]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"reading {printable(path)} at {printable(revision)}: not UTF-8; save it as UTF-8"
        ) from error


def check_out(root: Path, revision: str, into: Path) -> None:
    """Write all files of a revision below `into`, an empty folder, byte for byte.

    Raises:
        InvalidRequestError: no such revision, or it holds symbolic links or submodules.
    """
    listing = _git(root, "ls-tree", "-r", "-z", "--full-tree", _commit(root, revision))
    entries = [entry for entry in listing.split("\0") if entry]
    _refuse_links(entries, revision)
    names = "".join(f"{_blob(entry)}\n" for entry in entries)
    output = _run(root, ["cat-file", "--batch"], names.encode())
    start = 0
    for entry in entries:
        header, _, _ = output[start : start + 200].partition(b"\n")
        start += len(header) + 1
        size = int(header.rsplit(b" ", 1)[1])
        _write(into, entry.partition("\t")[2], output[start : start + size])
        start += size + 1


def touched_overlays(root: Path, changed: Iterable[str], overlays: Sequence[Path]) -> list[Path]:
    """Return the overlays that a change touches, in them or in a base or component they reach.

    `changed` are POSIX paths from the root. An overlay that cannot be followed counts as touched,
    so that its fault is told. Files outside every kustomization (the catalogue, the policy) touch
    nothing here.
    """
    folders = {parent for path in changed for parent in _parents(path)}
    reader = Reader(root)
    return [overlay for overlay in overlays if _touched(reader, overlay, folders)]


def _touched(reader: Reader, overlay: Path, folders: set[str]) -> bool:
    try:
        survey = reader.survey(overlay)
    except BuildError:
        return True
    return bool(survey.problems) or not folders.isdisjoint(survey.folders)


def _parents(path: str) -> Iterable[str]:
    while path := posixpath.dirname(path):
        yield path
    yield "."


def _fork(root: Path, since: str) -> str:
    commit = _commit(root, since)
    try:
        return _git(root, "merge-base", "--end-of-options", commit, "HEAD").strip()
    except InvalidRequestError as error:
        raise InvalidRequestError(
            f"revision {printable(since)}: no common history with HEAD; fetch the full history"
        ) from error


def _commit(root: Path, revision: str) -> str:
    """Return the commit id of a revision, which is not read as an option nor as a range."""
    if not _REVISION.match(revision) or ".." in revision:
        raise InvalidRequestError(
            f"revision {printable(revision)}: expected a branch, tag or commit, such as origin/main"
        )
    try:
        return _git(
            root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        ).strip()
    except InvalidRequestError as error:
        raise InvalidRequestError(
            f"revision {printable(revision)}: not in {root.name}; fetch it, with its history"
        ) from error


def _refuse_links(entries: Iterable[str], revision: str) -> None:
    for entry in entries:
        path = entry.partition("\t")[2]
        if entry[:6] not in _FILE_MODES:
            raise InvalidRequestError(
                f"{printable(path)} at {printable(revision)}: neither a file of text nor a program"
                " (a symbolic link, folder or submodule); commit the file itself"
            )
        if path.startswith("/") or {"..", ".git"} & set(path.split("/")):
            raise InvalidRequestError(f"{printable(path)}: leads outside; rename it")


def _blob(entry: str) -> str:
    return entry.partition("\t")[0].split(" ")[2]


def _write(into: Path, path: str, content: bytes) -> None:
    target = into / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        file.write(content)


def _git(root: Path, *arguments: str) -> str:
    return _run(root, list(arguments)).decode("utf-8", "surrogateescape")


def _run(root: Path, arguments: list[str], given: bytes | None = None) -> bytes:
    command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]
    try:
        result = subprocess.run(  # noqa: S603 - an argument list, no shell
            [*command, *arguments], input=given, capture_output=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InvalidRequestError(f"git {arguments[0]} in {root.name}: {error}") from error
    if result.returncode:
        reason = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InvalidRequestError(
            f"git {arguments[0]} in {root.name}: {reason[-1] if reason else 'refused'}"
        )
    return result.stdout
