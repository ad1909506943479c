"""Pure but for reading files: where a kustomization leads, and refusal of what it must not do.

A pull request may change a kustomization, and CI builds it: so a build may read regular files of
the repository and nothing else, and run nothing. Sources: the Kustomization type of kustomize 5.8
(api/types/kustomization.go); CVE-2022-24877 (Flux) and CVE-2022-24348 (Argo CD): paths that leave
the repository; CVE-2022-24878 (Flux): paths that never end.
"""

import difflib
import os
import posixpath
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops.documents import MAX_BYTES, load_all, load_mapping
from gitops.errors import BuildError, InvalidRequestError
from gitops.names import printable

MAX_CHAIN = 10
"""Longest chain of kustomizations, in folders; an overlay, its base and a component are three."""

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The file names that kustomize reads."""

_PLAIN = frozenset(
    "apiVersion buildMetadata commonAnnotations commonLabels generatorOptions images kind labels"  # noqa: SIM905 - reads as words
    " metadata namePrefix nameSuffix namespace replicas sortOptions vars".split()
)
_FOLDERS = ("bases", "components")
_FILES = ("configurations", "crds")
_PATCHES = ("patches", "patchesJson6902", "replacements")
_PLUGINS = ("generators", "transformers", "validators")
_OTHERS = ("configMapGenerator", "openapi", "patchesStrategicMerge", "resources")
_KNOWN = _PLAIN | {*_FOLDERS, *_FILES, *_PATCHES, *_PLUGINS, *_OTHERS}

_READ = {"path", "files", "envs", "env"}

_REFUSED = {
    "helmCharts": "Helm is not run here; render the chart and commit its manifests",
    "helmChartInflationGenerator": "Helm is not run here; render the chart and commit it",
    "helmGlobals": "Helm is not run here; remove it",
    "secretGenerator": "its values would be in Git; name a Secret that exists in the cluster",
}
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[\w.-]+@|//|.*[?&](ref|version|timeout)=")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")


@dataclass(frozen=True, slots=True)
class Kustomization:
    """One kustomization, read; paths are POSIX, relative to the root."""

    fields: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """All that a build of one folder reads: folders (its own too), files, and fields in use.

    `problems` has one line for everything that is refused; paths are POSIX, relative to the root.
    """

    folders: frozenset[str]
    files: frozenset[str]
    fields: frozenset[str]
    problems: tuple[str, ...]


def refuse_unsafe(root: Path, folder: Path) -> None:
    """Refuse a kustomization that reaches outside the repository or would run something.

    Raises:
        BuildError: one line for each thing refused.
    """
    if problems := Reader(root).survey(folder).problems:
        raise BuildError("\n".join(problems))


class Reader:
    """Surveys many folders of one repository, and reads a base that they share only once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._read: dict[str, Kustomization] = {}

    def survey(self, folder: Path) -> Survey:
        """Follow everything that `folder` (absolute, or relative to the root) names.

        Raises:
            BuildError: `folder` itself is outside the root.
        """
        walk = _Walk(self)
        walk.enter(self.relative(folder), ())
        return Survey(
            frozenset(walk.folders),
            frozenset(file for read in walk.folders.values() for file in read.files),
            frozenset(name for read in walk.folders.values() for name in read.fields),
            tuple(dict.fromkeys(walk.problems)),
        )

    def relative(self, folder: Path) -> str:
        """Return the path of `folder` from the root.

        Raises:
            BuildError: it is outside the root.
        """
        path = (self.root / folder).absolute()
        inside = path.parent.resolve() / path.name
        if not inside.is_relative_to(self.root):
            raise BuildError(f"building {folder}: outside {self.root.name}; name a folder inside")
        return inside.relative_to(self.root).as_posix()

    def kustomization(self, folder: str) -> Kustomization:
        """Return the kustomization of a folder of this repository."""
        if folder not in self._read:
            self._read[folder] = _read(self.root, folder)
        return self._read[folder]


@dataclass(slots=True)
class _Walk:
    """One survey under way."""

    reader: Reader
    folders: dict[str, Kustomization] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def enter(self, folder: str, chain: tuple[str, ...]) -> None:
        if folder in chain:
            self.problems.append(f"{folder}: includes itself through {chain[-1]}; break the cycle")
        elif len(chain) >= MAX_CHAIN:
            self.problems.append(f"{folder}: more than {MAX_CHAIN} kustomizations deep; flatten it")
        elif folder not in self.folders:
            self.folders[folder] = read = self.reader.kustomization(folder)
            self.problems += read.problems
            for below in read.folders:
                self.enter(below, (*chain, folder))
        elif any(below in (*chain, folder) for below in self.folders[folder].folders):
            self.problems.append(f"{folder}: includes a folder that includes it; break the cycle")


def _read(root: Path, folder: str) -> Kustomization:
    if problem := _reference_problem(folder) or _path_problem(root, folder):
        return Kustomization(problems=(f"{folder}: {problem}",))
    names = [name for name in NAMES if os.path.lexists(root / folder / name)]
    if len(names) != 1:
        found = " and ".join(names) or "no kustomization.yaml"
        return Kustomization(problems=(f"{folder}: holds {found}; keep exactly one",))
    file = posixpath.join(folder, names[0])
    if problem := _path_problem(root, file) or _content_problem(root / file):
        return Kustomization(files=(file,), problems=(f"{file}: {problem}",))
    try:
        fields = load_mapping((root / file).read_text(encoding="utf-8"), file)
    except InvalidRequestError as error:
        return Kustomization(files=(file,), problems=(str(error),))
    return _followed(root, folder, file, fields)


def _followed(root: Path, folder: str, file: str, fields: dict[str, Any]) -> Kustomization:
    files: list[str] = [file]
    folders: list[str] = []
    problems = [f"{file}: {line}" for line in _field_problems(fields)]
    for name, reference in _references(fields):
        path = posixpath.normpath(posixpath.join(folder, reference))
        problem = _reference_problem(reference) or _path_problem(root, path)
        if not problem:
            is_folder = (root / path).is_dir()
            (folders if is_folder else files).append(path)
            problem = _folder_problem(name) if is_folder else _file_problem(name, root / path)
        if problem:
            problems.append(f"{file}: {name} names {printable(reference)}: {problem}")
    return Kustomization(frozenset(fields), tuple(files), tuple(folders), tuple(problems))


def _field_problems(fields: dict[str, Any]) -> Iterator[str]:
    for name in fields:
        if name in _REFUSED:
            yield f"{name} is refused: {_REFUSED[name]}"
        elif name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, 1)
            hint = f"did you mean {near[0]}?" if near else "remove it"
            yield f"unknown field {printable(name)}; {hint}"
    for name in (*_PATCHES, "configMapGenerator", "openapi"):
        yield from (f"{name}: {problem}" for problem in _case_problems(fields.get(name)))
    for name in _PLUGINS:
        for entry in _strings(fields.get(name)):
            if "\n" in entry and (problem := _plugin_problem(entry)):
                yield f"{name} holds a plugin: {problem}"


def _references(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the field and the path of everything that is read from a file or folder."""
    for name in (*_FOLDERS, *_FILES, "resources"):
        yield from ((name, entry) for entry in _strings(fields.get(name)))
    for name in (*_PLUGINS, "patchesStrategicMerge"):
        yield from ((name, entry) for entry in _strings(fields.get(name)) if "\n" not in entry)
    for name in (*_PATCHES, "openapi"):
        paths = (entry.get("path") for entry in _mappings(fields.get(name)))
        yield from ((name, path) for path in paths if isinstance(path, str))
    for generator in _mappings(fields.get("configMapGenerator")):
        files = [entry.rpartition("=")[2] for entry in _strings(generator.get("files"))]
        envs = [*_strings(generator.get("envs")), *_strings([generator.get("env")])]
        yield from (("configMapGenerator", entry) for entry in (*files, *envs))


def _case_problems(value: object) -> Iterator[str]:
    # Go reads `Path` as `path`: such a spelling would hide a reference from us.
    for key in (key for entry in _mappings(value) for key in entry):
        if key not in _READ and key.lower() in _READ:
            yield f"unknown field {key}; did you mean {key.lower()}?"


def _strings(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _mappings(value: object) -> list[dict[str, Any]]:
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, dict)]


def _reference_problem(reference: str) -> str:
    if reference.startswith("/"):
        return "an absolute path; name it relative to this folder"
    if _REMOTE.match(reference):
        return "a remote address; copy what you need into the repository"
    parts = [part for part in reference.split("/") if part not in {"", ".", ".."}]
    if not all(_PART.match(part) for part in parts):
        return "a name with other characters than letters, digits and _ . + -; rename it"
    return ""


def _path_problem(root: Path, path: str) -> str:
    """Say what is wrong with a path: no component may be a symlink, and none may lead outside."""
    if path == ".." or path.startswith(("../", "/")):
        return "outside the repository; copy what you need into it"
    step = ""
    for part in path.split("/"):
        step = posixpath.join(step, part)
        try:
            mode = os.lstat(f"{root}/{step}").st_mode
        except OSError:
            return "not in the repository; commit it, or remove its name"
        if stat.S_ISLNK(mode):
            return f"{step} is a symbolic link; commit the file itself"
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            return "neither a file nor a folder; remove its name"
    return ""


def _folder_problem(name: str) -> str:
    return "" if name in {*_FOLDERS, "resources"} else "a folder; name a file"


def _file_problem(name: str, file: Path) -> str:
    if name in _FOLDERS:
        return "a file; name a folder"
    plugin = name in _PLUGINS
    return _content_problem(file) or (_plugin_problem(file.read_text("utf-8")) if plugin else "")


def _content_problem(file: Path) -> str:
    if file.stat().st_size > MAX_BYTES:
        return f"larger than {MAX_BYTES} bytes; keep such a file out of the overlay"
    try:
        file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8; save it as UTF-8"
    return ""


def _plugin_problem(text: str) -> str:
    try:
        documents = load_all(text, "a plugin")
    except InvalidRequestError as error:
        return str(error)
    for document in documents:
        if not isinstance(document, dict) or document.get("apiVersion") != "builtin":
            return "it would run a program or container; only apiVersion builtin is allowed"
        if document.get("kind") in {"HelmChartInflationGenerator", "SecretGenerator"}:
            return f"{document['kind']} is refused; commit manifests, and no Secret"
        if "/function" in str(document.get("metadata")):
            return "it would run a container; remove the function annotation"
    return ""
