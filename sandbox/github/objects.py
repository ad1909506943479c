"""Pure: Git's objects as values, and how git prints them (git-scm.com/docs: ls-tree, diff-tree)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_PERSON = re.compile(r"(?P<name>.*) ?<(?P<email>[^>]*)> (?P<at>-?\d+) [+-]\d{4}")
_STATUSES = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote or committed something, and when."""

    name: str
    email: str
    at: datetime

    @property
    def date(self) -> str:
        """Return the moment as git takes it."""
        return f"@{int(self.at.timestamp())} +0000"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a tree; `size` is None for trees."""

    path: str
    mode: str
    kind: str
    sha: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One file of a new tree; `sha` None takes it out."""

    path: str
    mode: str
    sha: str | None


@dataclass(frozen=True, slots=True)
class Ref:
    """A name and the object it points at."""

    name: str
    sha: str
    kind: str = "commit"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How one file differs between two trees."""

    path: str
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str


def parse_commit(sha: str, text: str) -> Commit:
    """Read a commit object."""
    head, _, message = text.partition("\n\n")
    lines = [line.partition(" ") for line in head.split("\n")]
    found = {name: value for name, _, value in lines}
    parents = tuple(value for name, _, value in lines if name == "parent")
    author, committer = _person(found["author"]), _person(found["committer"])
    return Commit(sha, found["tree"], parents, author, committer, message)


def parse_tree(output: str) -> list[Entry]:
    """Read `git ls-tree -z -l`."""
    entries = []
    for line in output.split("\0")[:-1]:
        head, _, path = line.partition("\t")
        mode, kind, sha, size = head.split()
        entries.append(Entry(path, mode, kind, sha, None if size == "-" else int(size)))
    return entries


def parse_diff(raw: str, patch: str) -> list[FileDiff]:
    """Read `git diff-tree -z --raw --numstat` and `git diff-tree -p` of the same two trees."""
    fields = iter(raw.split("\0")[:-1])
    changes, counts = [], {}
    for field in fields:
        if field.startswith(":"):
            changes.append((field.split(" "), next(fields)))
        else:
            added, removed, path = field.split("\t", 2)
            counts[path] = (_count(added), _count(removed))
    patches = dict(zip((path for _, path in changes), _patches(patch), strict=True))
    return [
        FileDiff(
            path, _STATUSES[head[4]], head[2 if head[4] == "D" else 3], *counts[path], patches[path]
        )
        for head, path in changes
    ]


def _person(line: str) -> Person:
    found = _PERSON.fullmatch(line)
    if found is None:
        raise ValueError(f"no person in a commit: {line!r}")
    at = datetime.fromtimestamp(int(found["at"]), UTC)
    return Person(found["name"].strip(), found["email"], at)


def _count(number: str) -> int:
    return 0 if number == "-" else int(number)  # "-" stands for a binary file


def _patches(patch: str) -> Iterator[str]:
    for part in re.split(r"(?m)^diff --git ", patch)[1:]:
        start = part.find("\n@@")
        yield part[start + 1 :].rstrip("\n") if start >= 0 else ""
