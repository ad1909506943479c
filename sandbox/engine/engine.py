"""One forward proxy that plays the pod network: whoever listens at a host answers as its engine.

Nobody listening looks like a refused connection through a proxy: closed without an answer.
Sources: the routes, health checks and API keys of vLLM 0.10.0 to 0.32.0 and of SGLang
0.4.10.post2 and 0.5.9 (the socket opens only when the model is loaded).
"""

import json

from werkzeug.wrappers import Request, Response

from sandbox.clock import Time
from sandbox.cluster import Cluster
from sandbox.cluster.objects import Object, name_of
from sandbox.engine.callers import Caller
from sandbox.engine.chat import Chat, Visit
from sandbox.engine.completions import prompt_of
from sandbox.engine.dying import Dying
from sandbox.engine.network import Network
from sandbox.engine.profile import profile_of
from sandbox.engine.routes import serve
from sandbox.engine.speech import Pace
from sandbox.engine.troubles import EngineFault, EngineFaults, Trouble
from sandbox.faults import HungUp
from sandbox.journal import Journal
from sandbox.serving import World

_NOT_SAMPLING = ("messages", "model", "stream", "stream_options")


class Engine:
    """All engines of a cluster behind one address."""

    def __init__(
        self, time: Time, journal: Journal, cluster: Cluster, pace: Pace | None = None
    ) -> None:
        self._time = time
        self._journal = journal
        self._network = Network(cluster)
        self._faults = EngineFaults()
        self._dying = Dying(time, cluster)
        self._chat = Chat(time, self._faults, self._dying, self._alive)
        self._chat.pace = pace or Pace()
        self._down: set[str] = set()

    def world(self) -> World:
        """Return the server of the network."""
        return World("engine", _call_of, self._answer)

    def down(self, host_prefix: str) -> None:
        """Let the engines at hosts that begin so refuse connections and break off answers."""
        self._down.add(host_prefix)

    def up(self, host_prefix: str | None = None) -> None:
        """Let them listen again; all of them without a prefix."""
        self._down.difference_update([host_prefix] if host_prefix else set(self._down))

    def fault(
        self, host_prefix: str, kind: Trouble, after_tokens: int = 3, times: int | None = None
    ) -> None:
        """Put a fault in force at hosts that begin so; see `sandbox.engine.troubles`.

        Raises:
            ValueError: a dead worker where no leader serves.
        """
        if kind != "dead_worker":
            self._faults.arm(EngineFault(host_prefix, kind, after_tokens, times))
            return
        leaders = self._network.leaders(host_prefix)
        if not leaders:
            raise ValueError(f"no leader serves at a host that begins with {host_prefix!r}")
        for leader in leaders:
            self._dying.doom(leader)

    def heal(self, host_prefix: str | None = None) -> None:
        """Take the faults of a prefix back, or all; dead workers live again in any case."""
        self._faults.heal(host_prefix)
        self._dying.spare()

    def pace(self, first: float, token: float) -> None:
        """Set the seconds until the first token and between tokens, from the next wait on."""
        self._chat.pace = Pace(first, token)

    def state(self) -> dict[str, object]:
        """Return which hosts are down, the faults in force, and the speed."""
        pace = self._chat.pace
        return {
            "down": sorted(self._down),
            "faults": self._faults.state(),
            "dead_workers": self._dying.state(),
            "pace": {"first": pace.first, "token": pace.token},
        }

    def _answer(self, request: Request) -> Response:
        call, host = _call_of(request), request.host
        pod = self._listener(host)
        name = name_of(pod) if pod else None
        self._journal.add("engine", call, host=host, pod=name, **_detail(call, request))
        fault = self._faults.take(host, call)
        if pod is None or (fault and fault.kind == "refuse"):
            raise HungUp(host)
        visit = Visit(host, pod, profile_of(pod), Caller(request, self._time), fault)
        return serve(visit, request, self._chat, self._dying, int(self._time.now().timestamp()))

    def _listener(self, host: str) -> Object | None:
        return None if self._fallen(host) else self._network.listener(host)

    def _fallen(self, host: str) -> bool:
        return any(host.startswith(prefix) for prefix in list(self._down))

    def _alive(self, visit: Visit) -> bool:
        return not self._fallen(visit.host) and self._network.listens(visit.pod)


def _call_of(request: Request) -> str:
    return f"{request.method} {request.path.strip('/').removeprefix('v1/')}"


def _detail(call: str, request: Request) -> dict[str, object]:
    if call != "POST chat/completions":
        return {}
    try:
        body = json.loads(request.get_data())
    except ValueError:  # not JSON, or not even text
        return {"malformed": True}
    if not isinstance(body, dict):
        return {"malformed": True}
    sampling = {key: value for key, value in body.items() if key not in _NOT_SAMPLING}
    return {
        "model": body.get("model"),
        "prompt": prompt_of(body),
        "messages": body.get("messages"),
        "stream": bool(body.get("stream")),
        **sampling,
    }
