"""Script: what the watcher takes to decide an event, after `benchmarks/watch.py` has read it.

1,250 deployments of one group of eight serve, 10,000 pods in all, remembered in a redis-server.
Then their pods change, as in a rollout: first each group loses its proof, which is remembered, and
then its pods go on changing, which is shown and not remembered. Events come in batches as from the
inbox, many at once and few. CPU is user and system time of this process alone; Slack, GitHub,
clusters and engines are left out. The run fails where an event that changes nothing remembered
takes more than TARGET.
"""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import click

from bot.cluster import Found, Listed, Observation, Pod, Scope
from bot.desired import Desired
from bot.rollout.inbox import Tick
from bot.rollout.looks import Looks
from bot.rollout.proving import Prover
from bot.rollout.watch import Ports, Watcher
from bot.rollout.watches import Watches
from bot.speaker import Speaker
from bot.store import GroupState, Proposal, Rollout
from bot.store.connection import WORKER, connect
from bot.store.redis import RedisStore
from bot.store.shared import RedisShared
from gitops.clock import SystemClock
from gitops.forge import Revision
from gitops.roles import NOBODY
from gitops.workspace import WorkingCopy

TARGET = 100e-6
"""Most seconds of CPU an event that changes nothing remembered, in batches of 200."""

SIZE = 8  # pods a group


class Nobody:
    """Whatever is left out: it takes every call."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return lambda *_, **__: None


@click.command()
@click.option("--sets", default=1_250, show_default=True)
@click.option("--rounds", default=4, show_default=True)
def main(sets: int, rounds: int) -> None:
    """Measure, print a table, and fail where the target is missed."""
    print(f"{'':36}{'batch':>8}{'µs/event':>10}")
    figures = {}
    for batch in (200, 5):
        with redis_server() as url, tempfile.TemporaryDirectory() as folder:
            watcher, watches = watching(url, Path(folder), sets)
            for what, turns in (("remembered", 1), ("shown, not remembered", rounds)):
                taken = decided(watcher, watches, sets, turns, batch)
                figures[what, batch] = taken
                print(f"{what:36}{batch:8}{taken * 1e6:10.0f}")
    if figures["shown, not remembered", 200] > TARGET:
        raise SystemExit(1)


def decided(watcher: Watcher, watches: Watches, sets: int, turns: int, batch: int) -> float:
    """Let each set change so often; return the seconds of CPU an event."""
    states = [f"loading {turn}" for turn in range(turns)]
    events: list[Found] = [shows(number, state) for state in states for number in range(sets)]
    begun = time.process_time()
    for at in range(0, len(events), batch):
        watcher.handle(events[at : at + batch], watches)
    return (time.process_time() - begun) / len(events)


def watching(url: str, folder: Path, sets: int) -> tuple[Watcher, Watches]:
    """Return a watcher that has seen every set serve."""
    store, clock, nobody = RedisStore.connect(url), SystemClock(), cast("Any", Nobody())
    for number in range(sets):
        store.propose(proposal(number))
        store.advance(proposal(number).key, rollout(number))
    environment = folder / "overlays" / "dev" / "environment.yaml"
    environment.parent.mkdir(parents=True)
    environment.write_text("name: dev\nnamespace: ml\n", encoding="utf-8")
    main_ = Desired(Revision("c", "t"), clock.now(), WorkingCopy(folder), NOBODY, None)
    ports = Ports(
        nobody, lambda: main_, Looks(nobody, clock), store, RedisShared(connect(url, WORKER)),
        nobody, Speaker(nobody, store, clock), Prover(nobody, lambda: main_, clock), clock,
    )  # fmt: skip
    watcher, watches = Watcher(ports, 10.0), Watches(nobody, lambda found: None)  # noqa: ARG005
    watches.keep({Scope("", "ml")})
    every = [shows(number, "ready") for number in range(sets)]
    names = frozenset(each.name for each in every)
    watcher.handle([Tick(), Listed("", "ml", names), *every, Tick()], watches)
    return watcher, watches


def shows(number: int, last: str) -> Observation:
    """Return a set whose last pod is in a state."""
    pods = [pod(number, index, "ready" if index < SIZE - 1 else last) for index in range(SIZE)]
    return Observation(
        "ml", f"m{number}", f"s{number}", "st", 1, SIZE, current=True, pods=tuple(pods),
        revision="r1",
    )  # fmt: skip


def pod(number: int, index: int, state: str) -> Pod:
    """Return a pod."""
    name = f"m{number}-0" + (f"-{index}" if index else "")
    ready = state == "ready"
    return Pod(
        name, f"u{number}-{index}", 0, index, "r1", state, ready=ready, deleting=False, failure=""
    )


def proposal(number: int) -> Proposal:
    """Return a deployment's proposal."""
    url = f"https://git.example/acme/gitops/pull/{number + 1}"
    return Proposal(
        "dev", f"m{number}", "ml", "qwen3-32b", "qwen3-32b", "vllm 0.11.0", "1×(8×1 GPU)", "TP 8",
        8, "st", number + 1, url, "C0ML", "1795577011.604370", "U0ALICE",
        fit="tight: The KV cache holds 61,911 tokens, 1.51 × 40,960",
    )  # fmt: skip


def rollout(number: int) -> Rollout:
    """Return what is known of a deployment that serves."""
    return Rollout(
        number + 1, review="merged", merged_at="2026-11-24T00:00:00+00:00", uid=f"s{number}",
        applied="st", served=True, phase="JOINING",
        groups={0: GroupState(f"u{number}-0", "r1", proved=0.4)},
    )  # fmt: skip


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Run a redis-server."""
    server = shutil.which("redis-server") or "redis-server"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words: Sequence[str] = ("--port", str(port), "--bind", "127.0.0.1", "--save", "")
    run = subprocess.Popen([server, *words], stdout=subprocess.PIPE, text=True)  # noqa: S603 - no shell
    try:
        assert run.stdout is not None  # noqa: S101 - it was piped
        while "Ready to accept connections" not in run.stdout.readline():
            pass
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        run.kill()
        run.wait()


if __name__ == "__main__":
    main()
