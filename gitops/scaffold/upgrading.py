"""Pure: what `leadline init --upgrade` brings into a repository: new bases, never changed ones.

A released folder (`kustomize/…/vN`) is what overlays build on, so it stays byte for byte as it is
in the repository; a new engine base comes beside it, and an overlay adopts it by `update`. So an
upgrade changes no built byte.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RELEASED = re.compile(r"(kustomize/(?:[^/]+/)+v[0-9]+)/")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The files to write, by path, and what a reviewer should know."""

    files: Mapping[str, str]
    notes: tuple[str, ...]


def upgrade(existing: Mapping[str, str], assets: Mapping[str, str]) -> Upgrade:
    """Compare the repository's `kustomize/` with Leadline's; both are texts by path."""
    released = {_folder(path) for path in existing} - {""}
    new = {
        path: text
        for path, text in assets.items()
        if _folder(path) not in released and existing.get(path) != text
    }
    differing = sorted(folder for folder in released if _differs(folder, existing, assets))
    added = sorted({_folder(path) or path for path in new if path not in existing})
    changed = sorted(path for path in new if path in existing)
    return Upgrade(
        new,
        (
            *(f"{thing}: added; deployments adopt it by update" for thing in added),
            *(f"{path}: changed; see that no line of yours is lost" for path in changed),
            *(
                f"{folder}: differs from the released one, and was left as it is, since overlays"
                " build on it; copy yours to a name of its own, then restore it"
                for folder in differing
            ),
        ),
    )


def _folder(path: str) -> str:
    """Return the released folder that a path lies in, empty where it lies in none."""
    found = _RELEASED.match(path)
    return found[1] if found else ""


def _differs(folder: str, existing: Mapping[str, str], assets: Mapping[str, str]) -> bool:
    ours = {path: text for path, text in assets.items() if _folder(path) == folder}
    theirs = {path: text for path, text in existing.items() if _folder(path) == folder}
    return bool(ours) and ours != theirs
