"""Pure: the schema of a LeaderWorkerSet, for each version that we know.

Written from the API's field tables of v0.6.0 to v0.10.0 (kubernetes-sigs/lws,
api/leaderworkerset/v1/leaderworkerset_types.go and the rules of its webhook). The descriptive CRDs
are not copied: a pod template here is our own, stricter one. Of the pod fields only those of
v0.6.0, v0.8.0 and v0.10.0 were compared; v0.7.0 and v0.9.0 are taken to have their elder's.
"""

import functools

from gitops.errors import UsageError
from gitops.schemas.pods import POD_TEMPLATE
from gitops.schemas.vocabulary import (
    COUNT,
    NUMBER_OR_TEXT,
    Schema,
    at,
    choice,
    fields,
    kind,
    list_of,
    since,
)
from gitops.schemas.volumes import CLAIM_TEMPLATE
from gitops.versions import release

VERSIONS = ("0.6.0", "0.7.0", "0.8.0", "0.9.0", "0.10.0")
"""The versions whose fields differ; patch releases in between changed none."""

API_VERSION = "leaderworkerset.x-k8s.io/v1"

_POLICIES = "Default RecreateGroupOnPodRestart None"
_MOST_GROUPS = {"minimum": 0, "maximum": 1_000_000}
_SHARE = NUMBER_OR_TEXT | {"minimum": 0, "pattern": r"^([0-9]|[1-9][0-9]|100)%$"}
_RETENTION = choice("Retain Delete")
_TEMPLATE: Schema = {
    "leaderTemplate": POD_TEMPLATE,
    "workerTemplate": POD_TEMPLATE,
    "size": {"type": "integer", "minimum": 1},
    "subGroupPolicy": fields(
        subGroupPolicyType=choice("LeaderWorker LeaderExcluded"),
        subGroupSize={"type": "integer", "minimum": 1},
    ),
    "volumeClaimTemplates": since("0.8.0", list_of(CLAIM_TEMPLATE)),
    "persistentVolumeClaimRetentionPolicy": since(
        "0.8.0", fields(whenDeleted=_RETENTION, whenScaled=_RETENTION)
    ),
}
_ROLLOUT = fields(
    "type",
    type=choice("RollingUpdate"),
    rollingUpdateConfiguration=fields(
        maxUnavailable=_SHARE, maxSurge=_SHARE, partition=since("0.7.0", COUNT)
    ),
)


@functools.cache
def lws(version: str) -> Schema:
    """Return the schema of a LeaderWorkerSet for a release such as 0.8.0 or v0.8.2.

    Raises:
        UsageError: older than 0.6.0, which Leadline does not support.
        InvalidRequestError: not a version.
    """
    if release(version) < release(VERSIONS[0]):
        raise UsageError(f"LeaderWorkerSet {version}: too old; install {VERSIONS[0]} or newer")
    recreate = " RecreateGroupAfterStart" if release(version) >= release("0.9.0") else ""
    most = _MOST_GROUPS if release(version) >= release("0.10.0") else {"minimum": 0}
    template = fields("workerTemplate", **_TEMPLATE, restartPolicy=choice(_POLICIES + recreate))
    spec = fields(
        "leaderWorkerTemplate",
        leaderWorkerTemplate=template,
        replicas={"type": "integer"} | most,
        startupPolicy=choice("LeaderCreated LeaderReady"),
        rolloutStrategy=_ROLLOUT,
        networkConfig=fields("subdomainPolicy", subdomainPolicy=choice("Shared UniquePerReplica")),
    )
    return at(version, kind(API_VERSION, "LeaderWorkerSet", spec=spec))
