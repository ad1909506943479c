"""A bare Git repository, through git's own plumbing commands (git-scm.com/docs)."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.github.objects import (
    Change,
    Commit,
    Entry,
    FileDiff,
    Person,
    Ref,
    parse_commit,
    parse_diff,
    parse_tree,
)

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_NOTHING = "0" * 40
_SHA = re.compile("[0-9a-f]{7,40}")


class GitError(Exception):
    """Git refused a command; the text is what it said."""


class Repository:
    """The objects and refs of one repository; made if it is not there."""

    def __init__(self, path: Path, default_branch: str = "main") -> None:
        self.path = path
        self.program = shutil.which("git") or "git"
        if not (path / "HEAD").exists():
            self._run("init", "--quiet", "--bare", f"--initial-branch={default_branch}", str(path))

    def commit_of(self, name: str) -> str | None:
        """Return the commit that a branch, tag or (short) id names."""
        return self._peeled(name, "commit")

    def tree_of(self, name: str) -> str | None:
        """Return the tree that a branch, tag, commit or id names."""
        return name if name == EMPTY_TREE else self._peeled(name, "tree")

    def kind(self, sha: str) -> str | None:
        """Return blob, tree, commit or tag; None if there is no such object."""
        if not _SHA.fullmatch(sha):
            return None
        return self._maybe("cat-file", "-t", sha)

    def blob(self, sha: str) -> bytes:
        """Return the bytes of a blob."""
        return self._run("cat-file", "blob", sha)

    def commit(self, sha: str) -> Commit:
        """Return a commit."""
        return parse_commit(sha, self._text("cat-file", "commit", sha))

    def tree(self, sha: str, *, recursive: bool = False) -> list[Entry]:
        """Return the lines of a tree; recursive ones show folders too, as GitHub does."""
        flags = ["-r", "-t"] if recursive else []
        return parse_tree(self._text("ls-tree", "-z", "-l", *flags, sha))

    def files(self, tree: str) -> list[Entry]:
        """Return all files of a tree, at any depth."""
        return [entry for entry in self.tree(tree, recursive=True) if entry.kind != "tree"]

    def write_blobs(self, contents: Sequence[bytes]) -> list[str]:
        """Store blobs and return their ids."""
        if not contents:
            return []
        with tempfile.TemporaryDirectory() as folder:
            names = [Path(folder, str(number)) for number in range(len(contents))]
            for name, content in zip(names, contents, strict=True):
                name.write_bytes(content)
            listed = "".join(f"{name}\n" for name in names).encode()
            stored = self._text("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listed)
        return stored.split()

    def write_tree(self, base: str, changes: Sequence[Change]) -> str:
        """Store the tree that `changes` make of `base`."""
        lines = "".join(
            f"{change.mode if change.sha else '0'} {change.sha or _NOTHING}\t{change.path}\0"
            for change in changes
        )
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._run("read-tree", base, env=index)
            self._run("update-index", "-z", "--index-info", stdin=lines.encode(), env=index)
            return self._text("write-tree", env=index)

    def write_commit(
        self, tree: str, parents: Sequence[str], message: str, author: Person, committer: Person
    ) -> str:
        """Store a commit and return its id."""
        people = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.date,
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
            "GIT_COMMITTER_DATE": committer.date,
        }
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return self._text("commit-tree", tree, *flags, stdin=message.encode(), env=people)

    def ref(self, name: str) -> Ref | None:
        """Return one ref by its whole name, such as `refs/heads/main`."""
        return next((ref for ref in self.refs(name) if ref.name == name), None)

    def refs(self, prefix: str) -> list[Ref]:
        """Return the refs whose whole name starts with `prefix`, in order."""
        shown = self._text("for-each-ref", "--format=%(refname)%00%(objectname)%00%(objecttype)")
        found = [Ref(*line.split("\0")) for line in shown.splitlines()]
        return [ref for ref in found if ref.name.startswith(prefix)]

    def is_ref_name(self, name: str) -> bool:
        """Say whether git takes this as a whole ref name."""
        return not name.startswith("-") and self._maybe("check-ref-format", name) is not None

    def set_ref(self, name: str, sha: str, old: str | None) -> bool:
        """Move a ref from `old`, or make it if that is None; False if it stands elsewhere."""
        return self._maybe("update-ref", name, sha, old or _NOTHING) is not None

    def delete_ref(self, name: str, old: str) -> bool:
        """Delete a ref that stands at `old`."""
        return self._maybe("update-ref", "-d", name, old) is not None

    def is_ancestor(self, old: str, new: str) -> bool:
        """Say whether `new` contains `old`."""
        return self._maybe("merge-base", "--is-ancestor", old, new) is not None

    def branch_tips_in(self, sha: str) -> set[str]:
        """Return the commits of branches that `sha` contains."""
        shown = self._text(
            "for-each-ref", f"--merged={sha}", "--format=%(objectname)", "refs/heads"
        )
        return set(shown.split())

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor."""
        return self._maybe("merge-base", one, other)

    def merged_tree(self, one: str, other: str) -> str | None:
        """Return the tree of a merge; None if the two conflict."""
        return self._maybe("merge-tree", "--write-tree", "--no-messages", one, other)

    def rebased_tree(self, onto: str, commit: Commit) -> str | None:
        """Return the tree of one commit replayed on another; None if the two conflict."""
        parent = commit.parents[0]
        # A commit with the tree of `onto` and the parent of `commit`: their merge base is then
        # that parent, which is what a cherry-pick merges from.
        author = commit.author
        stand_in = self.write_commit(self.commit(onto).tree, [parent], "", author, author)
        return self.merged_tree(stand_in, commit.sha)

    def log(self, start: str, path: str = "") -> list[str]:
        """Return the commits that lead to `start`, the newest first; only those of a path."""
        below = ["--", f":(literal){path}"] if path else []
        return self._text("rev-list", start, *below).split()

    def first_of(self, commit: str, paths: Sequence[str]) -> bytes | None:
        """Return the first of some files that is there."""
        shown = parse_tree(self._text("ls-tree", "-z", "-l", commit, *paths))
        there = {entry.path: entry.sha for entry in shown}
        found = next((there[path] for path in paths if path in there), None)
        return self.blob(found) if found else None

    def commits_between(self, old: str, new: str) -> list[str]:
        """Return the commits that are in `new` and not in `old`, oldest first."""
        return self._text("rev-list", "--reverse", "--topo-order", f"{old}..{new}").split()

    def diff(self, old: str, new: str) -> list[FileDiff]:
        """Return how `new` differs from `old`, file by file."""
        flags = ["diff-tree", "-r", "--no-renames", "--full-index"]
        raw = self._text(*flags, "-z", "--raw", "--numstat", old, new)
        return parse_diff(raw, self._text(*flags, "-p", old, new))

    def _peeled(self, name: str, kind: str) -> str | None:
        short = name.removeprefix("refs/").removeprefix("heads/")
        for candidate in (f"refs/heads/{short}", f"refs/tags/{short}", name):
            if candidate.startswith("refs/") or _SHA.fullmatch(candidate):
                peeled = f"{candidate}^{{{kind}}}"
                if found := self._maybe("rev-parse", "--verify", "--quiet", peeled):
                    return found
        return None

    def _maybe(self, *words: str) -> str | None:
        try:  # git says "no" by failing
            return self._text(*words)
        except GitError:
            return None

    def _text(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        return self._run(*words, stdin=stdin, env=env).decode("utf-8", "replace").rstrip("\n")

    def _run(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        alone = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(  # noqa: S603 - git itself; names are checked before they come here
            [self.program, f"--git-dir={self.path}", *words],
            input=stdin,
            env={**alone, **(env or {})},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise GitError(f"git {words[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
        return done.stdout
