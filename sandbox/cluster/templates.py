"""Pure: the objects that the LWS controller makes. Source: recordings v0.10.0/01."""

from sandbox.cluster.admission import pod_spec
from sandbox.cluster.objects import (
    GROUP_INDEX,
    GROUP_KEY,
    LEADER_NAME,
    NAME,
    PREFIX,
    REVISION,
    SIZE,
    WORKER_INDEX,
    Object,
    annotations,
    copied,
    labels,
    name_of,
    owner_reference,
    short_hash,
)
from sandbox.cluster.refusals import invalid


def revision_hash(lws: Object) -> str:
    """Return the hash of what a rollout depends on: the templates and the network."""
    spec = lws["spec"]
    return short_hash([spec["leaderWorkerTemplate"], spec["networkConfig"]])


def revision(lws: Object, number: int) -> Object:
    """Return the ControllerRevision that keeps a template."""
    key = revision_hash(lws)
    spec = lws["spec"]
    kept = {
        each: {"$patch": "replace", **spec[each]}
        for each in ("leaderWorkerTemplate", "networkConfig")
    }
    marks = {NAME: name_of(lws), REVISION: key}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": _metadata(f"{name_of(lws)}-{key}-{number}", lws, marks),
        "data": {"spec": kept},
        "revision": number,
    }


def headless_service(lws: Object) -> Object:
    """Return the Service that gives every pod its DNS name, ready or not."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(name_of(lws), lws, {}),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {NAME: name_of(lws)},
        },
    }


def leader_set(lws: Object, partition: int) -> Object:
    """Return the StatefulSet of the leaders."""
    template, name = lws["spec"]["leaderWorkerTemplate"], name_of(lws)
    marks = {NAME: name, REVISION: revision_hash(lws)}
    pods = _pods(template.get("leaderTemplate") or template["workerTemplate"], template["size"])
    pods["metadata"]["labels"].update({**marks, WORKER_INDEX: "0"})
    metadata = _metadata(name, lws, {**labels(lws), **marks})
    replicas = {PREFIX + "replicas": str(lws["spec"]["replicas"])}
    metadata["annotations"] = {**annotations(lws), **replicas}
    selector = {NAME: name, WORKER_INDEX: "0"}
    return _stateful_set(metadata, lws["spec"]["replicas"], selector, pods, partition)


def check_images(sts: Object) -> None:
    """Refuse a StatefulSet whose containers name no image, as the API server does."""
    for number, container in enumerate(sts["spec"]["template"]["spec"]["containers"]):
        if not container.get("image"):
            field = f"spec.template.spec.containers[{number}].image"
            raise invalid("StatefulSet.apps", name_of(sts), f"{field}: Required value")


def worker_set(lws: Object, leader: Object) -> Object:
    """Return the StatefulSet of one group's workers; the leader pod owns it."""
    template = lws["spec"]["leaderWorkerTemplate"]
    marks = {each: labels(leader)[each] for each in (NAME, GROUP_INDEX, GROUP_KEY)}
    pods = _pods(template["workerTemplate"], template["size"])
    pods["metadata"]["labels"].update({**marks, REVISION: labels(leader)[REVISION]})
    pods["metadata"]["annotations"][LEADER_NAME] = name_of(leader)
    metadata = _metadata(
        name_of(leader), leader, {**labels(lws), **marks, REVISION: labels(leader)[REVISION]}
    )
    made = _stateful_set(metadata, template["size"] - 1, marks, pods, 0)
    made["spec"]["ordinals"] = {"start": 1}
    made["spec"]["serviceName"] = name_of(lws)
    return made


def _stateful_set(
    metadata: Object, replicas: int, selector: Object, pods: Object, partition: int
) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "podManagementPolicy": "Parallel",
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": selector},
            "serviceName": metadata["name"],
            "template": pods,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}},
        },
        "status": {"availableReplicas": 0, "replicas": 0},
    }


def _pods(template: Object, size: int) -> Object:
    pods: Object = copied(template)
    metadata = pods.setdefault("metadata", {})
    metadata["labels"] = dict(metadata.get("labels") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), SIZE: str(size)}
    pod_spec(pods["spec"])
    return pods


def _metadata(name: str, owner: Object, marks: Object) -> Object:
    return {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": marks,
        "ownerReferences": [owner_reference(owner)],
    }
