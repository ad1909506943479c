"""Pure: the status of a pod at each stage of its life. Source: recordings v0.10.0/01 and 08."""

from datetime import datetime
from typing import Literal

from sandbox.cluster.objects import Object, condition, ready, running, stamp

Stage = Literal["assigned", "creating", "running", "ready", "backing-off", "failed"]


def stage(pod: Object) -> Stage:
    """Return how far a pod on a node has come."""
    statuses = pod["status"].get("containerStatuses")
    if pod["status"].get("phase") == "Failed":
        return "failed"
    if not statuses:
        return "assigned"
    if running(pod):
        return "ready" if ready(pod) else "running"
    return "backing-off" if restarts(pod) else "creating"


def restarts(pod: Object) -> int:
    """Return how often the containers of a pod have died."""
    return sum(each["restartCount"] for each in pod["status"].get("containerStatuses") or [])


def creating(pod: Object, now: datetime, missing: str | None = None) -> None:
    """The kubelet has taken the pod on and pulls its images, or cannot pull the `missing` one."""
    scheduled = condition(pod, "PodScheduled")
    pod["status"].update(
        hostIP="127.0.0.1",
        startTime=stamp(now),
        conditions=[_condition("Initialized", "True", now), *_readiness("False", now), scheduled],
        containerStatuses=[_container(each, missing) for each in pod["spec"]["containers"]],
    )


def runs(pod: Object, address: str, now: datetime) -> None:
    """All containers run; none answers yet."""
    status = pod["status"]
    if "podIP" not in status:
        status.update(podIP=address, podIPs=[{"ip": address}])
    status["phase"] = "Running"
    for each in status["containerStatuses"]:
        each.update(state={"running": {"startedAt": stamp(now)}}, started=True)


def answers(pod: Object, now: datetime) -> None:
    """All containers are ready."""
    _set_readiness(pod, "True", now)
    for each in pod["status"]["containerStatuses"]:
        each["ready"] = True


def died(pod: Object, reason: str, exit_code: int, now: datetime) -> None:
    """The first container ended; the kubelet waits before it starts it again."""
    _set_readiness(pod, "False", now)
    first = pod["status"]["containerStatuses"][0]
    container, name = first["name"], pod["metadata"]["name"]
    ended = {
        "containerID": first["containerID"],
        "reason": reason,
        "exitCode": exit_code,
        "startedAt": first["state"]["running"]["startedAt"],
        "finishedAt": stamp(now),
    }
    text = f"back-off 10s restarting failed container={container} pod={name}"
    first.update(
        ready=False,
        started=False,
        restartCount=first["restartCount"] + 1,
        lastState={"terminated": ended},
        state={"waiting": {"reason": "CrashLoopBackOff", "message": text}},
    )


def ended(pod: Object, now: datetime) -> None:
    """The containers of a deleted pod are gone; only a finalizer keeps the object."""
    pod["metadata"].update(deletionTimestamp=stamp(now), deletionGracePeriodSeconds=0)


def evicted(pod: Object, message: str, now: datetime) -> None:
    """The kubelet has ended the pod to save its node; its containers' last state stays."""
    if condition(pod, "Ready"):
        _set_readiness(pod, "False", now)
    pod["status"].update(phase="Failed", reason="Evicted", message=message)


def cut_off(pod: Object, now: datetime) -> None:
    """The node has gone silent: the node controller says so in the kubelet's place."""
    if known := condition(pod, "Ready"):
        known.update(status="False", reason="NodeNotReady", lastTransitionTime=stamp(now))


def seen_again(pod: Object, now: datetime) -> None:
    """The node is back: the pod is as ready as its containers."""
    statuses = pod["status"].get("containerStatuses") or []
    if condition(pod, "Ready") and statuses and all(each["ready"] for each in statuses):
        _set_readiness(pod, "True", now)


def disrupted(pod: Object, now: datetime) -> None:
    """The pod is deleted because of its node."""
    target = {
        **_condition("DisruptionTarget", "True", now),
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
    }
    pod["status"].setdefault("conditions", []).append(target)


def _container(container: Object, missing: str | None) -> Object:
    waiting = {"reason": "ContainerCreating"}
    if missing and container.get("image") == missing:
        waiting = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{missing}"'}
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": f"sandbox@{container.get('image', '')}",
        "containerID": f"sandbox://{container['name']}",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "lastState": {},
        "state": {"waiting": waiting},
    }


def _set_readiness(pod: Object, value: str, now: datetime) -> None:
    fresh = {each["type"]: each for each in _readiness(value, now)}
    conditions = pod["status"]["conditions"]
    pod["status"]["conditions"] = [fresh.get(each["type"], each) for each in conditions]


def _readiness(value: str, now: datetime) -> list[Object]:
    reason = {} if value == "True" else {"reason": "ContainersNotReady"}
    return [{**_condition(kind, value, now), **reason} for kind in ("Ready", "ContainersReady")]


def _condition(kind: str, value: str, now: datetime) -> Object:
    moment = stamp(now)
    return {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": moment}
