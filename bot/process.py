"""The process: roles as threads, one log, one place for probes, and an end that loses nothing."""

import logging
import os
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

from bot import health as probes
from bot import logs, metrics, scratch
from bot.errors import BotError
from bot.health import Health
from bot.settings import Settings
from bot.store import Lane
from bot.store.connection import EDGE, connect, said
from bot.store.queue import RedisQueue
from bot.wiring import ROLES, clock
from gitops.clock import Clock
from gitops.errors import GitOpsError, UsageError

_log = logging.getLogger(__name__)

GRACE = 7.0
"""Seconds that all roles together may take to finish what they have in hand after SIGTERM."""


LOOK = 0.5
"""Seconds after which the main thread sees that a role has ended by itself."""


def run(names: tuple[str, ...]) -> None:
    """Run roles, all of them by default, until SIGTERM or SIGINT, or until one of them ends.

    The process ends with 0, or with what the error of a role that failed means.

    Raises:
        UsageError: an unknown role, settings missing or wrong, or the port for probes is taken.
    """
    roles = tuple(dict.fromkeys(names)) or tuple(ROLES)
    if unknown := [role for role in roles if role not in ROLES]:
        raise UsageError(f"no role {unknown[0]}; one of: {', '.join(ROLES)}")
    settings = Settings.load(roles=roles)
    logs.start(settings)
    stop, over = threading.Event(), threading.Event()
    codes: list[int] = []
    threading.excepthook = _ending(stop, codes)
    health = Health(roles)
    _watch_redis(settings, health, clock(settings))
    port = probes.serve(health, settings.process.host, settings.process.port, over)
    _log.info("starting roles=%s health_port=%s", ",".join(roles), port)
    asked = _signals()
    own = scratch.enter()
    if own is not None:
        tempfile.tempdir = str(own.path)
    threads = [_start(role, settings, stop, codes, health) for role in roles]
    while not (stop.is_set() or select.select([asked], [], [], LOOK)[0]):
        pass
    stop.set()
    _finish(threads)
    if own is not None and not _is_working():
        own.leave()
    sys.stderr.flush()
    os._exit(max(codes, default=0))  # the reading threads wait on sockets; nothing is lost


def _signals() -> int:
    """Return a file that can be read once SIGTERM or SIGINT has come, whichever thread got it.

    No handler of ours does anything: it would run inside whatever the main thread is doing, which
    may hold the lock that the handler needs.
    """
    asked, heard = os.pipe()
    os.set_blocking(heard, False)
    signal.set_wakeup_fd(heard, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return asked


def _ending(stop: threading.Event, codes: list[int]) -> Callable[[threading.ExceptHookArgs], None]:
    """Return what is told of a thread that dies, ours or an SDK's.

    Without it a role is half alive, such as deaf to Slack: the process ends, to be started again.
    """

    def died(found: threading.ExceptHookArgs) -> None:
        if isinstance(found.exc_value, SystemExit):  # how a thread ends itself
            return
        name = found.thread.name if found.thread else ""
        _log.critical("thread died name=%s", name, exc_info=found.exc_value)
        if not stop.is_set():  # else it lost what the end takes away from under it
            codes.append(1)
            stop.set()

    return died


def _start(
    role: str,
    settings: Settings,
    stop: threading.Event,
    codes: list[int],
    health: Health,
) -> threading.Thread:
    def live() -> None:
        try:
            ROLES[role](settings, stop, health)
        except (BotError, GitOpsError) as error:
            _log.error("role failed role=%s error=%s", role, error)
            codes.append(error.exit_code)
        except Exception:  # noqa: BLE001 - the process ends and says why
            _log.exception("role failed role=%s", role)
            codes.append(1)
        finally:
            stop.set()

    thread = threading.Thread(target=live, name=role, daemon=True)
    thread.start()
    return thread


def _finish(threads: list[threading.Thread]) -> None:
    """Give every role the rest of the time to finish; say which one did not."""
    _log.info("stopping")
    until = time.monotonic() + GRACE
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            _log.warning("unfinished role=%s after=%ss", thread.name, GRACE)


def _is_working() -> bool:
    """Say whether a command still runs: it reads main's files, and is given back, not broken."""
    lanes = tuple(f"{lane.value}_" for lane in Lane)
    return any(thread.name.startswith(lanes) for thread in threading.enumerate())


def _watch_redis(settings: Settings, health: Health, time_of: Clock) -> None:
    """Let readiness ask Redis, and the metrics show its queue."""
    client = connect(settings.redis_url, EDGE)

    def ping() -> None:
        with said("asking for a sign of life"):
            client.ping()

    def depths() -> Iterator[tuple[str, int, float]]:
        queue, now = RedisQueue(client), time_of.now()
        try:
            with metrics.reaching("redis"):
                for lane in Lane:
                    depth = queue.depth(lane)
                    age = (now - depth.oldest).total_seconds() if depth.oldest else 0.0
                    yield lane.value, depth.jobs, age
        except BotError as error:  # the gauge of Redis says so; a scrape shows the rest
            _log.warning("queue not measured error=%s", error)

    health.needs("redis", ping)
    metrics.queue(depths)
