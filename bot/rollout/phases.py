"""Pure: how far the pods of a LeaderWorkerSet have come on their way to serving.

Leader and workers of a group start one after another, and groups do not wait for each other: the
phase is that of the pod that is least far.
"""

from enum import IntEnum

from bot.cluster import Observation, Pod
from bot.cluster.objects import UNSCHEDULED

SCALED_TO_ZERO, NOTHING_RUNS = "scaled to 0", "no group is wanted"


class Phase(IntEnum):
    """The phases in their order."""

    SCHEDULING = 1
    PULLING = 2
    LOADING = 3
    JOINING = 4
    READY = 5

    @property
    def words(self) -> str:
        """The phase as people call it."""
        return {
            Phase.SCHEDULING: "scheduling",
            Phase.PULLING: "pulling images, mounting volumes",
            Phase.LOADING: "loading weights",
            Phase.JOINING: "ranks joining",
            Phase.READY: "all pods ready",
        }[self]


def phase_of(seen: Observation) -> Phase:
    """Return the phase of the pod that is least far; a pod that is not there yet is scheduling."""
    wanted = seen.replicas * seen.size
    there = [pod for pod in seen.pods if not pod.deleting]
    if len(there) < wanted or not there:
        return Phase.SCHEDULING
    return min(_of(pod, there) for pod in there)


def detail_of(seen: Observation, phase: Phase) -> str:
    """Return how many pods are past a phase, and what the first one that is not waits for.

    Pods of surge groups count, too: they are what a rollout may wait for.
    """
    there = [pod for pod in seen.pods if not pod.deleting]
    past = sum(_of(pod, there) > phase for pod in there)
    waits = next((pod.said or pod.state for pod in there if _of(pod, there) == phase), "")
    said = f"{past}/{max(seen.replicas * seen.size, len(there))} pods past it"
    return f"{said}; waiting: {waits}" if waits and waits not in {"ready", "loading"} else said


def kept(seen: Observation) -> int:
    """Return how many groups the partition keeps on an earlier revision: a canary, if any."""
    old = {pod.group for pod in seen.pods if pod.revision != seen.revision}
    return sum(group < seen.partition for group in old) if seen.revision else 0


def _of(pod: Pod, there: list[Pod]) -> Phase:
    if pod.ready:
        return Phase.READY
    if pod.state in UNSCHEDULED:
        return Phase.SCHEDULING
    if pod.state != "loading":
        return Phase.PULLING  # ContainerCreating, ImagePullBackOff, CrashLoopBackOff …
    mates = [mate for mate in there if mate.group == pod.group and mate is not pod]
    return Phase.JOINING if mates and all(mate.ready for mate in mates) else Phase.LOADING
