"""Reading the main branch: where it stands, and the files below a folder.

One call for the branch, one for its whole tree, one for each file's bytes. Trees and blobs are
named by their content and never change, so a bounded number of them is kept; once they are, a
folder costs the one call for the branch. Source: docs.github.com/rest/git/trees (a recursive tree
is cut at 100,000 entries or 7 MB and then says `truncated`).
"""

import base64
import functools
from collections.abc import Iterator, Mapping, Sequence

from github.GitTreeElement import GitTreeElement

from gitops.documents import MAX_BYTES
from gitops.errors import InvalidRequestError
from gitops.forge import Revision
from gitops.github.connection import Connection

KEPT_TREES, KEPT_BLOBS = 8, 2_000
"""How many trees and files are kept; a file is at most `gitops.documents.MAX_BYTES` long."""

_REGULAR = ("100644", "100755")

Files = Mapping[str, str]
"""Blob ids by path."""


class Reader:
    """Reads revisions of one repository."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._whole = functools.lru_cache(KEPT_TREES)(self._read_whole)
        self._text = functools.lru_cache(KEPT_BLOBS)(self._read_text)

    def main(self) -> Revision:
        """Return where the main branch stands now."""
        found = self._connection.repository.get_branch(self._connection.main).commit
        return Revision(found.sha, found.commit.tree.sha)

    def texts(self, folder: str, at: Revision) -> dict[str, str]:
        """Return the text files below a folder, by path.

        Raises:
            InvalidRequestError: one is not UTF-8, or larger than what we read.
        """
        return {path: self._text(sha, path) for path, sha in self.files(folder, at.tree).items()}

    def files(self, folder: str, tree: str) -> Files:
        """Return the regular files below a folder of a tree, or the one of that path.

        No links, no submodules.
        """
        found, steps = self._whole(tree), [step for step in folder.split("/") if step]
        if found is None:  # too large for one answer
            return dict(self._walk(tree, steps, ""))
        below = "".join(f"{step}/" for step in steps)
        return {p: sha for p, sha in found.items() if p.startswith(below) or p == folder}

    def _read_whole(self, tree: str) -> Files | None:
        found = self._connection.repository.get_git_tree(tree, recursive=True)
        if found.raw_data.get("truncated"):
            return None
        return dict(_regular(found.tree))

    def _walk(self, tree: str, steps: Sequence[str], above: str) -> Iterator[tuple[str, str]]:
        """Go down by `steps` and read what is there whole; folder by folder where it is large."""
        found = None if steps else self._whole(tree)
        if found is not None:
            yield from ((f"{above}{path}", sha) for path, sha in found.items())
            return
        entries = self._connection.repository.get_git_tree(tree).tree
        if not steps:
            yield from ((f"{above}{path}", sha) for path, sha in _regular(entries))
        for entry in entries:
            if entry.type == "tree" and (not steps or entry.path == steps[0]):
                yield from self._walk(entry.sha, steps[1:], f"{above}{entry.path}/")

    def _read_text(self, sha: str, path: str) -> str:
        content = self._connection.repository.get_git_blob(sha).content
        data = base64.b64decode(content)
        if len(data) > MAX_BYTES:
            raise InvalidRequestError(f"{path} on main: larger than {MAX_BYTES} bytes")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequestError(f"{path} on main: is not UTF-8 text") from error


def _regular(entries: Sequence[GitTreeElement]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if entry.type == "blob" and entry.mode in _REGULAR:
            yield entry.path, entry.sha
