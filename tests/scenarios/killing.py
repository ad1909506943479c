"""What tests need that kill a role many times: it starts fast, and a gate stands before its Redis.

The role is a process of its own as always: `bot.process.run` from its first line, with sockets and
threads of its own. Only its imports are made already, in the server that it is forked from; they
are four fifths of a start.
"""

import contextlib
import multiprocessing
import os
import shutil
import subprocess
from dataclasses import dataclass

from bot import process
from bot.store import scripts
from sandbox.leadline import Leadline, kept
from sandbox.redis_gate import gated
from sandbox.setup import Setup
from sandbox.worlds import sandbox
from tests.adapters.conftest import real_redis

SCRIPTS = {
    name: text
    for name, text in vars(scripts).items()
    if name.isupper() and isinstance(text, str) and not name.startswith("_")
}
"""Our scripts by their names, as the gate's journal has them."""

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    ["bot.process", "bot.wiring.serve", "bot.wiring.work", "bot.wiring.watch"]
)


class Forked:
    """A forked process, as far as Leadline needs it to be one of subprocess."""

    def __init__(self, role, environment):
        said, says = FORKING.Pipe(duplex=False)
        self._process = FORKING.Process(target=_live, args=(role, environment, says))
        self._process.start()
        says.close()
        self.stdout = os.fdopen(os.dup(said.fileno()), encoding="utf-8")
        said.close()
        self.kill, self.terminate = self._process.kill, self._process.terminate

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return self._process.exitcode


def _live(role, environment, says):
    os.environ.update(environment)
    for number in (1, 2):
        os.dup2(says.fileno(), number)
    process.run((role,))


@dataclass(slots=True)
class Doomed(Leadline):
    """Leadline with one role whose calls to Redis go through a gate."""

    victim: str = ""
    gate: str = ""

    def _process(self, role, environment):
        way = {"REDIS_URL": self.gate} if role == self.victim else {}
        return Forked(role, environment | way)

    def again(self, fault):
        """Kill the victim in the middle of a call, and start it again."""
        self.kill(self.victim)
        fault.released.set()
        self.start(self.victim)


@contextlib.contextmanager
def stage(folder, rate, victim, *others, nodes=4, speeds=None):
    """Run all worlds and the roles; only the victim's calls are the gate's, and in its journal.

    Redis is a redis-server where this machine has one, as in CI, and else the sandbox's own.
    """
    with contextlib.ExitStack() as stack:
        url = ""
        if shutil.which("redis-server"):
            kept_in = folder / "redis"
            kept_in.mkdir()
            url = stack.enter_context(real_redis(kept_in, "--save", "")).url
        setup = Setup(nodes=nodes, redis=url)
        worlds = stack.enter_context(sandbox(folder / "worlds", rate, speeds, setup))
        shared = (worlds.addresses["redis"], worlds.journal, worlds.faults)
        gate = stack.enter_context(gated(*shared, SCRIPTS))
        leadline = Doomed(worlds, victim=victim, gate=gate)
        yield worlds, stack.enter_context(kept(leadline, victim, *others))
