"""How a group ends that has lost a worker, by engine.

Sources: observed on two processes each: an idle leader of vLLM 0.32.0 stays healthy, its next
question fails (500; in a stream an error object), /health is 503 for some seconds, the leader
exits; under traffic it notices within 2.6 s. A leader of SGLang 0.4.10 exits within 3 s.
"""

import contextlib
import threading

from werkzeug.exceptions import Conflict, NotFound

from sandbox.clock import Time
from sandbox.cluster import Cluster, podstatus
from sandbox.cluster.objects import Object, name_of, uid_of
from sandbox.engine.profile import profile_of

NOTICED = 2.7
"""Seconds until vLLM answers a question that needs the dead worker."""

_LINGERS = 4.0  # seconds between vLLM's error and its exit
_SGLANG_ENDS = 3.0  # seconds from the worker's death to the leader's


def life(pod: Object) -> str:
    """Return what names this very run of a pod's engine: the pod's uid and its restarts."""
    return f"{uid_of(pod)}/{podstatus.restarts(pod)}"


class Dying:
    """The leaders that are doomed or dying; a new pod is neither."""

    def __init__(self, time: Time, cluster: Cluster) -> None:
        self._time = time
        self._cluster = cluster
        self._doomed: set[str] = set()
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    def doom(self, leader: Object) -> None:
        """Let a leader's worker be dead from now on."""
        with self._lock:
            self._doomed.add(life(leader))
        if not profile_of(leader).vllm:
            self._end(leader, _SGLANG_ENDS)

    def doomed(self, leader: Object) -> bool:
        """Say whether a worker of this leader is dead."""
        with self._lock:
            return life(leader) in self._doomed

    def failed(self, leader: Object) -> bool:
        """Say whether the leader knows, and is about to exit."""
        with self._lock:
            return life(leader) in self._failed

    def fail(self, leader: Object) -> None:
        """Let the leader find out: it exits soon."""
        with self._lock:
            known = life(leader) in self._failed
            self._failed.add(life(leader))
        if not known:
            self._end(leader, _LINGERS)

    def spare(self) -> None:
        """Let all workers live again, but for leaders that have begun to exit."""
        with self._lock:
            self._doomed.clear()

    def state(self) -> list[str]:
        """Return the lives of doomed leaders."""
        with self._lock:
            return sorted(self._doomed)

    def _end(self, leader: Object, seconds: float) -> None:
        name = f"end of {name_of(leader)}"
        threading.Thread(target=self._exit, args=(leader, seconds), name=name, daemon=True).start()

    def _exit(self, leader: Object, seconds: float) -> None:
        self._time.sleep(seconds)
        namespace, name = leader["metadata"]["namespace"], name_of(leader)
        live = self._cluster.get("pods", namespace, name)
        if live is None or life(live) != life(leader):
            return
        if not self.doomed(leader) and not self.failed(leader):
            return
        with contextlib.suppress(NotFound, Conflict):  # it ended in another way
            self._cluster.kill(namespace, name, "Error", 1)
