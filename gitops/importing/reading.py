"""Pure: one manifest under reading: what is taken out of it, and what is left to tell about.

Every field that an import understands is taken; what stands there at the end was not carried, and
each such field, or the largest untouched part that holds it, becomes a note.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gitops.names import printable

Path = tuple[str | int, ...]

WRITTEN_BY_CLUSTERS = (
    ("status",),
    ("metadata", "uid"),
    ("metadata", "resourceVersion"),
    ("metadata", "generation"),
    ("metadata", "creationTimestamp"),
    ("metadata", "managedFields"),
    ("metadata", "selfLink"),
    ("metadata", "finalizers"),
    ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"),
)
"""What `kubectl get -o yaml` adds to a manifest; dropped without a word."""


@dataclass(slots=True)
class Reading:
    """A manifest, the paths that were looked into, and the notes so far."""

    what: str
    manifest: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    _touched: set[Path] = field(default_factory=lambda: {()})

    @classmethod
    def of(cls, manifest: dict[str, Any]) -> "Reading":
        """Begin to read a manifest; the manifest itself stays as it is."""
        reading = cls(title(manifest), copy.deepcopy(manifest))
        for path in (("apiVersion",), ("kind",), ("metadata", "name"), *WRITTEN_BY_CLUSTERS):
            reading.take(*path)
        return reading

    def take(self, *path: str | int) -> Any:  # noqa: ANN401 - any YAML value
        """Take the value at a path out of the manifest; None where there is none."""
        parent = self._look(path[:-1])
        key = path[-1]
        if isinstance(parent, dict) and isinstance(key, str):
            return parent.pop(key, None)
        if isinstance(parent, list) and isinstance(key, int) and key < len(parent):
            value, parent[key] = parent[key], None
            return value
        return None

    def peek(self, *path: str | int) -> Any:  # noqa: ANN401 - any YAML value
        """Return the value at a path and leave it there; None where there is none."""
        value: Any = self.manifest
        for key in path:
            if isinstance(value, dict):
                value = value.get(str(key))
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value

    def text(self, *path: str | int) -> str:
        """Take a value as text; empty where there is none."""
        value = self.take(*path)
        return "" if value is None else str(value)

    def mapping(self, *path: str | int) -> dict[str, Any]:
        """Take a mapping; empty where there is none."""
        value = self.take(*path)
        return value if isinstance(value, dict) else {}

    def entries(self, *path: str | int) -> list[tuple[int, dict[str, Any]]]:
        """Return the mappings of a list with their positions, without taking them."""
        value = self._look(path)
        found = enumerate(value) if isinstance(value, list) else ()
        return [(index, entry) for index, entry in found if isinstance(entry, dict)]

    def note(self, text: str) -> None:
        """Note something once."""
        line = f"{self.what}: {text}"
        if line not in self.notes:
            self.notes.append(line)

    def left(self) -> Iterator[str]:
        """Yield the paths of what was never taken, the largest untouched part of each."""
        yield from self._left(self.manifest, ())

    def _left(self, value: object, path: Path) -> Iterator[str]:
        if path not in self._touched:
            yield _dotted(path)
            return
        inner = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else inner
        for key, below in items:
            if below is not None and below not in ({}, []):
                yield from self._left(below, (*path, key))

    def _look(self, path: Path) -> object:
        self._touched |= {path[:length] for length in range(1, len(path) + 1)}
        return self.peek(*path)


def title(manifest: dict[str, Any]) -> str:
    """Return a manifest as notes name it: `Service multi-nodes-service`."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{printable(str(manifest.get('kind')))} {printable(str(name))}"


def _dotted(path: Path) -> str:
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in path]
    return printable("".join(parts).removeprefix("."))
