"""Pure: built manifests against built manifests, by resource, as text or as Markdown.

Nothing of the files' layout shows, only what the cluster would get; deterministic.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gitops.documents import dump

Manifest = dict[str, Any]

MARKDOWN_LIMIT = 65_536
"""Most characters of a pull-request body or comment on GitHub."""

_HIDDEN = ("leadline/desired-state",)


@dataclass(frozen=True, slots=True)
class ResourceDiff:
    """One object that differs: `lines` is a unified diff of its YAML."""

    title: str
    lines: tuple[str, ...]

    @property
    def added(self) -> int:
        """Lines that are new."""
        return sum(line.startswith("+") for line in self.lines[2:])

    @property
    def removed(self) -> int:
        """Lines that are gone."""
        return sum(line.startswith("-") for line in self.lines[2:])


def differences(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[ResourceDiff]:
    """Return the objects that differ, in the order of their titles."""
    old, new = _by_title(before), _by_title(after)
    found = []
    for title in sorted(old.keys() | new.keys()):
        lines = _unified(title, old.get(title), new.get(title))
        if lines:
            found.append(ResourceDiff(title, tuple(lines)))
    return found


def as_text(found: Sequence[ResourceDiff]) -> str:
    """Return the diff for a terminal; empty when nothing differs."""
    return "".join("\n".join(diff.lines) + "\n" for diff in found)


def as_markdown(found: Sequence[ResourceDiff], limit: int = MARKDOWN_LIMIT) -> str:
    """Return the diff for a pull request, at most `limit` characters, cut by whole resource.

    The names of all changed resources stand at the top, whatever is cut.
    """
    if not found:
        return "No rendered difference.\n"
    names = ", ".join(f"`{d.title}` +{d.added} −{d.removed}" for d in found)
    text = f"Rendered manifests: {names}\n"
    cut = []
    for diff in found:
        block = _details(diff)
        room = limit - len(text) - _NOTE
        if len(block) > room:
            cut.append(diff.title)
        else:
            text += block
    return text + _cut_note(cut) if cut else text


_NOTE = 400  # characters kept for the note on what was cut


def _cut_note(titles: Sequence[str]) -> str:
    listed = ", ".join(titles)
    short = listed if len(listed) < 250 else listed[:249] + "…"  # noqa: PLR2004 - fits in _NOTE
    return f"\nLeft out for length: {short}; `leadline diff` shows them.\n"


def _details(diff: ResourceDiff) -> str:
    body = "\n".join(diff.lines)
    longest = max((len(ticks) for ticks in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    summary = f"<details><summary>{diff.title}</summary>"
    return f"\n{summary}\n\n{fence}diff\n{body}\n{fence}\n\n</details>\n"


def _by_title(manifests: Sequence[Manifest]) -> dict[str, Manifest]:
    return {_title(manifest): manifest for manifest in manifests}


def _title(manifest: Manifest) -> str:
    meta = manifest.get("metadata", {})
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{manifest.get('kind', '?')}: {place}{meta.get('name', '?')}"


def _unified(title: str, old: Manifest | None, new: Manifest | None) -> list[str]:
    before = "/dev/null" if old is None else f"a/{title}"
    after = "/dev/null" if new is None else f"b/{title}"
    return list(difflib.unified_diff(_lines(old), _lines(new), before, after, lineterm=""))


def _lines(manifest: Manifest | None) -> list[str]:
    return [] if manifest is None else dump(_shown(manifest)).splitlines()


def _shown(manifest: Manifest) -> Manifest:
    """Return the manifest without what changes with every rendering, and with Secrets masked."""
    meta = dict(manifest.get("metadata", {}))
    notes = {k: v for k, v in meta.get("annotations", {}).items() if k not in _HIDDEN}
    meta = {k: v for k, v in meta.items() if k != "annotations"} | (
        {"annotations": notes} if notes else {}
    )
    shown = {**manifest, "metadata": meta}
    if manifest.get("kind") == "Secret":
        shown |= {key: "***" for key in ("data", "stringData") if key in manifest}
    return shown
