"""Desired state as the running bot has it: what stands on main, laid out as a working copy.

`leadline work` reads main from the Git host and publishes what it read, at least once a minute;
`leadline serve` answers from that, and fails closed when it is older. So both read environments,
roles, catalogue and deployments with the same code as a terminal does in a checkout.
"""

import logging
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from bot import metrics
from bot.errors import DesiredUnknownError
from gitops.clock import Clock
from gitops.environment import Environment
from gitops.errors import GitOpsError, InvalidRequestError
from gitops.forge import Forge, Revision
from gitops.roles import NOBODY, PATH, Roles, read_roles
from gitops.workspace import WorkingCopy

OLDEST = timedelta(seconds=60)
"""How old published desired state may be; past that nobody is allowed anything."""

PLACES = ("overlays", "kustomize", "catalog", "policy.yaml", PATH)
"""What is read of main: the rest is none of Leadline's business, and need not be text."""

_PLAIN = re.compile(r"[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*\Z")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Main:
    """The text files of main at a revision, by path; `at` is when that was the newest."""

    revision: Revision
    at: datetime
    files: Mapping[str, str] = field(default_factory=dict, repr=False)


class Snapshots(Protocol):
    """Where the last reading of main is shared between processes."""

    def publish(self, main: Main) -> bool:
        """Keep a reading of main in place of the one before.

        One without files only renews what is kept of the same commit; False where nothing is.
        """
        ...

    def published(self, known: str = "") -> Main | None:
        """Return the last reading; without files when its commit is `known`; None before any."""
        ...


class Source(Protocol):
    """Whatever knows main: the Git host itself, or what another process published."""

    def read(self, known: str) -> Main:
        """Return main as it is now, without files when its commit is `known`.

        Raises:
            DesiredUnknownError: what is known is too old.
            GitOpsError: the Git host does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class FromForge:
    """Main from the Git host; what is read is published."""

    forge: Forge
    snapshots: Snapshots
    clock: Clock

    def read(self, known: str) -> Main:
        """Return main, and publish it."""
        now = self.clock.now()
        with metrics.reaching("github"):  # a Redis that is away says nothing of GitHub
            stands = self.forge.main()
        main = Main(stands, now, self._files(stands, known))
        if not self.snapshots.publish(main):  # Redis has lost what was published
            self.snapshots.publish(Main(stands, now, self._files(stands, "")))
        return main

    def _files(self, stands: Revision, known: str) -> Mapping[str, str]:
        if stands.commit == known:
            return {}
        found: dict[str, str] = {}
        for place in PLACES:
            found |= self.forge.files(place, stands)
        return found


@dataclass(frozen=True, slots=True)
class FromSnapshot:
    """Main as another process published it."""

    snapshots: Snapshots
    clock: Clock

    def read(self, known: str) -> Main:
        """Return what was published; see the port."""
        main = self.snapshots.published(known)
        if main is None:
            raise DesiredUnknownError(
                "nothing is known of the GitOps repository yet; is `leadline work` running?"
            )
        if self.clock.now() - main.at > OLDEST:
            raise DesiredUnknownError(
                f"what is known of the GitOps repository is of {main.at:%H:%M:%S} UTC, too old to"
                " decide by; is `leadline work` running, and does GitHub answer?"
            )
        return main


@dataclass(frozen=True, slots=True)
class Desired:
    """One reading of main as values; `folder` is removed once nobody holds the value."""

    revision: Revision
    at: datetime
    copy: WorkingCopy
    roles: Roles
    folder: object = field(repr=False, compare=False)

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Every environment whose environment.yaml is right, by name."""
        found = []
        for name in self.copy.environments():
            try:
                found.append(self.copy.environment(name))
            except InvalidRequestError as error:
                _log.warning("environment left out name=%s error=%s", name, error)
        return tuple(found)

    def approvers(self, environment: str) -> tuple[str, ...]:
        """Return whom an environment names as approvers; nobody where main does not have it.

        Raises:
            InvalidRequestError: its environment.yaml is wrong, so nobody knows.
        """
        there = environment in self.copy.environments()
        return self.copy.environment(environment).approvers if there else ()


class _Folder:
    """A temporary folder that goes with the last value that holds it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="leadline-main-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Mirror:
    """The newest main, laid out in a folder of its own. Shared between threads."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._turn = threading.Lock()
        self._laid: Desired | None = None

    def desired(self) -> Desired:
        """Return main as it is now.

        Raises:
            DesiredUnknownError: what is known is too old, or cannot be laid out.
            GitOpsError: the Git host does not answer.
        """
        with self._turn:
            known = self._laid.revision.commit if self._laid else ""
            main = self._source.read(known)
            if self._laid and main.revision.commit == known:
                self._laid = replace(self._laid, at=main.at)
            else:
                self._laid = _lay_out(main)
            return self._laid

    def known(self) -> Desired | None:
        """Return what was read last, however old; None before the first reading."""
        return self._laid


def _lay_out(main: Main) -> Desired:
    try:
        folder = _Folder()
        root = folder.path
        for path, text in main.files.items():
            _write(root, path, text)
        (root / "overlays").mkdir(exist_ok=True)
    except (OSError, UnicodeError) as error:
        raise DesiredUnknownError(
            f"laying main out as files: {error}; does TMPDIR exist, and is there room?"
        ) from error
    return Desired(main.revision, main.at, WorkingCopy(root), _roles(main), folder)


def _write(root: Path, path: str, text: str) -> None:
    """Write a file that the Git host named; a path that could lead elsewhere is left out."""
    if not _PLAIN.match(path) or {".", "..", ".git"} & set(path.split("/")):
        return
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _roles(main: Main) -> Roles:
    """Return the roles of main; a file that makes no sense gives nobody anything."""
    try:
        return read_roles(main.files.get(PATH, ""))
    except GitOpsError as error:
        at = main.revision.commit
        _log.error("roles.yaml refused, nobody may anything commit=%s error=%s", at, error)
        return NOBODY
