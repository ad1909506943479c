"""Pure: the status of a LeaderWorkerSet, from its leaders and their StatefulSets.

Source: updateConditions and setCondition of LWS v0.10.0, recordings v0.10.0/01 to 08.
"""

from dataclasses import dataclass

from sandbox.cluster.objects import (
    NAME,
    REVISION,
    WORKER_INDEX,
    Object,
    condition,
    labels,
    name_of,
    ordinal,
    ready,
    running,
)
from sandbox.cluster.quirks import Quirks
from sandbox.cluster.templates import revision_hash

AVAILABLE = ("Available", "AllGroupsReady", "All replicas are ready")
PROGRESSING = ("Progressing", "GroupsProgressing", "Replicas are progressing")
UPDATING = ("UpdateInProgress", "GroupsUpdating", "Rolling Upgrade is in progress")

_OPPOSITES = {
    "Available": ("Progressing", "UpdateInProgress"),
    "Progressing": ("Available",),
    "UpdateInProgress": ("Available",),
}


@dataclass(frozen=True, slots=True)
class Group:
    """One group as the controller counts it."""

    index: int
    ready: bool
    updated: bool


def groups_of(
    lws: Object, leaders: list[Object], sets: dict[str, Object], quirks: Quirks
) -> list[Group]:
    """Count the groups; one whose worker StatefulSet is missing is skipped."""
    alone = lws["spec"]["leaderWorkerTemplate"]["size"] == 1
    wanted = revision_hash(lws)
    groups = []
    for leader in leaders:
        workers = sets.get(name_of(leader))
        if workers is None and not alone:
            if quirks.counts_missing:
                groups.append(Group(ordinal(name_of(leader)), ready=False, updated=False))
            continue
        parts = [leader] if workers is None else [leader, workers]
        groups.append(
            Group(
                ordinal(name_of(leader)),
                ready=running(leader) and ready(leader) and _available(workers, quirks),
                updated=all(labels(part)[REVISION] == wanted for part in parts),
            )
        )
    return groups


def write_status(
    lws: Object, groups: list[Group], replicas: int, now: str, quirks: Quirks
) -> tuple[str, str] | None:
    """Write the status, in place; return reason and message of what is to be told, if anything."""
    status = lws.setdefault("status", {})
    wanted = _wanted(lws, groups)
    told = None
    for name, reason, text in wanted:
        generation = lws["metadata"]["generation"] if quirks.observes_generation else None
        if _set(status, (name, reason, text), generation, now):
            told = wanted[0][1:]
            break  # the real controller leaves the second condition to its next round
    counts = {
        "replicas": replicas,
        "readyReplicas": sum(group.ready for group in groups),
        "updatedReplicas": sum(group.updated for group in groups),
    }
    for field, count in counts.items():
        status.pop(field, None)
        if count:
            status[field] = count
    if quirks.observes_generation:
        status["observedGeneration"] = lws["metadata"]["generation"]
    status["hpaPodSelector"] = f"{NAME}={name_of(lws)},{WORKER_INDEX}=0"
    return told


def _wanted(lws: Object, groups: list[Group]) -> list[tuple[str, str, str]]:
    partition = lws["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]["partition"]
    regular = [group for group in groups if group.index < lws["spec"]["replicas"]]
    rolling = [group for group in regular if group.index >= partition]
    if not all(group.updated for group in rolling):
        return [UPDATING, PROGRESSING]
    ready_groups = sum(group.ready for group in regular)
    return [AVAILABLE] if ready_groups == lws["spec"]["replicas"] else [PROGRESSING]


def _set(status: Object, wanted: tuple[str, str, str], generation: int | None, now: str) -> bool:
    name, reason, message = wanted
    seen = {} if generation is None else {"observedGeneration": generation}
    fresh = {
        "type": name,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": now,
        **seen,
    }
    known = condition({"status": status}, name)
    changed = False
    if any(known.get(each) != fresh[each] for each in ("status", *seen)):
        changed = True
        known.update(fresh)
        if known not in status.setdefault("conditions", []):
            status["conditions"].append(known)
    moment = {"lastTransitionTime": now} if seen else {}  # before v0.9 it stayed
    for other in (condition({"status": status}, each) for each in _OPPOSITES[name]):
        if other.get("status") == "True":
            changed = True
            other.update(status="False", **moment, **seen)
    return changed


def _available(workers: Object | None, quirks: Quirks) -> bool:
    if workers is None:
        return True
    status, wanted = workers["status"], workers["spec"]["replicas"]
    if quirks.counts_available:
        return bool(wanted == status["availableReplicas"])
    settled = status.get("currentRevision", "") == status.get("updateRevision", "")
    return bool(wanted == status["replicas"]) and settled
