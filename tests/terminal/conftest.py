"""Fixtures of the command line: a repository made by `init`, and a way to type in it."""

import contextlib
import io
import subprocess
import sys
from dataclasses import dataclass

import pytest

from gitops.verbs import main


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Terminal:
    """Types `leadline …` in a folder, in this process, through the real entry point."""

    def __init__(self, folder, monkeypatch):
        self.folder, self._monkeypatch = folder, monkeypatch

    def attempt(self, *words):
        out, err = io.StringIO(), io.StringIO()
        self._monkeypatch.chdir(self.folder)
        self._monkeypatch.setattr(sys, "argv", ["leadline", *words])
        streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with streams[0], streams[1], pytest.raises(SystemExit) as end:
            main()
        return Said(end.value.code or 0, out.getvalue(), err.getvalue())

    def __call__(self, *words):
        said = self.attempt(*words)
        assert said.code == 0, said
        return said

    def git(self, *words):
        identity = ["-c", "user.name=alice", "-c", "user.email=alice@example.com"]
        command = ["git", "-C", str(self.folder), *identity, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Work.")

    def snapshot(self):
        """Return every file of the folder with its bytes, Git's own left out."""
        files = (p for p in sorted(self.folder.rglob("*")) if ".git" not in p.parts)
        return {p.relative_to(self.folder).as_posix(): p.read_bytes() for p in files if p.is_file()}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a terminal in a new GitOps repository with one environment, staging."""
    made = Terminal(tmp_path, monkeypatch)
    made("init", "repo", "--with", "argocd", "--leadline-source", "./leadline.whl")
    inside = Terminal(tmp_path / "repo", monkeypatch)
    inside.git("init", "--quiet", "--initial-branch", "main")
    inside.commit()
    return inside
