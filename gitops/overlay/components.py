"""Pure: the components that an overlay includes, and what each asks of the overlay.

A component's objects carry a placeholder for a name and selectors of the set `model`; the overlay's
`replacements` give both the deployment's name. They run after every rename, in the overlay only.
Source: kustomize 5.8, api/internal/target/kusttarget_configplugin.go (order of transformers).
"""

import re

from gitops.deployment import ModelDeployment
from gitops.errors import InvalidRequestError

API_KEY, TOPOLOGY, WAIT = "api-key", "exclusive-topology", "wait-for-model"

CUSTOM = "custom"
"""The folder of an overlay where people put sidecars and patches of their own."""

SET = "model"
"""What a base calls its LeaderWorkerSet before the overlay names it."""

PLACEHOLDER = "leadline-model"
"""What a component's objects are called before the overlay names them."""

_NAME = "[leaderworkerset.sigs.k8s.io/name]"
_SELECTORS = {
    "pod-monitor": ("PodMonitor", (f"spec.selector.matchLabels.{_NAME}",)),
    "pod-disruption-budget": ("PodDisruptionBudget", (f"spec.selector.matchLabels.{_NAME}",)),
    "network-policy": (
        "NetworkPolicy",
        (
            f"spec.podSelector.matchLabels.{_NAME}",
            f"spec.ingress.0.from.0.podSelector.matchLabels.{_NAME}",
        ),
    ),
}
_VARIABLES = {
    "rdma": {"NCCL_IB_DISABLE", "NCCL_IB_GID_INDEX", "NCCL_IB_RETRY_CNT", "NCCL_IB_TIMEOUT"},
    API_KEY: {"API_KEY"},
}
_FIELDS = {API_KEY: "apiKeySecret", TOPOLOGY: "placement.exclusiveTopology"}
_VERSION = re.compile(r"(?P<name>.+)-(?P<version>v[1-9][0-9]*)\Z")


def included(deployment: ModelDeployment) -> tuple[str, ...]:
    """Return the names of the components in the order in which they are applied, without custom.

    The API key's comes first, because the overlay finds its variable by its place.

    Raises:
        InvalidRequestError: one is named whose field is empty, or that sets a person's variable.
    """
    implied = {
        API_KEY: bool(deployment.api_key_secret),
        TOPOLOGY: bool(deployment.placement.exclusive_topology),
    }
    for name, field in _FIELDS.items():
        if name in deployment.components and not implied[name]:
            raise InvalidRequestError(f"component {name}: set {field}; the component follows")
    names = dict.fromkeys([name for name, there in implied.items() if there])
    names |= dict.fromkeys(deployment.components)
    for name in names:
        if taken := _VARIABLES.get(plain(name), set()) & set(deployment.environment_variables):
            raise InvalidRequestError(
                f"environment variable {min(taken)}: component {name} sets it; leave it out, or"
                " patch the component's value in custom/"
            )
    return tuple(names)


def folder_of(name: str) -> str:
    """Return a component's folder: `pod-monitor` is version 1, `pod-monitor-v2` version 2.

    A released version never changes, so an overlay stays what it is until its llm.yaml changes.
    """
    found = _VERSION.match(name)
    return f"kustomize/components/{plain(name)}/{found['version'] if found else 'v1'}"


def plain(name: str) -> str:
    """Return a component's name without its version."""
    found = _VERSION.match(name)
    return found["name"] if found else name


def replacements(names: tuple[str, ...]) -> list[dict[str, object]]:
    """Return the overlay's `replacements` for its components; none where no name is needed."""
    targets = [
        {
            "select": {"kind": kind, "name": PLACEHOLDER},
            "fieldPaths": [*selectors, "metadata.name"],
        }
        for name in names
        if plain(name) in _SELECTORS
        for kind, selectors in [_SELECTORS[plain(name)]]
    ]
    source = {"kind": "LeaderWorkerSet", "name": SET, "fieldPath": "metadata.name"}
    return [{"source": source, "targets": targets}] if targets else []


def custom_file() -> str:
    """Return the first content of custom/kustomization.yaml; kustomize refuses an empty one."""
    return _CUSTOM


_CUSTOM = """\
# Yours: sidecars, patches and further objects of this deployment. Leadline made this file once and
# never writes or compares anything in this folder. For example:
#
#   resources: [configmap.yaml]
#   patches:
#     - path: sidecar.yaml
#       target: {kind: LeaderWorkerSet}
#
# What llm.yaml says is applied after this and wins: args, amounts, replicas, names. It is applied
# by place, so append to lists (/containers/-, /volumes/-, /env/-) and insert nothing in front.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: []
"""
