"""Edge: many overlays built by few kustomize processes, each as if it had been built alone.

Kustomize needs about 45 ms of CPU to start and 8 ms for an overlay, so a batch puts overlays of one
environment under one generated kustomization. Each goes through a wrapper of its own that adds a
marker label to its objects; the output is split by that label, which is then taken out again.

What kustomize does once a process, over all objects, would leak from one overlay into another:
references that follow a renamed object, plugins, schemas, sorting. Overlays that use any of it are
built alone. A batch that fails is built again in smaller parts, down to one overlay, to name the
culprit. Source: kustomize 5.8 (api/internal/target/kusttarget.go, makeCustomizedResMap, and
api/filters/nameref), and tests/gitops/test_batch.py.
"""

import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gitops import settings
from gitops.build import Manifest
from gitops.documents import load_all
from gitops.errors import BuildError, InvalidRequestError
from gitops.kustomization import Reader

BATCH = 64
"""Overlays of one process; from 50 to 100 cost the least, past 200 the cost grows quadratically."""

PROCESSES = 2
"""Kustomize processes at one time; each takes up to 350 MB."""

START = 30.0
"""Longest a process may take, in seconds, and a second more for each overlay."""

_PARTS = 8
"""Into how many smaller batches a failing one is split."""

_ALONE = frozenset(
    "buildMetadata configMapGenerator configurations crds generators namePrefix nameSuffix openapi"  # noqa: SIM905 - reads as words
    " sortOptions transformers validators vars".split()
)
"""Fields whose effect is not kept to the objects of one overlay."""

_OPEN_KINDS = frozenset(
    "APIService ClusterRoleBinding CustomResourceDefinition MutatingWebhookConfiguration"  # noqa: SIM905 - reads as words
    " RoleBinding ValidatingWebhookConfiguration".split()
)
"""Kinds that refer to an object by name and namespace: kustomize rewrites such references."""

_ENVIRONMENT = {"GOGC": "800", "PATH": os.defpath}
"""All that kustomize sees of ours: no token; GOGC saves a quarter of its CPU for 200 MB more."""

_BLOCK_LABELS = re.compile(r"^( *)labels: *(?:#.*)?\n(?:\1 +)[^\s#][^:\n]*: *\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Output:
    """What an overlay builds to: kustomize's text, byte for byte, and the objects in it."""

    text: str
    manifests: list[Manifest]


Built = Output | BuildError


@dataclass(frozen=True, slots=True)
class _Unit:
    """An overlay that may be built; `folder` and `files` are relative to the root."""

    overlay: Path
    folder: str
    files: frozenset[str]
    alone: bool


def build_all(root: Path, overlays: Sequence[Path], size: int = BATCH) -> dict[Path, Built]:
    """Build overlays (folders under `root`), `size` of one environment in a process.

    Each comes back, in the order given, with its objects or with the reason why it has none.
    Nothing is built that `gitops.kustomization` refuses.
    """
    reader = Reader(root)
    units = [_unit(reader, overlay) for overlay in overlays]
    built: dict[Path, Built] = {
        o: u for o, u in zip(overlays, units, strict=True) if isinstance(u, BuildError)
    }
    batches = list(_batches([unit for unit in units if isinstance(unit, _Unit)], size))
    with ThreadPoolExecutor(PROCESSES) as pool:
        for part in pool.map(lambda batch: dict(_build(reader.root, batch)), batches):
            built |= part
    return {overlay: built[overlay] for overlay in overlays}


def environment(folder: str) -> str:
    """Return the environment of an overlay's folder: `prod` of `overlays/prod/qwen3-32b`."""
    parts = folder.split("/")
    return (
        parts[1]
        if parts[0] == "overlays" and len(parts) > len(("overlays", "prod"))
        else "/".join(parts[:-1])
    )


def _unit(reader: Reader, overlay: Path) -> _Unit | BuildError:
    try:
        survey = reader.survey(overlay)
    except BuildError as error:
        return error
    if survey.problems:
        return BuildError("\n".join(survey.problems))
    return _Unit(overlay, reader.relative(overlay), survey.files, bool(survey.fields & _ALONE))


def _batches(units: Sequence[_Unit], size: int) -> Iterator[Sequence[_Unit]]:
    groups: dict[str, list[_Unit]] = {}
    for unit in units:
        if unit.alone:
            yield [unit]
        else:
            groups.setdefault(environment(unit.folder), []).append(unit)
    for group in groups.values():
        yield from _parts(group, size)


def _parts(units: Sequence[_Unit], size: int) -> Iterator[Sequence[_Unit]]:
    for start in range(0, len(units), size):
        yield units[start : start + size]


def _build(root: Path, units: Sequence[_Unit]) -> Iterator[tuple[Path, Built]]:
    texts = _together(root, units) if len(units) > 1 else {}
    if texts is None:
        for part in _parts(units, max(1, len(units) // _PARTS)):
            yield from _build(root, part)
        return
    for index, unit in enumerate(units):
        output = _read(texts[index], unit) if index in texts else None
        sure = isinstance(output, Output) and not _refers_outside(output.manifests)
        yield unit.overlay, output if output and sure else _alone(root, unit)


def _alone(root: Path, unit: _Unit) -> Built:
    try:
        return _read(_kustomize(root / unit.folder, 1), unit)
    except BuildError as error:
        reason = str(error).replace(f"{root}/", "")
        return BuildError(f"building {unit.folder}: {reason}; correct the overlay")


def _read(text: str, unit: _Unit) -> Built:
    try:
        return Output(text, load_all(text, f"the build of {unit.folder}"))
    except InvalidRequestError as error:
        return BuildError(f"building {unit.folder}: {error}")


def _together(root: Path, units: Sequence[_Unit]) -> dict[int, str] | None:
    """Return the text of each unit by its index, without those it is not sure of.

    None: kustomize refuses the batch.
    """
    marker = f"leadline.invalid/{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory(prefix="leadline-") as name:
        folder = Path(name).resolve()
        for index, unit in enumerate(units):
            wrapper = folder / str(index)
            resource = os.path.relpath(root / unit.folder, wrapper)
            labels = [{"pairs": {marker: f"n{index}"}}]
            _write(wrapper, {"resources": [resource], "labels": labels})
        _write(folder, {"resources": [str(index) for index in range(len(units))]})
        try:
            text = _kustomize(folder, len(units))
        except BuildError:
            return None
    return _split(text, marker, lambda index: _labels_are_plain(root, units[index].files))


def _split(text: str, marker: str, plain: Callable[[int], bool]) -> dict[int, str] | None:
    """Split the output of a batch by marker, and take the marker out.

    Where it was the only label, `labels` goes too, unless the overlay may have had it empty.
    """
    mark = re.compile(rf"^    {re.escape(marker)}: n(\d+)\n", re.MULTILINE)
    texts: dict[int, list[str]] = {}
    unsure = set()
    for document in text.split("\n---\n"):
        parts = mark.split(document.rstrip("\n") + "\n")
        if len(parts) != len(("before", "index", "after")):
            return None
        before, index, after = parts[0], int(parts[1]), parts[2]
        if before.endswith("\n  labels:\n") and not after.startswith("    "):
            before = before.removesuffix("  labels:\n")
            unsure |= set() if plain(index) else {index}
        texts.setdefault(index, []).append(before + after)
    return {i: "---\n".join(parts) for i, parts in texts.items() if i not in unsure}


def _labels_are_plain(root: Path, files: frozenset[str]) -> bool:
    texts = [(root / file).read_text(encoding="utf-8") for file in files]
    return all(text.count("labels") == len(_BLOCK_LABELS.findall(text)) for text in texts)


def _refers_outside(manifests: list[Manifest]) -> bool:
    """Say whether kustomize could have bound a reference to an object of another overlay."""
    claims = {
        (m["metadata"].get("namespace"), m["metadata"]["name"])
        for m in manifests
        if m["kind"] == "PersistentVolumeClaim"
    }
    for manifest in manifests:
        claim = manifest.get("spec", {}).get("claimRef")
        volume = manifest["kind"] == "PersistentVolume" and claim
        if manifest["kind"] in _OPEN_KINDS:
            return True
        if volume and (claim.get("namespace"), claim.get("name")) not in claims:
            return True
    return False


def _kustomize(folder: Path, overlays: int) -> str:
    command = [settings.kubectl(), "kustomize", "--load-restrictor=LoadRestrictionsRootOnly"]
    timeout = START + overlays
    try:
        result = subprocess.run(  # noqa: S603 - an argument list, no shell
            [*command, str(folder)],
            capture_output=True,
            env=_ENVIRONMENT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"no answer in {timeout:.0f} s") from error
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "no reason given"
        raise BuildError(reason.removeprefix("error: ")[:500])
    return result.stdout.decode()


def _write(folder: Path, kustomization: Mapping[str, object]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")
