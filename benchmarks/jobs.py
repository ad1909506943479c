"""Script: what the queue costs: keeping a command, handing it over, and having nothing to do.

Each figure is taken on a real redis-server (appendonly, fsync every second) and on fakeredis, both
as processes of their own. CPU is user and system time of this process alone (time.process_time), so
the servers' is not in it. Keeping a command is compared with a bare XADD in the same run. The run
fails where a target is missed: an idle worker, both lanes, under 2 % of a core on both servers;
keeping at most 2.5 times a bare XADD in CPU; every job done once.
"""

import contextlib
import datetime as dt
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import click
import redis

from bot.commands.lanes import LaneReader
from bot.commands.work import Running
from bot.commands.worker import PACES
from bot.store import Job, Lane
from bot.store.claims import RedisClaims
from bot.store.holding import Hall
from bot.store.locks import RedisLocks
from bot.store.queue import RedisQueue

IDLE = 0.02
"""Most CPU of an idle worker, as a part of one core."""

RATIO = 2.5
"""Keeping a command may take so many times the CPU of a bare XADD: it also looks for a double."""

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

FAKE = """
import sys, threading
from sandbox.redis import serving_redis
with serving_redis() as url:
    print(url, flush=True)
    threading.Event().wait()
"""


@click.command()
@click.option("--jobs", default=500, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="How long a worker idles.")
def main(jobs: int, seconds: float) -> None:
    """Measure on both servers, print a table, and fail where a target is missed."""
    row("", "put ms p50", "p99", "put CPU ms", "/ XADD", "job CPU ms", "jobs/s", "idle CPU %")
    fine = True
    for name, server in (("redis-server", real), ("fakeredis", fake)):
        with server() as url:
            fine = measure(name, url, jobs, seconds) and fine
    if not fine:
        raise SystemExit(1)


def measure(name: str, url: str, count: int, seconds: float) -> bool:
    """Measure on one server and print a line; return whether the targets are met."""
    jobs = [job(number) for number in range(count)]
    queue = RedisQueue.connect(url)
    with redis.Redis.from_url(url, socket_timeout=5) as raw:
        _, bare = timed(jobs, lambda each: raw.xadd("bare", {"job": each.text}))
    walls, kept = timed(jobs, queue.put)
    done: list[str] = []
    start, cpu = time.perf_counter(), time.process_time()
    with working(url, done):
        while len(done) < count:
            threading.Event().wait(0.01)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        threading.Event().wait(2)  # until the lanes have nothing left to close
        before = time.process_time()
        threading.Event().wait(seconds)
        idle = (time.process_time() - before) / seconds
    p50, p99 = statistics.median(walls) * 1e3, sorted(walls)[int(count * 0.99)] * 1e3
    put = f"{kept / count * 1e3:.3f}", f"{kept / bare:.2f}"
    row(name, f"{p50:.2f}", f"{p99:.2f}", *put, f"{cpu / count * 1e3:.2f}",
        f"{count / wall:.0f}", f"{idle * 100:.2f}")  # fmt: skip
    return sorted(done) == sorted(j.id for j in jobs) and idle <= IDLE and kept / bare <= RATIO


def job(number: int) -> Job:
    """Return a change of one of 50 deployments."""
    text = f"deploy qwen3-32b sglang --name m{number % 50}"
    return Job(f"job-{number}", Lane.CHANGE, text, "U0ALICE", "T0ACME", "C0OPS", AT)


def timed(jobs: list[Job], act: Callable[[Job], object]) -> tuple[list[float], float]:
    """Do something with each job; return each wall time and the CPU of all, in seconds."""
    walls, cpu = [], time.process_time()
    for each in jobs:
        start = time.perf_counter()
        act(each)
        walls.append(time.perf_counter() - start)
    return walls, time.process_time() - cpu


class Nothing:
    """Work that only remembers what was done."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def now(self) -> dt.datetime:
        """Return a time that stands still."""
        return AT

    def key(self, job: Job) -> str | None:
        """Return the deployment."""
        return job.text.rpartition(" ")[2]

    def perform(self, running: Running) -> None:
        """Remember the job."""
        self.done.append(running.job.id)

    def broken(self, job: Job) -> None:
        """Count as not done."""

    def lost(self, job: Job) -> None:
        """Count as not done."""


@contextlib.contextmanager
def working(url: str, done: list[str]) -> Iterator[None]:
    """Run both lanes as a worker has them."""
    claims, locks, stop = RedisClaims.connect(url, "w1"), RedisLocks.connect(url), threading.Event()
    hall = Hall("w1", claims, claims, locks)
    with ThreadPoolExecutor(len(Lane)) as lanes:
        for lane in Lane:
            lanes.submit(LaneReader(lane, hall, Nothing(done), PACES[lane]).run, stop)
        try:
            yield
        finally:
            stop.set()


@contextlib.contextmanager
def real() -> Iterator[str]:
    """Run a redis-server."""
    server = shutil.which("redis-server") or "redis-server"
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        words = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes"]
        with process([server, *words], "Ready to accept connections"):
            yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def fake() -> Iterator[str]:
    """Run fakeredis."""
    with process([sys.executable, "-c", FAKE], "redis://") as line:
        yield line.strip()


@contextlib.contextmanager
def process(command: list[str], ready: str) -> Iterator[str]:
    """Run a process; yield the line that says it is ready."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 - ours
        assert running.stdout is not None  # noqa: S101 - it was piped
        try:
            yield next(line for line in running.stdout if ready in line)
        finally:
            running.terminate()


def row(*cells: str) -> None:
    """Print a line of the table."""
    click.echo(f"{cells[0]:14}" + "".join(f"{cell:>12}" for cell in cells[1:]))


if __name__ == "__main__":
    main()
