"""Pure: the columns that `kubectl get` shows. Source: printers of Kubernetes and LWS."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sandbox.cluster.objects import Object, condition, name_of, ready, terminating

Row = Callable[[Object], list[object]]


def table(plural: str, items: list[Object], now: datetime, metadata: Object) -> Object:
    """Return the metav1.Table of some objects."""
    names, row = _COLUMNS.get(plural, ((), lambda _: []))
    columns = [_column(each) for each in ("Name", *names, "Age")]
    rows = [
        {
            "cells": [name_of(each), *row(each), _age(each, now)],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": each["metadata"],
            },
        }
        for each in items
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": rows,
    }


def _column(name: str) -> Object:
    form = "name" if name == "Name" else ""
    return {"name": name, "type": "string", "format": form, "description": name, "priority": 0}


def _age(item: Object, now: datetime) -> str:
    made = datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    seconds = max(0, int((now - made).total_seconds()))
    for size, letter in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def _pod(pod: Object) -> list[object]:
    statuses = pod["status"].get("containerStatuses") or []
    done = sum(each["ready"] for each in statuses)
    restarts = sum(each["restartCount"] for each in statuses)
    return [f"{done}/{len(pod['spec']['containers'])}", _pod_state(pod), restarts]


def _pod_state(pod: Object) -> str:
    if terminating(pod):
        return "Terminating"
    for each in pod["status"].get("containerStatuses") or []:
        if "waiting" in each["state"]:
            return str(each["state"]["waiting"]["reason"])
    return str(pod["status"]["phase"])


def _lws(lws: Object) -> list[object]:
    status = lws.get("status", {})
    return [status.get("readyReplicas"), lws["spec"]["replicas"], status.get("updatedReplicas")]


def _stateful_set(sts: Object) -> list[object]:
    return [f"{sts['status'].get('readyReplicas', 0)}/{sts['spec']['replicas']}"]


def _service(service: Object) -> list[object]:
    spec = service["spec"]
    ports = [f"{each['port']}/{each['protocol']}" for each in spec.get("ports") or []]
    return [spec["type"], spec["clusterIP"], "<none>", ",".join(ports) or "<none>"]


def _node(node: Object) -> list[object]:
    return ["Ready" if ready(node) else "NotReady", "<none>"]


def _event(event: Object) -> list[object]:
    regarding = event["involvedObject"]
    thing = f"{regarding['kind'].lower()}/{regarding['name']}"
    return [event["type"], event["reason"], thing, event["message"]]


def _application(app: Object) -> list[object]:
    status = app.get("status", {})
    return [status.get("sync", {}).get("status"), status.get("health", {}).get("status")]


def _kustomization(item: Object) -> list[object]:
    ready = condition(item, "Ready")
    return [ready.get("status"), ready.get("message")]


_COLUMNS: Mapping[str, tuple[tuple[str, ...], Row]] = {
    "pods": (("Ready", "Status", "Restarts"), _pod),
    "leaderworkersets": (("Ready", "Desired", "Up-to-date"), _lws),
    "statefulsets": (("Ready",), _stateful_set),
    "services": (("Type", "Cluster-IP", "External-IP", "Port(s)"), _service),
    "nodes": (("Status", "Roles"), _node),
    "events": (("Type", "Reason", "Object", "Message"), _event),
    "applications": (("Sync Status", "Health Status"), _application),
    "kustomizations": (("Ready", "Status"), _kustomization),
}
