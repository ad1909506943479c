"""Script: how fast commands are acknowledged, in a burst of slow ones and at a steady pace.

Burst: 50 people type within a second; GitHub takes 8 s for each command (the sandbox's, behind a
server that waits), while `serve` and `work` run as processes. Pace: 100 commands a second on
`serve`, in turn with a bare bolt listener that only acknowledges, on the same HTTP server. Redis is
a real redis-server (appendonly, fsync every second). CPU is user and system time of the serving
process (/proc), without Redis. The run fails where a target is missed.
"""

import contextlib
import http.client
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import click
import redis
from werkzeug.wrappers import Request, Response

from bot.store import Lane
from bot.store.queue import stream
from gitops.settings import child_environment
from sandbox.faults import Faults
from sandbox.leadline import running
from sandbox.people import ALICE, CHANNEL, TEAM
from sandbox.serving import World, serving
from sandbox.setup import Setup
from sandbox.worlds import Sandbox, sandbox

BURST, DELAY, LATEST, PATIENCE = 50, 8.0, 0.3, 900
"""Commands within a second; in seconds: what GitHub takes for each, latest acknowledgement, end."""

CHANGES = 14
"""Of them so many are deploys unless told otherwise, the others read. A deploy writes five times;
GitHub lets an account write 80 times a minute, and deploys past that wait for their turn."""

PACE, P99, RATIO = 100, 0.05, 1.4
"""Commands a second, slowest but for one in a hundred in s, most CPU beside bare bolt's."""

ROUNDS, ROUND, CLIENTS = 3, 8, 16
"""Rounds on each side, seconds of a round, and lines; the queue holds 1,000 commands."""

PEOPLE = 500
"""Who type in a round: of one person alone `serve` takes 60 commands a minute."""

BARE = """
import logging, sys, threading
from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient
from bot.web import by_path, serve
secret, token, url = sys.argv[1:]
app = App(client=WebClient(token=token, base_url=url), signing_secret=secret,
          process_before_response=True)
app.command("/llm")(lambda ack: ack("taken"))
paths = {"/slack/events": SlackRequestHandler(app)}
ready = lambda port: print(port, flush=True)
serve(by_path(paths), "127.0.0.1", 0, ready, threading.Event())
"""


@click.command()
@click.option("--burst/--no-burst", default=True)
@click.option("--pace/--no-pace", default=True)
@click.option("--deploys", type=click.IntRange(1, BURST), default=CHANGES, show_default=True)
def main(burst: bool, pace: bool, deploys: int) -> None:  # noqa: FBT001 - click's switches
    """Measure, print what came out, and fail where a target is missed."""
    fine = True
    with tempfile.TemporaryDirectory(prefix="leadline-benchmark-") as name:
        if burst:
            fine = measure_burst(Path(name), deploys) and fine
        if pace:
            fine = measure_pace(Path(name)) and fine
    raise SystemExit(not fine)


def measure_burst(folder: Path, deploys: int) -> bool:
    """Let 50 people type at once while GitHub takes its time; say whether the targets are met."""
    folder.joinpath("burst-redis").mkdir()
    with (
        real_redis(folder / "burst-redis") as url,
        sandbox(folder / "burst", setup=Setup(redis=url)) as worlds,
        slow_github(worlds) as slow,
    ):
        worlds.environment["LEADLINE_CHANGE_THREADS"] = "16"
        with running(worlds, "serve", "work"):
            typed_in_turn(worlds)
            slow.set()
            since, start = len(worlds.journal.entries()), time.perf_counter()
            taken = typed_at_once(worlds, deploys)
            ended, wall = finished(worlds, since, BURST), time.perf_counter() - start
        pulls = sorted(pull["head"] for pull in worlds.github.state()["pulls"])
        whispers = [str(e.detail) for e in worlds.journal.entries()[since:]
                    if e.call == "chat.postEphemeral"]  # fmt: skip
    waits = sum("runs by itself in about" in each for each in whispers)
    late = max(taken)
    done = (len(pulls) - 1, len(set(pulls)) - 1, len(whispers) - waits)
    click.echo(f"{BURST} commands in 1 s, each with {DELAY:g} s of GitHub")
    click.echo(f"  acknowledged: p50 {statistics.median(taken) * 1e3:.0f} ms, "
               f"last {late * 1e3:.0f} ms (target {LATEST * 1e3:g})")  # fmt: skip
    click.echo(f"  ended: {ended}; pull requests: {done[0]}, different: {done[1]}; answers: "
               f"{done[2]}; told that they wait: {waits}; all after {wall:.0f} s")  # fmt: skip
    return late <= LATEST and ended == BURST and done == (deploys, deploys, BURST - deploys)


@contextlib.contextmanager
def slow_github(worlds: Sandbox) -> Iterator[threading.Event]:
    """Put a GitHub between that waits, once it is told to, with one request of each command."""
    world, slow = worlds.github.world(), threading.Event()

    def answer(request: Request) -> Response:
        if slow.is_set() and world.call_of(request) in {"POST pulls", "GET commits"}:
            threading.Event().wait(DELAY)
        return world.answer(request)

    with serving(World("github", world.call_of, answer), Faults()) as server:
        worlds.environment["GITHUB_API_URL"] = server.url
        yield slow


def typed_in_turn(worlds: Sandbox) -> None:
    """Let one deployment be there whose history can be asked for."""
    for text in ("deploy qwen3-8b vllm base", "history base"):
        since = len(worlds.journal.entries())
        worlds.type(text)
        if not finished(worlds, since, 1):
            raise SystemExit(f"{text}: did not end")
        if text.startswith("deploy"):
            worlds.merge(1)


def typed_at_once(worlds: Sandbox, deploys: int) -> list[float]:
    """Type every command within a second; return the seconds until each was acknowledged.

    Who types has a process of its own: in this one GitHub and Slack are played, and their work
    would count as Leadline's delay.
    """
    lines = [f"deploy qwen3-8b vllm burst{n}" if n < deploys else "history base"
             for n in range(BURST)]  # fmt: skip
    bodies = [body(f"burst.{n}", line, ALICE) for n, line in enumerate(lines)]
    signed = [(each, worlds.slack.courier.signed_headers(each)) for each in bodies]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as people:
        people.submit(os.getpid).result()  # has started
        return people.submit(type_all, int(worlds.environment["LEADLINE_PORT"]), signed).result()


def type_all(port: int, signed: list[tuple[bytes, dict[str, str]]]) -> list[float]:
    """Send commands at an even pace within a second, each over a connection of its own."""

    def type_(number: int) -> float:
        threading.Event().wait(number / BURST)
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
        with contextlib.closing(line):
            return acknowledged(line, *signed[number], shown=b"(ref ")

    with ThreadPoolExecutor(BURST) as people:
        return list(people.map(type_, range(BURST)))


def finished(worlds: Sandbox, since: int, wanted: int) -> int:
    """Wait until so many commands have ended; return how many have."""

    def count() -> int:
        entries = worlds.journal.entries()[since:]
        return sum((e.world, e.call) == ("leadline", "finished") for e in entries)

    worlds.journal.wait(lambda _: count() >= wanted, since, PATIENCE)
    return count()


@dataclass(frozen=True, slots=True)
class Paced:
    """What a round came to: seconds of each acknowledgement, CPU seconds, commands kept."""

    walls: list[float]
    cpu: float
    kept: int


def measure_pace(folder: Path) -> bool:
    """Take 100 commands a second on both sides in turn; return whether the targets are met."""
    with sandbox(folder / "pace") as worlds, real_redis(folder) as url:
        worlds.environment.update(REDIS_URL=url, LEADLINE_HEALTH_PORT="0")
        del worlds.environment["LEADLINE_SANDBOX_URL"]  # the machine's clock, as a team has it
        slack = worlds.environment["SLACK_API_URL"]
        sign = worlds.slack.courier.signed_headers
        store = redis.Redis.from_url(url, decode_responses=True, socket_timeout=5)
        ours: list[Paced] = []
        bare: list[Paced] = []
        with running(worlds, "serve") as leadline, bare_bolt(slack) as (port, process), store:
            pid = leadline.processes["serve"].pid
            own = int(worlds.environment["LEADLINE_PORT"])
            paced(own, pid, sign, "warm", 2, store)
            paced(port, process.pid, sign, "warm", 2, store)
            for number in range(ROUNDS):
                ours.append(paced(own, pid, sign, f"o{number}", ROUND, store))
                bare.append(paced(port, process.pid, sign, f"b{number}", ROUND, store))
    return told(ours, bare)


def told(ours: list[Paced], bare: list[Paced]) -> bool:
    """Print both sides; return whether the targets are met."""
    count = PACE * ROUND * ROUNDS
    click.echo(f"{PACE} commands a second, {ROUNDS} times {ROUND} s on each side in turn")
    click.echo(f"{'':34}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}")
    figures = []
    for name, rounds in (("kept in Redis, then acknowledged", ours), ("bare bolt listener", bare)):
        walls = sorted(wall for each in rounds for wall in each.walls)
        p50, p99 = walls[count // 2], walls[int(count * 0.99)]
        cpu = sum(each.cpu for each in rounds) / count
        click.echo(f"{name:34}{p50 * 1e3:9.1f}{p99 * 1e3:9.1f}{cpu * 1e6:9.0f}")
        figures.append((p99, cpu))
    ratio = figures[0][1] / figures[1][1]
    kept = sum(each.kept for each in ours)
    click.echo(f"CPU ratio {ratio:.2f} (target {RATIO:g}); p99 target {P99 * 1e3:g} ms; "
               f"kept {kept} of {count}")  # fmt: skip
    return ratio <= RATIO and figures[0][0] <= P99 and kept == count


def paced(
    port: int,
    pid: int,
    sign: Callable[[bytes], dict[str, str]],
    name: str,
    seconds: int,
    store: "redis.Redis",
) -> Paced:
    """Send a round of commands, each at its time; return what that cost the process `pid`."""
    bodies = [body(f"{name}.{number}") for number in range(PACE * seconds)]
    signed = [(each, sign(each)) for each in bodies]
    store.delete(stream(Lane.CHANGE))
    before, start = cpu_of(pid), time.perf_counter()

    def client(first: int) -> list[float]:
        walls = []
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=3)) as line:
            for number in range(first, len(signed), CLIENTS):
                threading.Event().wait(max(0.0, start + number / PACE - time.perf_counter()))
                walls.append(acknowledged(line, *signed[number]))
        return walls

    with ThreadPoolExecutor(CLIENTS) as people:
        walls = [wall for each in people.map(client, range(CLIENTS)) for wall in each]
    return Paced(walls, cpu_of(pid) - before, int(store.xlen(stream(Lane.CHANGE))))


def acknowledged(
    line: http.client.HTTPConnection, sent: bytes, headers: dict[str, str], shown: bytes = b""
) -> float:
    """Send one command; return the seconds until its acknowledgement was read."""
    start = time.perf_counter()
    line.request("POST", "/slack/events", sent, headers)
    answer = line.getresponse()
    text = answer.read()
    if answer.status != http.HTTPStatus.OK or not text or shown not in text:
        raise SystemExit(f"not acknowledged: {answer.status} {text!r}")
    return time.perf_counter() - start


def number(trigger: str) -> int:
    """Return the number of a command in its round."""
    return int(trigger.rpartition(".")[2])


def body(trigger: str, text: str = "deploy qwen3-32b sglang --replicas 2", user: str = "") -> bytes:
    """Return a slash command as Slack sends it, of one of many people: one alone is bounded."""
    fields = {
        "token": "x", "team_id": TEAM.id, "team_domain": "acme", "channel_id": CHANNEL,
        "channel_name": "ml-serving", "user_id": user or f"U0{number(trigger) % PEOPLE:03}",
        "user_name": "somebody", "command": "/llm",
        "text": text, "api_app_id": TEAM.app_id,
        "is_enterprise_install": "false", "trigger_id": trigger,
        "response_url": "https://hooks.slack.com/commands/T0ACME0001/1/x",
    }  # fmt: skip
    return urlencode(fields).encode()


def cpu_of(pid: int) -> float:
    """Return user and system time of a process and its threads, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def bare_bolt(slack: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Run a bolt app that only acknowledges, on the HTTP server that ours has."""
    command = [sys.executable, "-c", BARE, TEAM.signing_secret, TEAM.bot_token, slack]
    process = subprocess.Popen(  # noqa: S603 - our own words
        command, env=child_environment({}), stdout=subprocess.PIPE, text=True
    )
    with process, contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        yield int(process.stdout.readline() if process.stdout else ""), process


@contextlib.contextmanager
def real_redis(folder: Path) -> Iterator[str]:
    """Run a redis-server that writes every command down, as a team's would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = shutil.which("redis-server")
    if server is None:
        raise SystemExit("redis-server is not on this machine: apt-get install redis-server")
    command = [server, "--port", port, "--bind", "127.0.0.1", "--dir", str(folder),
               "--appendonly", "yes", "--appendfsync", "everysec"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our words
    with process, contextlib.ExitStack() as stack:
        stack.callback(process.terminate)
        for line in process.stdout or ():
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}/0"


if __name__ == "__main__":
    main()
