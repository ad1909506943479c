"""Pure: what a change of the store means to a story, as journal entries."""

from collections.abc import Iterator

from sandbox.cluster.objects import Object, condition, ready, running, terminating
from sandbox.cluster.store import Change

Happening = tuple[str, dict[str, object]]


def happenings(change: Change) -> Iterator[Happening]:
    """Yield the names and details of what happened, without namespace and name."""
    before = change.before or {}
    if change.key.kind == "pods":
        yield from _pod(change, before)
    elif change.key.kind == "leaderworkersets":
        yield from _lws(change, before)


def _pod(change: Change, before: Object) -> Iterator[Happening]:
    pod, uid = change.object, {"uid": change.object["metadata"]["uid"]}
    if change.type == "ADDED":
        yield "pod.created", uid
    elif change.type == "DELETED":
        yield "pod.gone", uid
    else:
        yield from _scheduling(pod, before)
        yield from _containers(pod, before)
        if terminating(pod) and not terminating(before):
            yield "pod.stopping", uid


def _scheduling(pod: Object, before: Object) -> Iterator[Happening]:
    now, then = condition(pod, "PodScheduled"), condition(before, "PodScheduled")
    if now.get("status") == "True" and then.get("status") != "True":
        yield "pod.scheduled", {"node": pod["spec"]["nodeName"]}
    if now.get("message") and now.get("message") != then.get("message"):
        yield "pod.unschedulable", {"message": now["message"]}


def _containers(pod: Object, before: Object) -> Iterator[Happening]:
    if running(pod) and not running(before):
        yield "pod.running", {}
    if ready(pod) and not ready(before):
        yield "pod.ready", {}
    for status in pod["status"].get("containerStatuses") or []:
        if status["restartCount"] > _restarts(before, status["name"]):
            ended = status["lastState"]["terminated"]
            yield "pod.died", {"reason": ended["reason"], "exit_code": ended["exitCode"]}


def _restarts(pod: Object, container: str) -> int:
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return next((each["restartCount"] for each in statuses if each["name"] == container), 0)


def _lws(change: Change, before: Object) -> Iterator[Happening]:
    lws = change.object
    if change.type == "ADDED":
        yield "lws.created", {}
    elif change.type == "DELETED":
        yield "lws.gone", {}
    for kind, call in _CONDITIONS:
        now, then = condition(lws, kind).get("status"), condition(before, kind).get("status")
        if now == "True" and then != "True" and change.type == "MODIFIED":
            yield call, {"ready": lws["status"].get("readyReplicas", 0)}


_CONDITIONS = (
    ("Progressing", "lws.progressing"),
    ("UpdateInProgress", "lws.updating"),
    ("Available", "lws.available"),
)
