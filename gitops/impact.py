"""Pure: what a change does to the groups that run: restarts, outage, GPUs and cost.

Judged by the built manifests, so that components and `custom/` patches count too.
Source: LeaderWorkerSet's revision covers leaderWorkerTemplate and networkConfig only, so replicas,
rolloutStrategy and metadata never start a rollout (pkg/utils/revision); a rolling update takes
maxUnavailable groups down at a time and may add maxSurge (recorded on v0.6.0 to v0.10.0).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gitops.errors import InvalidRequestError
from gitops.subjects import count
from gitops.versions import release

SIZE_MUTABLE = "0.7.0"
"""LeaderWorkerSet from which the size of a group may change in place."""

GPU = "nvidia.com/gpu"

Manifest = dict[str, Any]


class Kind(StrEnum):
    """What happens to the groups."""

    NEW = "new"
    NONE = "none"
    SCALE = "scale"
    ROLLING = "rolling restart"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change does. `down` is how many groups are down at once during a rollout."""

    kind: Kind
    groups: int
    down: int
    surge: int
    gpus_before: int
    gpus_after: int
    cost_per_hour: float | None

    @property
    def outage(self) -> bool:
        """Say whether no group serves at some moment of the rollout."""
        return self.kind is Kind.ROLLING and 0 < self.groups <= self.down

    @property
    def gpu_delta(self) -> int:
        """GPUs more (or, negative, fewer) than before."""
        return self.gpus_after - self.gpus_before


def impact(before: Manifest | None, after: Manifest | None, price: float | None) -> Impact:
    """Return what going from one built LeaderWorkerSet to another does; None means it is absent.

    `price` is that of a GPU and hour; without one the cost stays unknown.
    """
    kind = _kind(before, after)
    groups = min(_replicas(before), _replicas(after)) if before and after else _replicas(after)
    gpus = (_gpus(before), _gpus(after))
    down, surge = _strategy(after) if kind is Kind.ROLLING else (0, 0)
    return Impact(
        kind=kind,
        groups=groups,
        down=min(groups, down),
        surge=surge,
        gpus_before=gpus[0],
        gpus_after=gpus[1],
        cost_per_hour=None if price is None else price * (gpus[1] - gpus[0]),
    )


def check_in_place(before: Manifest, after: Manifest, lws_version: str) -> None:
    """Refuse a change that LeaderWorkerSet of this version refuses.

    Raises:
        InvalidRequestError: the size of a group before 0.7.0.
    """
    old, new = _template(before).get("size", 1), _template(after).get("size", 1)
    if old != new and release(lws_version) < release(SIZE_MUTABLE):
        raise InvalidRequestError(
            f"size {old} → {new}: LWS {lws_version} cannot change it in place;"
            f" undeploy first, or update LWS to {SIZE_MUTABLE}"
        )


def in_words(found: Impact) -> str:
    """Return an impact as one line for people."""
    match found.kind:
        case Kind.NEW:
            return f"{count(found.groups, 'new group')}; nothing restarts"
        case Kind.REMOVED:
            return "all groups stop; the storage stays"
        case Kind.NONE:
            return "no group restarts"
        case Kind.SCALE if not found.gpus_after:
            return "all groups stop; the deployment stays"
        case Kind.SCALE:
            return "no group restarts; groups are added or removed at the end"
        case Kind.ROLLING:
            return _rolling_in_words(found)


def _all(groups: int) -> str:
    return "the only group restarts" if groups == 1 else f"all {groups} groups restart"


def _rolling_in_words(found: Impact) -> str:
    if found.groups == 0:
        return "no group runs; nothing restarts"
    if found.outage:
        return (
            f"outage: {_all(found.groups)} at once (maxUnavailable {found.down},"
            f" maxSurge {found.surge}), from the stop until the weights are loaded"
        )
    return (
        f"rolling restart of {count(found.groups, 'group')}, {found.down} down at a time"
        f", {found.surge} more while it runs"
    )


def _kind(before: Manifest | None, after: Manifest | None) -> Kind:
    if after is None:
        return Kind.REMOVED
    if before is None:
        return Kind.NEW
    if _revision(before) != _revision(after):
        return Kind.ROLLING
    return Kind.SCALE if _replicas(before) != _replicas(after) else Kind.NONE


def _revision(lws: Manifest) -> tuple[object, object]:
    return _template(lws), lws["spec"].get("networkConfig")


def _template(lws: Manifest) -> Manifest:
    template: Manifest = lws["spec"]["leaderWorkerTemplate"]
    return template


def _replicas(lws: Manifest | None) -> int:
    return int(lws["spec"].get("replicas", 1)) if lws else 0


def _strategy(lws: Manifest | None) -> tuple[int, int]:
    """Return maxUnavailable and maxSurge in groups; LWS rounds percentages down and up."""
    rolling = (lws or {}).get("spec", {}).get("rolloutStrategy", {})
    given = rolling.get("rollingUpdateConfiguration", {})
    replicas = _replicas(lws)
    unavailable = _groups(given.get("maxUnavailable", 1), replicas, math.floor)
    return unavailable, _groups(given.get("maxSurge", 0), replicas, math.ceil)


def _groups(given: object, replicas: int, rounded: Callable[[float], int]) -> int:
    text = str(given)
    return rounded(int(text[:-1]) * replicas / 100) if text.endswith("%") else int(text)


def _gpus(lws: Manifest | None) -> int:
    if lws is None:
        return 0
    template = _template(lws)
    worker = template["workerTemplate"]
    leader: Manifest = template.get("leaderTemplate") or worker
    workers = int(template.get("size", 1)) - 1
    return _replicas(lws) * (_pod_gpus(leader) + workers * _pod_gpus(worker))


def _pod_gpus(template: Manifest) -> int:
    containers = template.get("spec", {}).get("containers", [])
    return sum(int(c.get("resources", {}).get("limits", {}).get(GPU, 0)) for c in containers)
