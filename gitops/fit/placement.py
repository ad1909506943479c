"""Pure: whether groups find GPUs, and whether a rolling update has room.

Sources: LeaderWorkerSet's rolling update as recorded on v0.6.0 to v0.10.0
(`maxSurge` adds whole groups above `replicas`, `maxUnavailable` takes whole groups down).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gitops.errors import InvalidRequestError


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes that a group's pods may share: `free` GPUs of each node."""

    name: str
    free: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Headroom:
    """Whether a rolling update finds its extra GPUs, and how many groups are down meanwhile.

    `needed` counts the GPUs of the extra groups, `missing` those that are not free.
    """

    has_room: bool
    needed: int
    missing: int
    groups_down: int
    reason: str


def placeable(groups: int, size: int, gpus_per_pod: int, pools: Iterable[Pool]) -> int:
    """Count the groups, of at most `groups`, whose pods all find GPUs at the same time.

    A pod's GPUs lie on one node, the pods of a group in one pool. Requests other than GPUs, taints
    and other pods that arrive meanwhile are not looked at.

    Raises:
        InvalidRequestError: a size or a number of GPUs below 1.
    """
    _check(size, gpus_per_pod)
    whole = 0
    for pool in pools:
        pods = sum(max(0, free) // gpus_per_pod for free in pool.free)
        whole += pods // size
    return max(0, min(groups, whole))


def rolling_headroom(
    replicas: int,
    max_surge: int,
    max_unavailable: int,
    size: int,
    gpus_per_pod: int,
    free_gpus: int,
) -> Headroom:
    """Tell whether a rolling update has room among `free_gpus`, and how many groups are down.

    Without surge a group leaves before its successor comes, on the same GPUs: there is always
    room, and with one group the update is an outage. With surge, extra groups that find no GPUs
    stay Pending, and LWS counts ready groups from the highest one down: the update waits for them.

    Raises:
        InvalidRequestError: a size or a number of GPUs below 1, or a rule that allows no step.
    """
    _check(size, gpus_per_pod)
    if min(replicas, max_surge, max_unavailable) < 0 or max_surge == max_unavailable == 0:
        raise InvalidRequestError(
            f"{replicas} groups, maxSurge {max_surge}, maxUnavailable {max_unavailable}: none may"
            " be below 0, and one of the last two must be above"
        )
    surge, down = min(max_surge, replicas), min(max_unavailable, replicas)
    needed = surge * size * gpus_per_pod
    missing = max(0, needed - free_gpus)
    if missing:
        reason = f"{missing} of the {needed} GPUs of the extra groups are not free: it would wait."
    elif down and down == replicas:
        reason = f"All {replicas} groups are down together: an outage until one has loaded."
    else:
        reason = f"{down} of {replicas} groups are down at a time."
    return Headroom(not missing, needed, missing, down, reason)


def _check(size: int, gpus_per_pod: int) -> None:
    if size < 1 or gpus_per_pod < 1:
        raise InvalidRequestError(
            f"groups of {size} pods with {gpus_per_pod} GPUs: both must be at least 1"
        )
