"""The agent: when it looks at the repository, how it is driven, what it is told."""

import threading
from collections import deque
from pathlib import Path

from sandbox.agent.failures import FailureKind
from sandbox.agent.flavour import Settings
from sandbox.agent.fleet import Fleet
from sandbox.agent.target import Target
from sandbox.agent.units import AgentError, Repository
from sandbox.clock import Time
from sandbox.cluster.objects import Key
from sandbox.cluster.store import Change
from sandbox.journal import Journal

_GLANCE = 0.05  # real seconds between two looks at the clock
_NOTICED = 10_000  # changes of the cluster that wait to be looked at; the oldest are dropped


class Agent:
    """Keeps one cluster at the newest revision of one branch, as Argo CD or Flux would.

    Nothing moves before `start`, except what `sync` or `step` does in the caller's thread.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the eight things that an agent is told
        self,
        time: Time,
        journal: Journal,
        repository_path: Path,
        branch: str,
        kubernetes_url: str,
        token: str,
        overlays: str = "overlays",
        settings: Settings | None = None,
    ) -> None:
        self._setup = settings = settings or Settings()
        self._time = time
        self._journal = journal
        self._branch = branch
        self._repository = Repository(repository_path, branch, overlays, settings.covers)
        target = Target(kubernetes_url, token, settings.flavour.manager)
        self._fleet = Fleet(time, journal, settings, self._repository, target, branch)
        self._noticed: deque[Key] = deque(maxlen=_NOTICED)
        self._turn = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agent", daemon=True)
        self._paused = False
        self._lost = ""  # why the repository could not be read
        self._poll_at = time.monotonic() + settings.flavour.poll
        self._pushed_at = float("inf")

    def start(self) -> None:
        """Begin to poll, to correct drift and to act on pushes, in a thread of the agent's own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, if there is one."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(5)

    def pushed(self, branch: str, sha: str) -> None:  # noqa: ARG002 - the branch is read later
        """Notice a push to our branch: after the delay of a webhook, or at the next poll."""
        if branch == self._branch and self._setup.webhook:
            self._pushed_at = self._time.monotonic() + self._setup.delay

    def noticed(self, change: Change) -> None:
        """Take a change of the cluster, as Argo CD's watches do; for `Cluster.listen`."""
        if self._setup.flavour.watches:
            self._noticed.append(change.key)

    def sync(self, sha: str = "") -> None:
        """Sync everything now to a revision (default: the branch's), in the caller's thread.

        As `argocd app sync` or `flux reconcile --with-source`. While the agent is away, it is done
        when the agent is back. What goes wrong is told by `state`.
        """
        with self._turn:
            if self._learn(sha):
                self._fleet.demand()
                self._act()

    def step(self) -> None:
        """Do what is due now; the agent's thread does nothing else, over and over."""
        with self._turn:
            now = self._time.monotonic()
            if not self._paused and min(self._poll_at, self._pushed_at) <= now:
                self._poll_at = now + self._setup.flavour.poll
                self._pushed_at = float("inf")
                self._learn("")
            self._act()

    def fail(self, kind: FailureKind, times: int = 1, unit: str = "", seconds: float = 60) -> None:
        """Let the next attempts of a unit (default: of any) go wrong: see `sandbox.agent.failures`.

        `seconds` is how much longer a slow sync takes.

        Raises:
            ValueError: there is no such failure.
        """
        with self._turn:
            self._fleet.failures.arm(kind, times, unit, seconds)

    def repair(self) -> None:
        """Let nothing more go wrong, and let syncs that are slow or stuck go on."""
        with self._turn:
            self._fleet.failures.clear()
            self._fleet.let_go()

    def pause(self) -> None:
        """Let the controller be away: nothing happens, and its objects stay as they are."""
        with self._turn:
            self._paused = True

    def resume(self) -> None:
        """Let the controller come back; it reads the branch at once, as at its start."""
        with self._turn:
            self._paused = False
            self._pushed_at = self._time.monotonic()

    def state(self) -> dict[str, object]:
        """Return the revision that everything is at, how it goes, and each unit."""
        with self._turn:
            state = self._fleet.state()
        if self._lost:
            state |= {"health": "failed", "message": self._lost}
        return {**state, "flavour": self._setup.flavour.name, "paused": self._paused}

    def _run(self) -> None:
        while not self._ended.wait(_GLANCE):
            self.step()

    def _act(self) -> None:
        if self._paused:
            return
        changed = {self._noticed.popleft() for _ in range(len(self._noticed))}
        if changed:
            self._fleet.look_at(changed)
        self._fleet.act()

    def _learn(self, sha: str) -> bool:
        """Read a revision; say whether it could be read."""
        try:
            self._fleet.learn(sha or self._repository.head())
        except AgentError as error:
            self._lost = str(error)
            self._journal.add("agent", "failed", revision=sha, message=str(error))
            return False
        self._lost = ""
        return True
