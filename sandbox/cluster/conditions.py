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


def groups_of(lws: Object, leaders: list[Object], sets: dict[str, Object]) -> list[Group]:
    """Count the groups; one whose worker StatefulSet is missing is skipped."""
    alone = lws["spec"]["leaderWorkerTemplate"]["size"] == 1
    wanted = revision_hash(lws)
    groups = []
    for leader in leaders:
        workers = sets.get(name_of(leader))
        if workers is None and not alone:
            continue
        parts = [leader] if workers is None else [leader, workers]
        groups.append(
            Group(
                ordinal(name_of(leader)),
                ready=running(leader) and ready(leader) and _available(workers),
                updated=all(labels(part)[REVISION] == wanted for part in parts),
            )
        )
    return groups


def trailing(groups: list[Group], replicas: int) -> int:
    """Return how many groups from the highest ordinal down are updated and ready."""
    done = {group.index for group in groups if group.ready and group.updated}
    count = 0
    while count < replicas and replicas - 1 - count in done:
        count += 1
    return count


def write_status(
    lws: Object, groups: list[Group], replicas: int, now: str
) -> tuple[str, str] | None:
    """Write the status, in place; return reason and message of what is to be told, if anything."""
    status = lws.setdefault("status", {})
    wanted = _wanted(lws, groups)
    told = None
    for name, reason, text in wanted:
        if _set(status, (name, reason, text), lws["metadata"]["generation"], now):
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


def _set(status: Object, wanted: tuple[str, str, str], generation: int, now: str) -> bool:
    name, reason, message = wanted
    fresh = {
        "type": name,
        "status": "True",
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": now,
    }
    known = condition({"status": status}, name)
    opposites = [condition({"status": status}, each) for each in _OPPOSITES[name]]
    changed = False
    if any(known.get(each) != fresh[each] for each in ("status", "observedGeneration")):
        changed = True
        known.update(fresh)
        if known not in status.setdefault("conditions", []):
            status["conditions"].append(known)
    for other in opposites:
        if other.get("status") == "True":
            changed = True
            other.update(status="False", lastTransitionTime=now, observedGeneration=generation)
    return changed


def _available(workers: Object | None) -> bool:
    if workers is None:
        return True
    return bool(workers["spec"]["replicas"] == workers["status"]["availableReplicas"])
