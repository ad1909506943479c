"""Pure: the schemas of the other kinds that overlays hold.

Written from the API reference of Kubernetes 1.32 to 1.36, and of the Prometheus operator's
PodMonitor; each has the fields that stand in desired state, none of status.
"""

from gitops.schemas.pods import POD_TEMPLATE
from gitops.schemas.vocabulary import (
    COUNT,
    METADATA,
    NUMBER,
    NUMBER_OR_TEXT,
    PORT,
    SELECTOR,
    TEXT,
    TEXT_MAP,
    TEXTS,
    YES_NO,
    Schema,
    choice,
    fields,
    kind,
    list_of,
)
from gitops.schemas.volumes import CLAIM_SPEC, VOLUME_SPEC

_PROTOCOL = choice("TCP UDP SCTP")
_SERVICE_PORT = fields(
    "port",
    name=TEXT,
    port=PORT,
    targetPort=NUMBER_OR_TEXT,
    nodePort=PORT,
    protocol=_PROTOCOL,
    appProtocol=TEXT,
)
_SERVICE = fields(
    type=choice("ClusterIP NodePort LoadBalancer ExternalName"),
    ports=list_of(_SERVICE_PORT),
    selector=TEXT_MAP,
    clusterIP=TEXT,
    clusterIPs=TEXTS,
    externalIPs=TEXTS,
    externalName=TEXT,
    externalTrafficPolicy=TEXT,
    internalTrafficPolicy=TEXT,
    healthCheckNodePort=PORT,
    ipFamilies=TEXTS,
    ipFamilyPolicy=TEXT,
    loadBalancerClass=TEXT,
    loadBalancerIP=TEXT,
    loadBalancerSourceRanges=TEXTS,
    allocateLoadBalancerNodePorts=YES_NO,
    publishNotReadyAddresses=YES_NO,
    sessionAffinity=TEXT,
    sessionAffinityConfig=fields(clientIP=fields(timeoutSeconds=COUNT)),
    trafficDistribution=TEXT,
)
_BUDGET = fields(
    selector=SELECTOR,
    minAvailable=NUMBER_OR_TEXT,
    maxUnavailable=NUMBER_OR_TEXT,
    unhealthyPodEvictionPolicy=choice("IfHealthyBudget AlwaysAllow"),
)
_PEER = fields(
    podSelector=SELECTOR,
    namespaceSelector=SELECTOR,
    ipBlock=fields("cidr", **{"cidr": TEXT, "except": TEXTS}),
)
_POLICY_PORT = fields(protocol=_PROTOCOL, port=NUMBER_OR_TEXT, endPort=PORT)
_NETWORK = fields(
    podSelector=SELECTOR,
    policyTypes=list_of(choice("Ingress Egress")),
    ingress=list_of(fields(**{"from": list_of(_PEER), "ports": list_of(_POLICY_PORT)})),
    egress=list_of(fields(to=list_of(_PEER), ports=list_of(_POLICY_PORT))),
)
_ON_FAILURE = fields(
    "rules",
    rules=list_of(
        fields(
            "action",
            action=TEXT,
            onExitCodes=fields(
                "operator", containerName=TEXT, operator=TEXT, values=list_of(NUMBER)
            ),
            onPodConditions=list_of(fields("type", type=TEXT, status=TEXT)),
        )
    ),
)
_JOB = fields(
    "template",
    template=POD_TEMPLATE,
    parallelism=COUNT,
    completions=COUNT,
    completionMode=choice("NonIndexed Indexed"),
    backoffLimit=COUNT,
    backoffLimitPerIndex=COUNT,
    maxFailedIndexes=COUNT,
    activeDeadlineSeconds=COUNT,
    ttlSecondsAfterFinished=COUNT,
    suspend=YES_NO,
    selector=SELECTOR,
    manualSelector=YES_NO,
    managedBy=TEXT,
    podFailurePolicy=_ON_FAILURE,
    podReplacementPolicy=TEXT,
)
_RELABELING = fields(
    action=TEXT,
    modulus=COUNT,
    regex=TEXT,
    replacement=TEXT,
    separator=TEXT,
    sourceLabels=TEXTS,
    targetLabel=TEXT,
)
_SCRAPE = fields(
    port=TEXT,
    portNumber=PORT,
    targetPort=NUMBER_OR_TEXT,
    path=TEXT,
    scheme=TEXT,
    interval=TEXT,
    scrapeTimeout=TEXT,
    honorLabels=YES_NO,
    honorTimestamps=YES_NO,
    filterRunning=YES_NO,
    followRedirects=YES_NO,
    enableHttp2=YES_NO,
    relabelings=list_of(_RELABELING),
    metricRelabelings=list_of(_RELABELING),
)
_POD_MONITOR = fields(
    "podMetricsEndpoints selector",
    podMetricsEndpoints=list_of(_SCRAPE),
    selector=SELECTOR,
    namespaceSelector=fields(any=YES_NO, matchNames=TEXTS),
    jobLabel=TEXT,
    podTargetLabels=TEXTS,
    attachMetadata=fields(node=YES_NO),
    labelLimit=COUNT,
    labelNameLengthLimit=COUNT,
    labelValueLengthLimit=COUNT,
    sampleLimit=COUNT,
    targetLimit=COUNT,
)


def _free(name: str, **known: Schema) -> Schema:
    return fields(
        "apiVersion kind metadata",
        apiVersion={"const": "v1"},
        kind={"const": name},
        metadata=METADATA,
        **known,
    )


KINDS: dict[str, Schema] = {
    "Service": kind("v1", "Service", spec=_SERVICE),
    "PersistentVolume": kind("v1", "PersistentVolume", spec=VOLUME_SPEC),
    "PersistentVolumeClaim": kind("v1", "PersistentVolumeClaim", spec=CLAIM_SPEC),
    "PodDisruptionBudget": kind("policy/v1", "PodDisruptionBudget", spec=_BUDGET),
    "NetworkPolicy": kind("networking.k8s.io/v1", "NetworkPolicy", spec=_NETWORK),
    "Job": kind("batch/v1", "Job", spec=_JOB),
    "PodMonitor": kind("monitoring.coreos.com/v1", "PodMonitor", spec=_POD_MONITOR),
    "ConfigMap": _free("ConfigMap", data=TEXT_MAP, binaryData=TEXT_MAP, immutable=YES_NO),
    "ServiceAccount": _free(
        "ServiceAccount",
        automountServiceAccountToken=YES_NO,
        imagePullSecrets=list_of(fields(name=TEXT)),
        secrets=list_of(fields(name=TEXT, mountable=YES_NO)),
    ),
    "Namespace": _free("Namespace", spec=fields(finalizers=TEXTS)),
}
"""The schema of every kind that an overlay may hold, beside LeaderWorkerSet."""
