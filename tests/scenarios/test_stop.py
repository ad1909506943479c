"""SIGTERM while something outside hangs: every role ends within ten seconds, and loses nothing.

Each case has worlds of its own, so that they can wait beside each other.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from sandbox.faults import Fault
from sandbox.leadline import ROLES, Leadline
from sandbox.people import TEAM
from sandbox.redis_gate import gated
from sandbox.worlds import CHANNEL, Sandbox, sandbox
from tests.scenarios.conftest import RATE

ENDS = 10.0
"""Real seconds in which a process ends after SIGTERM."""

LONG = 60.0
"""Real seconds in which anything else comes, on a busy machine too."""

AT_ONCE = 6
"""Cases at a time; a start takes a second of one core."""

FOREVER = 10**9
"""More calls than any of these tests makes."""

RUN = "run"
"""All roles in one process."""

NAME = "qwen3-32b-sglang"


def nothing(worlds: Sandbox) -> None:
    """Let a role do what it does by itself."""


def deploy(worlds):
    worlds.type("deploy qwen3-32b sglang")


def help_(worlds):
    worlds.type("help")


def form(worlds):
    worlds.slack.people.type("/llm deploy", "U0ALICE", CHANNEL)


def deployed(worlds):
    deploy(worlds)
    assert worlds.journal.wait(finished, 0, LONG)


def merged(worlds):
    deployed(worlds)
    worlds.merge(1)


def merge(worlds):
    worlds.merge(1)


def ask(worlds):
    merged(worlds)
    worlds.type(f"ask {NAME} hello")


@dataclass(frozen=True)
class Case:
    """What ends while which calls hang.

    `others` run already, `before` happens before the role starts, and `act` brings it to the calls.
    `early` hangs them at its start already, else it is ready first. `again`: it has a job in hand,
    which the next process of its name does.
    """

    role: str
    world: str
    calls: str = ".*"
    others: tuple[str, ...] = ()
    before: Callable[[Sandbox], None] = nothing
    act: Callable[[Sandbox], None] = nothing
    early: bool = False
    again: bool = False
    settings: tuple[tuple[str, str], ...] = ()


PODS = "(GET|WATCH) (pods|leaderworkersets|events)"
SOCKET = (("SLACK_APP_TOKEN", TEAM.app_token),)
CASES = {
    "serve, Redis": Case("serve", "redis", act=help_),
    "serve, Slack": Case("serve", "slack", "views.open", ("work",), act=form),
    "serve, Socket Mode": Case("serve", "slack", "apps.connections.open", early=True,
                               settings=SOCKET),
    "work, GitHub at the start": Case("work", "github", early=True),
    "work, GitHub": Case("work", "github", "POST .*", ("serve",), act=deploy, again=True),
    "work, Slack": Case("work", "slack", r"chat\..*", ("serve",), act=deploy, again=True),
    "work, Redis": Case("work", "redis"),
    "work, an engine": Case("work", "engine", ".*", ("serve",), act=ask, again=True),
    "watch, GitHub": Case("watch", "github", "GET pulls/[0-9]+", ("serve", "work"), deployed),
    "watch, Slack": Case("watch", "slack", r"chat\..*", ("serve", "work"), deployed, merge),
    "watch, a cluster": Case("watch", "cluster", PODS, ("serve", "work"), deployed),
    "watch, an engine": Case("watch", "engine", ".*", ("serve", "work"), merged),
    "watch, Redis": Case("watch", "redis", "(?!BLPOP).*"),
    "run, GitHub": Case(RUN, "github", "POST .*", act=deploy, again=True),
    "run, Slack": Case(RUN, "slack", r"chat\..*", act=deploy, again=True),
    "run, Redis": Case(RUN, "redis"),
}  # fmt: skip


@dataclass(slots=True)
class Ending(Leadline):
    """Leadline with a gate before the Redis of the role that is to end."""

    case: Case | None = None
    gate: str = ""

    def _process(self, role, environment):
        if role != self.case.role:
            return super(Ending, self)._process(role, environment)
        way = {"REDIS_URL": self.gate} | dict(self.case.settings)
        return subprocess.Popen(
            [sys.executable, "-m", "bot", *([] if role == RUN else [role])],
            env=environment | way, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def begin(self):
        """Start the role that is to end, and wait until it is ready unless it hangs before."""
        since = len(self.sandbox.journal.entries())
        self.processes[self.case.role] = self._spawn(self.case.role)
        if not self.case.early:
            for role in ROLES if self.case.role == RUN else (self.case.role,):
                journal, ready = self.sandbox.journal, f"role={role}"
                assert journal.wait(lambda e, r=ready: e.detail.get("said") == r, since, LONG)

    def end(self):
        """SIGTERM the role; return its code and the seconds that it took."""
        process, begun = self.processes.pop(self.case.role), time.monotonic()
        process.terminate()
        code = process.wait(LONG)
        took = time.monotonic() - begun
        self.listeners.pop(self.case.role).join()
        return code, took


def finished(entry):
    return (entry.world, entry.call) == ("leadline", "finished")


def stopped(folder, case):
    """Play a case in worlds of its own; return the exit code and the seconds."""
    with sandbox(folder, RATE) as worlds:
        redis, journal, faults = worlds.addresses["redis"], worlds.journal, worlds.faults
        with gated(redis, journal, faults, {}) as gate:
            leadline = Ending(worlds, case=case, gate=gate)
            try:
                return played(worlds, leadline, case)
            finally:
                faults.release_all()
                leadline.stop()


def played(worlds, leadline, case):
    fault = Fault(case.world, case.calls, "before", "hold", times=FOREVER)
    if case.others:
        leadline.start(*case.others)
    case.before(worlds)
    if case.early:
        worlds.faults.arm(fault)
        leadline.begin()
    else:
        leadline.begin()
        worlds.faults.arm(fault)
    acting = threading.Thread(target=case.act, args=(worlds,))
    acting.start()  # beside us: what people do may wait for the answer of the role
    assert fault.reached.wait(LONG), f"{case.role} never came to {case.world} {case.calls}"
    ending = leadline.end()
    fault.times = 0
    fault.released.set()
    acting.join()
    if case.again:
        since = len(worlds.journal.entries())
        leadline.begin()
        assert worlds.journal.wait(finished, since, LONG)
    return ending


@pytest.fixture(scope="module")
def endings(tmp_path_factory):
    """Return how each case goes, as futures: most of it is waiting, so some wait together."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            name: pool.submit(stopped, tmp_path_factory.mktemp("stop") / "worlds", case)
            for name, case in CASES.items()
        }


@pytest.mark.parametrize("name", CASES)
def test_a_role_ends_within_ten_seconds_while_this_hangs(endings, name):
    code, took = endings[name].result()

    assert (code, took < ENDS) == (0, True), took
