"""Pure: what the API server and the LWS webhooks fill in and refuse before an object is stored.

Sources: LWS v0.10.0 pkg/webhooks (texts), recordings v0.10.0/01 (defaulted objects).
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence

from sandbox.cluster.objects import (
    GROUP_INDEX,
    GROUP_KEY,
    NAME,
    SIZE,
    WORKER_INDEX,
    Object,
    annotations,
    labels,
    name_of,
    ordinal,
)
from sandbox.cluster.quirks import LWS_0_10_0, Quirks
from sandbox.cluster.refusals import denied, invalid

_WEBHOOK = "vleaderworkerset.kb.io"
_MOST_REPLICAS = 1_000_000
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_DNS_1035_TEXT = (
    "metadata.name: a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_NEITHER = (
    "spec.rolloutStrategy.rollingUpdateConfiguration.maxUnavailable: "
    "must not be 0 when `maxSurge` is 0"
)
AFTER_START = "RecreateGroupAfterStart"
_POLICIES = ("RecreateGroupOnPodRestart", AFTER_START, "None")


def admit(kind: str, item: Object, quirks: Quirks = LWS_0_10_0) -> None:
    """Fill in the defaults of an object, in place, or refuse it as the installed version does."""
    if kind in _ADMISSIONS:
        _ADMISSIONS[kind](item)
    if kind == "leaderworkersets" and not quirks.knows_after_start:
        _check_policy(item, [each for each in _POLICIES if each != AFTER_START])


def admit_change(kind: str, before: Object, item: Object, quirks: Quirks) -> None:
    """Refuse a change that the webhook of the installed version does not allow."""
    if kind != "leaderworkersets":
        return
    old, new = before["spec"]["leaderWorkerTemplate"], item["spec"]["leaderWorkerTemplate"]
    if quirks.size_is_fixed and old["size"] != new["size"]:
        text = f"spec.leaderWorkerTemplate.size: Invalid value: {new['size']}: field is immutable"
        raise denied(_WEBHOOK, text)
    if old.get("subGroupPolicy") != new.get("subGroupPolicy"):
        raise denied(_WEBHOOK, f"spec.leaderWorkerTemplate.{_sub_group_fault(old, new)}")


def _sub_group_fault(old: Object, new: Object) -> str:
    field = "subGroupPolicy.subGroupSize: Invalid value"
    if not old.get("subGroupPolicy"):
        return f"{field}: cannot enable subGroupSize after the lws is already created"
    if not new.get("subGroupPolicy"):
        return f"{field}: cannot remove subGroupSize after enabled"
    return f"{field}: field is immutable"


def _lws(item: Object) -> None:
    spec = item["spec"]
    _defaults(spec, {"replicas": 1, "startupPolicy": "LeaderCreated"})
    strategy = spec.setdefault("rolloutStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    rolling = strategy.setdefault("rollingUpdateConfiguration", {})
    _defaults(rolling, {"maxSurge": 0, "maxUnavailable": 1, "partition": 0})
    spec.setdefault("networkConfig", {}).setdefault("subdomainPolicy", "Shared")
    template = spec.get("leaderWorkerTemplate")
    if not template or "workerTemplate" not in template:
        raise invalid(
            "LeaderWorkerSet",
            name_of(item),
            "spec.leaderWorkerTemplate.workerTemplate: Required value",
        )
    _defaults(template, {"size": 1, "restartPolicy": _POLICIES[0]})
    if template["restartPolicy"] == "Default":
        template["restartPolicy"] = "None"
    _check_lws(item)


def _check_lws(item: Object) -> None:
    spec, name = item["spec"], name_of(item)
    template = spec["leaderWorkerTemplate"]
    rolling = spec["rolloutStrategy"]["rollingUpdateConfiguration"]
    replicas, size, most = spec["replicas"], template["size"], _MOST_REPLICAS
    faults = (
        (_DNS_1035_TEXT, not _DNS_1035.fullmatch(name)),
        ("spec.replicas: replicas must be equal or greater than 0", replicas < 0),
        (f"spec.replicas: replicas must be equal or less than {most}", replicas > most),
        ("spec.leaderWorkerTemplate.size: size must be equal or greater than 1", size < 1),
        (_NEITHER, rolling["maxUnavailable"] == 0 and rolling["maxSurge"] == 0),
    )
    for message, broken in faults:
        if broken:
            raise denied(_WEBHOOK, message)
    _check_policy(item, _POLICIES)


def _check_policy(item: Object, known: Sequence[str]) -> None:
    policy = item["spec"]["leaderWorkerTemplate"]["restartPolicy"]
    if policy not in known:
        text = f'spec.leaderWorkerTemplate.restartPolicy: Unsupported value: "{policy}"'
        raise invalid("LeaderWorkerSet", name_of(item), text)


def _pod(item: Object) -> None:
    pod_spec(item["spec"])
    _defaults(item["spec"], {"enableServiceLinks": True, "serviceAccountName": "default"})
    item.setdefault("status", {"phase": "Pending", "qosClass": "Guaranteed"})
    if NAME in labels(item):
        _lws_pod(item)


def _lws_pod(item: Object) -> None:
    name, marks = name_of(item), item["metadata"]["labels"]
    if marks.get(WORKER_INDEX) == "0":
        namespace = item["metadata"]["namespace"]
        marks[GROUP_INDEX] = str(ordinal(name))
        marks[GROUP_KEY] = hashlib.sha1(f"{namespace}/{name}".encode()).hexdigest()  # noqa: S324 - LWS' own
    else:
        marks[WORKER_INDEX] = str(ordinal(name))
    for container in item["spec"]["containers"] + item["spec"].get("initContainers", []):
        container["env"] = _environment(item) + (container.get("env") or [])


def _environment(item: Object) -> list[Object]:
    marks, place = labels(item), item["metadata"]["namespace"]
    leader = f"{marks[NAME]}-{marks[GROUP_INDEX]}.{marks[NAME]}.{place}"
    return [
        {"name": "LWS_LEADER_ADDRESS", "value": leader},
        {"name": "LWS_GROUP_SIZE", "value": annotations(item)[SIZE]},
        {"name": "LWS_WORKER_INDEX", "value": marks[WORKER_INDEX]},
    ]


def pod_spec(spec: Object) -> None:
    """Fill in the defaults of a pod's spec, in place."""
    _defaults(
        spec,
        {
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        },
    )
    for container in spec.get("containers") or []:
        _container(container)


def _container(container: Object) -> None:
    tagged = not container.get("image", "").endswith(":latest")
    _defaults(
        container,
        {
            "imagePullPolicy": "IfNotPresent" if tagged else "Always",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        },
    )
    resources = container["resources"]
    if "limits" in resources:
        resources["requests"] = {**resources["limits"], **resources.get("requests", {})}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in container:
            _defaults(container[probe], _PROBE)


def _service(item: Object) -> None:
    spec = item.setdefault("spec", {})
    _defaults(
        spec, {"type": "ClusterIP", "sessionAffinity": "None", "ipFamilyPolicy": "SingleStack"}
    )
    octet = int(hashlib.sha256(name_of(item).encode()).hexdigest()[:2], 16)
    spec.setdefault("clusterIP", f"10.96.0.{octet}")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    for port in spec.get("ports") or []:
        _defaults(port, {"protocol": "TCP", "targetPort": port["port"]})
    item.setdefault("status", {"loadBalancer": {}})


def _phase(phase: str) -> Callable[[Object], None]:
    return lambda item: item.setdefault("status", {}).setdefault("phase", phase)


def _defaults(target: Object, values: Mapping[str, object]) -> None:
    for key, value in values.items():
        if target.get(key) is None:
            target[key] = value


_PROBE = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}

_ADMISSIONS: Mapping[str, Callable[[Object], None]] = {
    "leaderworkersets": _lws,
    "pods": _pod,
    "services": _service,
    "namespaces": _phase("Active"),
    "persistentvolumes": _phase("Bound"),
    "persistentvolumeclaims": _phase("Bound"),
}
