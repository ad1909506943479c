"""The stories that travel with the sandbox: `--script NAME` plays one, `--story` the demo."""

from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the stories."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def path(name: str) -> Path:
    """Return where a story lies."""
    return FOLDER / f"{name}.yaml"
