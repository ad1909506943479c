"""Pure: which fields a LeaderWorkerSet has, and what is not among them.

Below a container's and a pod's own fields nothing is checked. Sources: the LWS v1 types
(its API types), the core v1 types of Kubernetes 1.36; texts of sigs.k8s.io/json's strict decoder.
"""

from collections.abc import Iterator
from typing import Any

from sandbox.cluster.objects import Object

Tree = dict[str, Any]

_OPEN: Tree = {"*": None}  # anything goes


def _leaves(names: str) -> Tree:
    return dict.fromkeys(names.split(), _OPEN)


_METADATA = _leaves(
    "name generateName namespace labels annotations ownerReferences finalizers uid selfLink "
    "resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds "
    "managedFields"
)
_CONTAINER = _leaves(
    "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy "
    "restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe "
    "lifecycle terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext "
    "stdin stdinOnce tty"
)
_POD_SPEC: Tree = {
    **_leaves(
        "volumes ephemeralContainers restartPolicy terminationGracePeriodSeconds dnsPolicy "
        "activeDeadlineSeconds nodeSelector serviceAccountName serviceAccount nodeName hostNetwork "
        "automountServiceAccountToken hostPID hostIPC hostUsers shareProcessNamespace hostname "
        "securityContext imagePullSecrets subdomain affinity schedulerName tolerations hostAliases "
        "priorityClassName priority dnsConfig readinessGates runtimeClassName enableServiceLinks "
        "preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN os schedulingGates "
        "resourceClaims resources hostnameOverride workloadRef"
    ),
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
}
_TEMPLATE: Tree = {"metadata": _METADATA, "spec": _POD_SPEC}
_LWS: Tree = {
    **_leaves("apiVersion kind status"),
    "metadata": _METADATA,
    "spec": {
        **_leaves("replicas startupPolicy"),
        "networkConfig": _leaves("subdomainPolicy"),
        "rolloutStrategy": {
            **_leaves("type"),
            "rollingUpdateConfiguration": _leaves("partition maxUnavailable maxSurge"),
        },
        "leaderWorkerTemplate": {
            **_leaves("size restartPolicy volumeClaimTemplates"),
            "persistentVolumeClaimRetentionPolicy": _leaves("whenDeleted whenScaled"),
            "subGroupPolicy": _leaves("subGroupPolicyType subGroupSize"),
            "leaderTemplate": _TEMPLATE,
            "workerTemplate": _TEMPLATE,
        },
    },
}
_TREES = {"leaderworkersets": _LWS}


def unknown(plural: str, item: Object) -> list[str]:
    """Return the paths of the fields that a kind does not have."""
    return [path for path, _, _ in _walk(item, _TREES.get(plural, _OPEN), "")]


def prune(plural: str, item: Object) -> None:
    """Drop the fields that a kind does not have, in place, as the API server does."""
    for _, place, name in list(_walk(item, _TREES.get(plural, _OPEN), "")):
        del place[name]


def _walk(value: object, tree: Tree | list[Tree], path: str) -> Iterator[tuple[str, Object, str]]:
    if isinstance(tree, list) and isinstance(value, list):
        for number, each in enumerate(value):
            yield from _walk(each, tree[0], f"{path}[{number}]")
    elif isinstance(value, dict) and isinstance(tree, dict) and "*" not in tree:
        for name, below in value.items():
            here = f"{path}.{name}" if path else name
            if name in tree:
                yield from _walk(below, tree[name], here)
            else:
                yield here, value, name
