"""Makes the tree that `POST git/trees` describes: docs.github.com/rest/git/trees.

Texts of refusals are GitHub's where they are known; "malformed path" and "valid tree.mode" are
from general knowledge.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.github.errors import invalid
from sandbox.github.objects import Change
from sandbox.github.repository import EMPTY_TREE, Repository

_MODES = frozenset({"100644", "100755", "120000", "040000", "160000"})

Line = Mapping[str, Any]


def new_tree(repository: Repository, base: object, lines: object) -> str:
    """Store a tree: `lines` over `base`; a `sha` of null takes a file or folder out."""
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise invalid("Invalid tree info")
    start = EMPTY_TREE if base is None else repository.tree_of(str(base))
    if start is None:
        raise invalid("Tree SHA does not exist")
    for line in lines:
        _check(line)
    inline = [line for line in lines if "content" in line]
    blobs = repository.write_blobs([str(line["content"]).encode() for line in inline])
    changes = [
        Change(line["path"], line["mode"], sha) for line, sha in zip(inline, blobs, strict=True)
    ]
    there = [entry.path for entry in repository.files(start)]
    for line in lines:
        if "content" not in line:
            changes += _taken(repository, there, line)
    return repository.write_tree(start, changes)


def _check(line: Line) -> None:
    path = line.get("path")
    if not isinstance(path, str) or not path:
        raise invalid("tree.path must be a string")
    if path.startswith("/"):
        raise invalid("tree.path cannot start with a slash")
    if any(part in ("", ".", "..", ".git") for part in path.split("/")) or "\0" in path:
        raise invalid("tree.path contains a malformed path component")
    if line.get("mode") not in _MODES:
        raise invalid("Must supply a valid tree.mode")
    if ("sha" in line) == ("content" in line):
        raise invalid("Must supply either tree.sha or tree.content")


def _taken(repository: Repository, there: list[str], line: Line) -> Iterator[Change]:
    path, mode, sha = line["path"], line["mode"], line["sha"]
    if sha is None:
        yield from _without(there, path)
        return
    kind = repository.kind(str(sha))
    if mode == "040000":
        if kind != "tree":
            raise invalid(f"tree.sha {sha} is not a valid tree")
        for entry in repository.files(sha):
            yield Change(f"{path}/{entry.path}", entry.mode, entry.sha)
    elif kind != "blob":
        raise invalid(f"tree.sha {sha} is not a valid blob")
    else:
        yield Change(path, mode, sha)


def _without(there: list[str], path: str) -> Iterator[Change]:
    gone = [name for name in there if name == path or name.startswith(f"{path}/")]
    if not gone:
        raise invalid("GitRPC::BadObjectState")
    for name in gone:
        yield Change(name, "0", None)
