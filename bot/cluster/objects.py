"""Pure: the fields that Leadline reads of pods and LeaderWorkerSets, and what they mean.

Source: Kubernetes core/v1 PodStatus; LeaderWorkerSet labels as of v0.6.0 to v0.10.0.
"""

from typing import Any

import msgspec

from bot.cluster import Pod

LABEL = "leaderworkerset.sigs.k8s.io/"
STATE_ANNOTATION = "leadline/desired-state"


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """ObjectMeta."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    deletion_timestamp: str | None = None
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ListMeta(
    msgspec.Struct,
    frozen=True,
    rename={"continue_": "continue", "resource_version": "resourceVersion"},
):
    """ListMeta."""

    resource_version: str = ""
    continue_: str = ""


class Terminated(msgspec.Struct, frozen=True, rename="camel"):
    """ContainerStateTerminated."""

    reason: str = ""
    exit_code: int = 0


class Waiting(msgspec.Struct, frozen=True):
    """ContainerStateWaiting."""

    reason: str = ""


class State(msgspec.Struct, frozen=True):
    """ContainerState."""

    waiting: Waiting | None = None
    running: dict[str, Any] | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    """ContainerStatus."""

    restart_count: int = 0
    state: State | None = None
    last_state: State | None = None


class Condition(msgspec.Struct, frozen=True):
    """PodCondition."""

    type: str
    status: str
    reason: str = ""


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    """PodStatus."""

    phase: str = ""
    reason: str = ""
    conditions: list[Condition] = []
    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []


class PodObject(msgspec.Struct, frozen=True):
    """A pod."""

    metadata: Meta
    status: PodStatus = PodStatus()


class Template(msgspec.Struct, frozen=True):
    """LeaderWorkerTemplate, as far as it is read."""

    size: int = 1


class LwsSpec(msgspec.Struct, frozen=True, rename="camel"):
    """LeaderWorkerSetSpec, as far as it is read."""

    replicas: int = 1
    leader_worker_template: Template = Template()


class LwsStatus(msgspec.Struct, frozen=True, rename="camel"):
    """LeaderWorkerSetStatus, as far as it is read; absent counts mean 0."""

    observed_generation: int | None = None  # from v0.9.0 on
    updated_replicas: int = 0


class LwsObject(msgspec.Struct, frozen=True):
    """A LeaderWorkerSet."""

    metadata: Meta
    spec: LwsSpec = LwsSpec()
    status: LwsStatus = LwsStatus()


def is_current(lws: LwsObject) -> bool:
    """Say whether the controller has seen the newest spec and moved every group to it."""
    seen = lws.status.observed_generation
    fresh = seen is None or seen >= lws.metadata.generation
    return fresh and lws.status.updated_replicas >= lws.spec.replicas


def pod(read: PodObject) -> Pod:
    """Return the rank that a pod is."""
    labels = read.metadata.labels
    ready = _condition(read, "Ready") == "True"
    deleting = read.metadata.deletion_timestamp is not None
    return Pod(
        name=read.metadata.name,
        uid=read.metadata.uid,
        group=int(labels.get(LABEL + "group-index", "0")),
        index=int(labels.get(LABEL + "worker-index", "0")),
        revision=labels.get(LABEL + "template-revision-hash", ""),
        state="stopping" if deleting else "ready" if ready else _waits_for(read),
        ready=ready and not deleting,
        deleting=deleting,
        failure=_failure(read),
    )


def _waits_for(read: PodObject) -> str:
    for status in _statuses(read):
        if status.state and status.state.waiting and status.state.waiting.reason:
            return status.state.waiting.reason
    for condition in read.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return condition.reason or "unscheduled"
    return "loading" if read.status.phase == "Running" else read.status.phase or "Pending"


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
