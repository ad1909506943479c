"""Pure: what is applied against what is there: drift, and the health of single objects.

Sources: Argo CD's resource health page (built-in checks; no check means no health; an application
is as healthy as its worst object), its list of bundled checks (none for LeaderWorkerSet was found),
and kstatus, which Flux asks (an object without a Ready condition is Current at once).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox.agent.flavour import Flavour
from sandbox.agent.units import Manifest
from sandbox.cluster.objects import Object, annotations, condition

HealthStatus = Literal["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]

_FROM_BEST_TO_WORST: tuple[HealthStatus, ...] = (
    "Healthy",
    "Suspended",
    "Progressing",
    "Missing",
    "Degraded",
    "Unknown",
)


@dataclass(frozen=True, slots=True)
class Health:
    """How one object is."""

    status: HealthStatus
    message: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One object of a unit: as Git has it (None when it is gone there) and as it lives."""

    path: str
    wanted: Manifest | None
    live: Object | None
    health: Health | None

    @property
    def item(self) -> Object:
        """The object, from whichever side has it."""
        return self.live or self.wanted or {}

    @property
    def synced(self) -> bool:
        """Say whether the object lives as Git has it."""
        return bool(self.wanted and self.live) and contains(self.live, self.wanted)


def contains(live: object, wanted: object) -> bool:
    """Say whether an object has all that is wanted; what the server filled in is no difference."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            each is None or contains(live.get(key), each)
            for key, each in wanted.items()
            if key != "status"
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(contains(*pair) for pair in zip(live, wanted, strict=True))
        )
    return live == wanted


def kept(item: Object, mark: tuple[str, str]) -> bool:
    """Say whether an annotation keeps an object: its value is, or lists, the option."""
    name, option = mark
    return option in [each.strip() for each in annotations(item).get(name, "").split(",")]


def kept_from_pruning(item: Object, flavour: Flavour) -> bool:
    """Say whether an object stays when it leaves Git."""
    return kept(item, flavour.keep)


def health_of(item: Object | None, *, lws: bool) -> Health | None:
    """Return an object's health; None for a kind without a check.

    `lws` says whether a check for LeaderWorkerSets is installed.
    """
    if item is None:
        return Health("Missing")
    check = _LWS if lws and item["kind"] == "LeaderWorkerSet" else _CHECKS.get(item["kind"])
    return check(item) if check else None


def worst(healths: Iterable[Health | None]) -> HealthStatus:
    """Return the health of an application from that of its objects."""
    found = [each.status for each in healths if each]
    return max(found, key=_FROM_BEST_TO_WORST.index, default="Healthy")


def _lws(item: Object) -> Health:
    available = condition(item, "Available")
    if available.get("status") == "True":
        return Health("Healthy", str(available.get("message", "")))
    return Health("Progressing", str(condition(item, "Progressing").get("message", "")))


def _service(item: Object) -> Health:
    if item["spec"].get("type") != "LoadBalancer":
        return Health("Healthy")
    reached = item.get("status", {}).get("loadBalancer", {}).get("ingress")
    return Health("Healthy" if reached else "Progressing")


def _claim(item: Object) -> Health:
    phases: Mapping[str, HealthStatus] = {"Bound": "Healthy", "Lost": "Degraded"}
    return Health(phases.get(str(item.get("status", {}).get("phase")), "Progressing"))


def _job(item: Object) -> Health:
    failed = condition(item, "Failed")
    if failed.get("status") == "True":
        return Health("Degraded", str(failed.get("message", "")))
    if item["spec"].get("suspend"):
        return Health("Suspended")
    done = condition(item, "Complete").get("status") == "True"
    return Health("Healthy" if done else "Progressing")


def _replicas(item: Object) -> Health:
    status, wanted = item.get("status", {}), item["spec"].get("replicas", 1)
    if status.get("observedGeneration") != item["metadata"].get("generation"):
        return Health("Progressing", "Waiting for rollout to finish: observed generation is old")
    done = status.get("updatedReplicas", 0) >= wanted and status.get("readyReplicas", 0) >= wanted
    return Health("Healthy" if done else "Progressing")


_LWS = _lws
_CHECKS: Mapping[str, Callable[[Object], Health]] = {
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "Job": _job,
    "Deployment": _replicas,
    "StatefulSet": _replicas,
}
