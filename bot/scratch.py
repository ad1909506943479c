"""Adapter: a process's own temporary folder, which does not outlive it for long.

Main is laid out in files, and overlays are built from files. A process that is killed leaves them,
and a container that starts again finds its /tmp as it was: so each start removes the folders of
processes that are gone. A lock tells, which the kernel lets go with its process, since ids repeat.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

UNFINISHED = 60.0
"""Seconds after which a folder that was never locked is one of a process that died while making it;
to make one takes a millisecond."""

_LOCK = "lock"
_NEW, _OWNED = "new-", "process-"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scratch:
    """The folder of this process; it is ours as long as the file with that number is open."""

    path: Path
    lock: int

    def leave(self) -> None:
        """Remove it; whoever still needs a file there fails."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def enter(above: Path | None = None) -> Scratch | None:
    """Make a folder for this process's temporary files, and remove those of processes gone.

    None where that cannot be, such as on a full disk: the log says so, and the process goes on
    without one.
    """
    parent = (above or Path(tempfile.gettempdir())) / f"leadline-{os.getuid()}"
    try:
        parent.mkdir(mode=0o700, exist_ok=True)
        if parent.is_symlink() or parent.stat().st_uid != os.getuid():
            raise PermissionError(f"{parent} is somebody else's")
        own = _make(parent)
        _sweep(parent, own.path.stat().st_mtime)
    except OSError as error:
        _log.warning("no folder of our own error=%s; set TMPDIR to one that can be written", error)
        return None
    return own


def _make(parent: Path) -> Scratch:
    """Return a new folder; it gets its name once it is locked, so that nobody sweeps it."""
    made = Path(tempfile.mkdtemp(prefix=_NEW, dir=parent))
    lock = _locked(made / _LOCK, os.O_CREAT)
    owned = made.with_name(_OWNED + made.name.removeprefix(_NEW))
    return Scratch(made.rename(owned), lock)


def _sweep(parent: Path, now: float) -> None:
    """Remove what no process holds; `now` is by the clock of the file system.

    What cannot be removed, such as a file where a folder should be, stays, and the log says so.
    """
    for folder in (*parent.glob(f"{_NEW}*"), *parent.glob(f"{_OWNED}*")):
        try:
            _clear(folder, now)
        except OSError as error:
            _log.warning("left over folder=%s error=%s; remove it by hand", folder, error)


def _clear(folder: Path, now: float) -> None:
    """Remove a folder of a process that is gone."""
    if folder.name.startswith(_NEW):
        with contextlib.suppress(FileNotFoundError):  # it has its name by now
            if now - folder.stat().st_mtime > UNFINISHED:
                shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        Scratch(folder, _locked(folder / _LOCK)).leave()
    except BlockingIOError:  # its process lives
        return
    except FileNotFoundError:  # somebody else is removing it, or did so in part
        shutil.rmtree(folder, ignore_errors=True)


def _locked(file: Path, how: int = 0) -> int:
    """Return the number of a file, open and locked by us; programs that we start do not get it."""
    opened = os.open(file, os.O_RDWR | os.O_NOFOLLOW | how, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened
