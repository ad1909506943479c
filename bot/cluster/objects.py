"""Pure: the fields that Leadline reads of pods, LeaderWorkerSets and Events, and what they mean.

Only these fields are decoded. Source: Kubernetes core/v1 PodStatus and Event; LeaderWorkerSet
labels and spec as of v0.6.0 to v0.10.0.
"""

from dataclasses import replace
from typing import NamedTuple

import msgspec

from bot.cluster import Pod

LABEL = "leaderworkerset.sigs.k8s.io/"
STATE_ANNOTATION = "leadline/desired-state"

UNSCHEDULED = frozenset({"Unschedulable", "SchedulingGated", "Pending", "unscheduled"})
"""States of a pod that has no node yet."""

NORMAL_WHILE_LOADING = frozenset({"Unhealthy"})
"""Warnings that every healthy start brings: probes of an engine that loads its weights."""


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """ObjectMeta, as far as it is read of every object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class PodMeta(Meta, frozen=True, rename="camel"):
    """ObjectMeta of a pod."""

    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}


class SetMeta(Meta, frozen=True, rename="camel"):
    """ObjectMeta of a LeaderWorkerSet."""

    generation: int = 0
    annotations: dict[str, str] = {}


class ListMeta(
    msgspec.Struct,
    frozen=True,
    rename={"continue_": "continue", "resource_version": "resourceVersion"},
):
    """ListMeta."""

    resource_version: str = ""
    continue_: str = ""


class Terminated(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """ContainerStateTerminated."""

    reason: str = ""
    exit_code: int = 0


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """ContainerStateWaiting."""

    reason: str = ""
    message: str = ""


class State(msgspec.Struct, frozen=True, gc=False):
    """ContainerState, as far as it is read."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    """ContainerStatus."""

    state: State | None = None
    last_state: State | None = None


class Condition(msgspec.Struct, frozen=True, gc=False):
    """PodCondition."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    """PodStatus."""

    phase: str = ""
    reason: str = ""
    conditions: list[Condition] = []
    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []


class PodObject(msgspec.Struct, frozen=True):
    """A pod."""

    metadata: PodMeta
    status: PodStatus = PodStatus()


class Rolling(msgspec.Struct, frozen=True, gc=False):
    """RollingUpdateConfiguration, as far as it is read."""

    partition: int | None = 0  # from v0.7.0 on


class Strategy(msgspec.Struct, frozen=True, rename="camel"):
    """RolloutStrategy, as far as it is read."""

    rolling_update_configuration: Rolling | None = None


class LwsSpec(msgspec.Struct, frozen=True, rename="camel"):
    """LeaderWorkerSetSpec, as far as it is read; `bot.cluster.revisions` reads what is raw."""

    replicas: int = 1
    rollout_strategy: Strategy | None = None
    leader_worker_template: msgspec.Raw = msgspec.Raw(b"null")
    network_config: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def partition(self) -> int:
        """The first group that an update moves; those before it stay as they are."""
        rolling = self.rollout_strategy and self.rollout_strategy.rolling_update_configuration
        return (rolling and rolling.partition) or 0


class LwsStatus(msgspec.Struct, frozen=True, rename="camel"):
    """LeaderWorkerSetStatus, as far as it is read; absent counts mean 0."""

    observed_generation: int | None = None  # from v0.9.0 on
    updated_replicas: int = 0


class LwsObject(msgspec.Struct, frozen=True):
    """A LeaderWorkerSet."""

    metadata: SetMeta
    spec: LwsSpec = LwsSpec()
    status: LwsStatus = LwsStatus()


class Involved(msgspec.Struct, frozen=True, gc=False):
    """ObjectReference of an Event."""

    uid: str = ""


class Series(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """EventSeries: a warning that is repeated."""

    last_observed_time: str | None = None


class EventObject(msgspec.Struct, frozen=True, rename="camel"):
    """An Event of core/v1, whichever of the two recorders wrote it."""

    metadata: Meta
    involved_object: Involved = Involved()
    reason: str = ""
    message: str = ""
    last_timestamp: str | None = None
    event_time: str | None = None
    series: Series | None = None


class Warned(NamedTuple):
    """The newest warning about a pod; `at` as Kubernetes writes times."""

    at: str
    reason: str
    text: str


def pod(read: PodObject, warned: Warned | None = None) -> Pod:
    """Return the rank that a pod is, with its newest warning. Group -1 is no rank's."""
    labels = read.metadata.labels
    ready = _condition(read, "Ready") == "True"
    deleting = read.metadata.deletion_timestamp is not None
    state, message = ("ready", "") if ready else _waits_for(read)
    return warn(
        Pod(
            name=read.metadata.name,
            uid=read.metadata.uid,
            group=_number(labels.get(LABEL + "group-index", "0")),
            index=_number(labels.get(LABEL + "worker-index", "0")),
            revision=labels.get(LABEL + "template-revision-hash", ""),
            state="stopping" if deleting else state,
            ready=ready and not deleting,
            deleting=deleting,
            failure=_failure(read),
            said="" if deleting else message,
        ),
        warned,
    )


def warn(pod: Pod, warned: Warned | None) -> Pod:
    """Return a pod with a warning, where it fits to what the pod waits for now."""
    if warned is None or pod.ready or pod.deleting or pod.state == "loading":
        return pod
    fits = (warned.reason == "FailedScheduling") == (pod.state in UNSCHEDULED)
    return replace(pod, said=warned.text) if fits else pod


def warning(event: EventObject) -> Warned | None:
    """Return what an Event of type Warning says, None where it says nothing that matters."""
    if event.reason in NORMAL_WHILE_LOADING or not event.message:
        return None
    series = event.series.last_observed_time if event.series else None
    at = series or event.last_timestamp or event.event_time or ""
    return Warned(at, event.reason, f"{event.reason}: {event.message}")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1


def _waits_for(read: PodObject) -> tuple[str, str]:
    """Return what a pod waits for, in a word and as far as its status says in a sentence."""
    for status in _statuses(read):
        if status.state and (waits := status.state.waiting) and waits.reason:
            return waits.reason, waits.message
    for condition in read.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return condition.reason or "unscheduled", condition.message
    return ("loading" if read.status.phase == "Running" else read.status.phase or "Pending"), ""


def _failure(read: PodObject) -> str:
    for status in _statuses(read):
        for state in (status.state, status.last_state):
            if state and (died := state.terminated) and died.exit_code:
                return f"{died.reason or 'Error'} (exit {died.exit_code})"
    return read.status.reason  # Evicted, NodeLost …


def _statuses(read: PodObject) -> list[ContainerStatus]:
    return [*read.status.init_container_statuses, *read.status.container_statuses]


def _condition(read: PodObject, kind: str) -> str:
    return next((c.status for c in read.status.conditions if c.type == kind), "")
