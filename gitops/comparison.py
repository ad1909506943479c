"""Two revisions of a repository, built and compared: what the cluster would get."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from gitops.batch import build_all
from gitops.build import Manifest
from gitops.difference import ResourceDiff, differences
from gitops.errors import BuildError
from gitops.history import changed_paths, check_out, touched_overlays
from gitops.inspection import overlays_below


def compare(root: Path, base: str, head: str) -> list[ResourceDiff]:
    """Return the objects that differ between what two revisions build to.

    Only overlays that the change touches are built.

    Raises:
        BuildError: an overlay of one of the revisions does not build.
    """
    changed = changed_paths(root, base)
    return differences(_built(root, base, changed), _built(root, head, changed))


def _built(root: Path, revision: str, changed: Sequence[str]) -> list[Manifest]:
    with tempfile.TemporaryDirectory(prefix="leadline-diff-") as name:
        folder = Path(name)
        check_out(root, revision, folder)
        overlays = overlays_below(folder, [folder / "overlays"])
        touched = touched_overlays(folder, changed, overlays)
        manifests: list[Manifest] = []
        for environment in sorted({overlay.parts[1] for overlay in touched}):
            group = [overlay for overlay in touched if overlay.parts[1] == environment]
            for output in build_all(folder, group).values():
                if isinstance(output, BuildError):
                    raise output
                manifests += output.manifests
        return manifests
