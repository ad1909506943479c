"""The process: roles as threads, one log, and an end that loses nothing."""

import logging
import os
import signal
import sys
import threading

from bot.settings import Settings
from bot.wiring import ROLES
from gitops.errors import UsageError

_log = logging.getLogger(__name__)

GRACE = 8.0
"""Seconds a role may take to finish what it has in hand after SIGTERM."""


def run(names: tuple[str, ...]) -> None:
    """Run roles until SIGTERM or SIGINT, or until one of them fails.

    Raises:
        UsageError: an unknown role, or settings are missing.
    """
    if unknown := [name for name in names if name not in ROLES]:
        raise UsageError(f"no role {unknown[0]}; one of: {', '.join(ROLES)}")
    settings = Settings.load()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=_FORMAT)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line a request says nothing new
    stop, failed = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [_start(name, settings, stop, failed) for name in names or tuple(ROLES)]
    stop.wait()
    for thread in threads:
        thread.join(GRACE if thread.name != "web" else 0)
    sys.stderr.flush()
    os._exit(1 if failed.is_set() else 0)  # the reading threads wait on sockets; nothing is lost


_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s %(message)s"


def _start(
    name: str, settings: Settings, stop: threading.Event, failed: threading.Event
) -> threading.Thread:
    def role() -> None:
        try:
            ROLES[name](settings, stop)
        except Exception:  # noqa: BLE001 - the process ends and says why
            _log.exception("role failed role=%s", name)
            failed.set()
        stop.set()

    thread = threading.Thread(target=role, name=name, daemon=True)
    thread.start()
    return thread
