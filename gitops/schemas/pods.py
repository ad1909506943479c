"""Pure: the schema of a pod template, closed down to its last field.

Written from the API reference of Kubernetes 1.32 to 1.36 (core/v1 PodTemplateSpec).
"""

from gitops.schemas.containers import (
    CONTAINER,
    DNS,
    EPHEMERAL,
    RESOURCES,
    SE_LINUX,
    SECCOMP,
    SYSCTLS,
    WINDOWS,
)
from gitops.schemas.vocabulary import (
    COUNT,
    METADATA,
    NUMBER,
    QUANTITY,
    SELECTOR,
    TEXT,
    TEXT_MAP,
    TEXTS,
    YES_NO,
    choice,
    fields,
    list_of,
    map_of,
    since,
)
from gitops.schemas.volumes import VOLUME

_NODE_RULES = list_of(
    fields(
        "key operator",
        key=TEXT,
        operator=choice("In NotIn Exists DoesNotExist Gt Lt"),
        values=TEXTS,
    )
)
_NODE_TERM = fields(matchExpressions=_NODE_RULES, matchFields=_NODE_RULES)
_POD_TERM = fields(
    "topologyKey",
    topologyKey=TEXT,
    labelSelector=SELECTOR,
    namespaceSelector=SELECTOR,
    namespaces=TEXTS,
    matchLabelKeys=TEXTS,
    mismatchLabelKeys=TEXTS,
)
_POD_AFFINITY = fields(
    requiredDuringSchedulingIgnoredDuringExecution=list_of(_POD_TERM),
    preferredDuringSchedulingIgnoredDuringExecution=list_of(
        fields("weight podAffinityTerm", weight=NUMBER, podAffinityTerm=_POD_TERM)
    ),
)
_AFFINITY = fields(
    nodeAffinity=fields(
        requiredDuringSchedulingIgnoredDuringExecution=fields(
            "nodeSelectorTerms", nodeSelectorTerms=list_of(_NODE_TERM)
        ),
        preferredDuringSchedulingIgnoredDuringExecution=list_of(
            fields("weight preference", weight=NUMBER, preference=_NODE_TERM)
        ),
    ),
    podAffinity=_POD_AFFINITY,
    podAntiAffinity=_POD_AFFINITY,
)
_TOLERATION = fields(
    key=TEXT,
    operator=TEXT,
    value=TEXT,
    effect=choice("NoSchedule PreferNoSchedule NoExecute"),
    tolerationSeconds=NUMBER,
)
_SPREAD = fields(
    "maxSkew topologyKey whenUnsatisfiable",
    maxSkew=NUMBER,
    topologyKey=TEXT,
    whenUnsatisfiable=choice("DoNotSchedule ScheduleAnyway"),
    labelSelector=SELECTOR,
    matchLabelKeys=TEXTS,
    minDomains=NUMBER,
    nodeAffinityPolicy=TEXT,
    nodeTaintsPolicy=TEXT,
)
_SECURITY = fields(
    appArmorProfile=SECCOMP,
    fsGroup=COUNT,
    fsGroupChangePolicy=choice("OnRootMismatch Always"),
    runAsGroup=COUNT,
    runAsNonRoot=YES_NO,
    runAsUser=COUNT,
    seLinuxChangePolicy=TEXT,
    seLinuxOptions=SE_LINUX,
    seccompProfile=SECCOMP,
    supplementalGroups=list_of(COUNT),
    supplementalGroupsPolicy=TEXT,
    sysctls=SYSCTLS,
    windowsOptions=WINDOWS,
)
_CLAIM = fields("name", name=TEXT, resourceClaimName=TEXT, resourceClaimTemplateName=TEXT)

POD_SPEC = fields(
    "containers",
    containers=list_of(CONTAINER, least=1),
    initContainers=list_of(CONTAINER),
    ephemeralContainers=list_of(EPHEMERAL),
    volumes=list_of(VOLUME),
    affinity=_AFFINITY,
    tolerations=list_of(_TOLERATION),
    topologySpreadConstraints=list_of(_SPREAD),
    nodeSelector=TEXT_MAP,
    nodeName=TEXT,
    securityContext=_SECURITY,
    resources=RESOURCES,
    resourceClaims=list_of(_CLAIM),
    overhead=map_of(QUANTITY),
    serviceAccount=TEXT,
    serviceAccountName=TEXT,
    automountServiceAccountToken=YES_NO,
    imagePullSecrets=list_of(fields(name=TEXT)),
    enableServiceLinks=YES_NO,
    dnsConfig=DNS,
    dnsPolicy=choice("ClusterFirstWithHostNet ClusterFirst Default None"),
    hostAliases=list_of(fields("ip", ip=TEXT, hostnames=TEXTS)),
    hostIPC=YES_NO,
    hostNetwork=YES_NO,
    hostPID=YES_NO,
    hostUsers=YES_NO,
    hostname=TEXT,
    hostnameOverride=since("0.8.0", TEXT),
    setHostnameAsFQDN=YES_NO,
    subdomain=TEXT,
    shareProcessNamespace=YES_NO,
    os=fields("name", name=TEXT),
    preemptionPolicy=TEXT,
    priority=NUMBER,
    priorityClassName=TEXT,
    readinessGates=list_of(fields("conditionType", conditionType=TEXT)),
    restartPolicy=choice("Always OnFailure Never"),
    runtimeClassName=TEXT,
    schedulerName=TEXT,
    schedulingGates=list_of(fields("name", name=TEXT)),
    schedulingGroup=since("0.10.0", fields(podGroupName=TEXT)),
    terminationGracePeriodSeconds=COUNT,
    activeDeadlineSeconds=COUNT,
)
POD_TEMPLATE = fields("spec", metadata=METADATA | {"required": []}, spec=POD_SPEC)
