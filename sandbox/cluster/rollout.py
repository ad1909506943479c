"""Pure: the next step of a rolling update, as partition and replicas of the leaders' StatefulSet.

Source: rollingUpdateParameters and rollingUpdatePartition of LWS v0.6.0 to v0.10.0 (before v0.9
a surge was given back too early, so that a rollout with maxUnavailable 0 never ended).
"""

from dataclasses import dataclass

from sandbox.cluster.conditions import Group
from sandbox.cluster.objects import PREFIX, REVISION, Object, annotations, labels
from sandbox.cluster.quirks import Quirks
from sandbox.cluster.templates import revision_hash


@dataclass(frozen=True, slots=True)
class Step:
    """What the StatefulSet becomes; `released` are the surge groups given back, low to high."""

    partition: int
    replicas: int
    released: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """The numbers of one rollout: what is wanted, what is allowed, what there is."""

    wanted: int
    unavailable: int
    surge: int
    floor: int
    current: int
    partition: int
    groups: dict[int, Group]
    counted: int

    def ready(self, index: int) -> bool:
        return index in self.groups and self.groups[index].ready

    def updated(self, index: int) -> bool:
        return index in self.groups and self.groups[index].updated

    def unfinished(self) -> int:
        """Count the groups that are not ready with the new template."""
        done = (self.ready(each) and self.updated(each) for each in range(self.counted))
        return self.counted - sum(done)


def next_step(lws: Object, sts: Object, groups: list[Group], quirks: Quirks) -> Step:
    """Return what the StatefulSet of the leaders has to become now."""
    plan = _plan(lws, sts, groups, quirks)
    if labels(sts)[REVISION] != revision_hash(lws):  # a new rollout
        return _with(plan, min(plan.wanted, plan.current), plan.wanted, quirks)
    if plan.partition == plan.floor and plan.current == plan.wanted:  # nothing to do
        return Step(plan.floor, plan.wanted)
    if annotations(sts).get(PREFIX + "replicas") != str(plan.wanted):  # scaled meanwhile
        partition = min(plan.partition, plan.wanted + plan.surge)
    else:
        partition = max(plan.floor, _partition(plan))
    return _with(plan, partition, plan.unfinished(), quirks)


def partition_of(sts: Object) -> int:
    """Return the ordinal below which leaders keep the old template."""
    return int(sts["spec"]["updateStrategy"]["rollingUpdate"]["partition"])


def _plan(lws: Object, sts: Object, groups: list[Group], quirks: Quirks) -> _Plan:
    wanted, current = int(lws["spec"]["replicas"]), int(sts["spec"]["replicas"])
    rolling = lws["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]
    return _Plan(
        wanted,
        _count(rolling["maxUnavailable"], wanted),
        min(_count(rolling["maxSurge"], wanted), wanted),
        int(rolling.get("partition", 0)),
        current,
        partition_of(sts),
        {group.index: group for group in groups},
        min(wanted, current) if quirks.forgets_new_groups else wanted,
    )


def _with(plan: _Plan, partition: int, unfinished: int, quirks: Quirks) -> Step:
    if quirks.finishes_surge:
        replicas = plan.wanted + min(plan.surge, unfinished)
        gone = (replicas, plan.current - 1) if replicas < plan.current else None
        return Step(partition, replicas, gone)
    if unfinished > plan.surge:
        return Step(partition, plan.wanted + plan.surge)
    replicas = plan.wanted + max(0, unfinished - 1)
    return Step(partition, replicas, (replicas, replicas))


def _partition(plan: _Plan) -> int:
    step = plan.unavailable + plan.surge - (plan.wanted + plan.surge - plan.current)
    partition = max(0, plan.current - _tail(plan) - step)
    partition += sum(not plan.ready(each) for each in range(partition))
    for index in range(min(partition, plan.current - 1), -1, -1):
        if plan.ready(index) and not plan.updated(index):
            break
        partition = index
    return min(partition, plan.partition)


def _tail(plan: _Plan) -> int:
    """Count the groups from the highest down that are ready with the new template."""
    count = 0
    for index in range(plan.current - 1, -1, -1):
        if not (plan.ready(index) and plan.updated(index)):
            break
        count += 1
    return count


def _count(value: int | str, replicas: int) -> int:
    if isinstance(value, int):
        return value
    return max(1, replicas * int(value.rstrip("%")) // 100)
