"""The plain YAML that travels with Leadline: `kustomize/` and `overlays/example/`."""

from pathlib import Path


def root() -> Path:
    """Return the folder that holds `kustomize/` and `overlays/example/`.

    In a wheel they lie inside this package; in a checkout (editable install) beside it.
    """
    package = Path(__file__).resolve().parent
    return package.parent if (package.parent / "pyproject.toml").is_file() else package
