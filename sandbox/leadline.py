"""Leadline itself as processes, started against a sandbox as its Procfile would start them."""

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from gitops.settings import child_environment
from sandbox.journal import Entry
from sandbox.worlds import Sandbox

ROLES = ("serve", "work", "watch")

START = 90.0
"""Longest a role may take to be ready, in real seconds; it takes about 2 on two idle cores."""


_TOLD = re.compile(r" (ready|running|finished) ((?:role|ref)=\S+)")
"""What Leadline logs and a test or a story may wait for."""


class NotReadyError(Exception):
    """A role of Leadline did not start; the text ends with what it said."""

    exit_code = 3


@dataclass(slots=True)
class Leadline:
    """Running roles, by name.

    What they log is in `said`, what they print (the audit log) in `printed`; readiness is in the
    journal.
    """

    sandbox: Sandbox
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    listeners: dict[str, threading.Thread] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    def start(self, *roles: str) -> None:
        """Start roles, each in a process of its own, and wait until they are ready."""
        since = len(self.sandbox.journal.entries())
        for role in roles:
            self.processes[role] = self._spawn(role)
        for role in roles:
            self._await_ready(role, since)

    def kill(self, role: str) -> None:
        """SIGKILL a role: it gets no chance to finish anything."""
        process = self.processes.pop(role)
        process.kill()
        process.wait()
        self.listeners.pop(role).join()  # its last words come before those of a next one

    def stop(self) -> None:
        """Ask every role to end, and wait; one that does not within 15 s is killed."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for listener in self.listeners.values():
            listener.join()

    def _spawn(self, role: str) -> subprocess.Popen[str]:
        process = self._process(
            role, child_environment({**self.sandbox.environment, "LEADLINE_WORKER": "worker-1"})
        )
        listener = threading.Thread(target=self._listen, args=(role, process), daemon=True)
        self.listeners[role] = listener
        listener.start()
        return process

    def _process(self, role: str, environment: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "bot", role],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def _listen(self, role: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was piped
        with process.stdout as lines:
            for line in lines:
                audit = line.startswith('{"audit":')
                (self.printed if audit else self.said).append(line.rstrip())
                if found := _TOLD.search(line):
                    self.sandbox.journal.add("leadline", found[1], role=role, said=found[2])
        self.sandbox.journal.add("leadline", "ended", role=role)

    def _await_ready(self, role: str, since: int) -> None:
        def decided(entry: Entry) -> bool:
            decides = entry.call in {"ready", "ended"}
            return entry.world == "leadline" and decides and entry.detail["role"] == role

        entry = self.sandbox.journal.wait(decided, since, START)
        if entry is None or entry.call != "ready":
            raise NotReadyError(f"starting {role}: " + "\n".join(self.said[-20:]))


L = TypeVar("L", bound=Leadline)


@contextlib.contextmanager
def running(sandbox: Sandbox, *roles: str) -> Iterator[Leadline]:
    """Run roles of Leadline (all of them by default) for the length of a `with` block."""
    with kept(Leadline(sandbox), *roles) as leadline:
        yield leadline


@contextlib.contextmanager
def kept(leadline: L, *roles: str) -> Iterator[L]:
    """Start roles of this Leadline (all by default); end what runs with the `with` block."""
    try:
        leadline.start(*(roles or ROLES))
        yield leadline
    finally:
        leadline.sandbox.faults.release_all()
        leadline.stop()
