"""Pure: the schema of a container in a pod template.

Written from the API reference of Kubernetes 1.32 to 1.36 (core/v1 Container). What only newer
clusters have is marked with the LeaderWorkerSet release that took it over.
"""

from gitops.schemas.vocabulary import (
    COUNT,
    NUMBER,
    NUMBER_OR_TEXT,
    PORT,
    QUANTITY,
    TEXT,
    TEXTS,
    YES_NO,
    choice,
    fields,
    list_of,
    map_of,
    since,
)

_HEADER = fields("name value", name=TEXT, value=TEXT)
_HTTP_GET = fields(
    "port",
    path=TEXT,
    port=NUMBER_OR_TEXT,
    host=TEXT,
    scheme=choice("HTTP HTTPS"),
    httpHeaders=list_of(_HEADER),
)
_TCP_SOCKET = fields("port", port=NUMBER_OR_TEXT, host=TEXT)
_EXEC = fields(command=TEXTS)

PROBE = fields(
    httpGet=_HTTP_GET,
    tcpSocket=_TCP_SOCKET,
    exec=_EXEC,
    grpc=fields("port", port=PORT, service=TEXT),
    initialDelaySeconds=COUNT,
    periodSeconds=COUNT,
    timeoutSeconds=COUNT,
    successThreshold=COUNT,
    failureThreshold=COUNT,
    terminationGracePeriodSeconds=COUNT,
)
_HANDLER = fields(
    exec=_EXEC, httpGet=_HTTP_GET, tcpSocket=_TCP_SOCKET, sleep=fields("seconds", seconds=NUMBER)
)

FIELD_REF = fields("fieldPath", fieldPath=TEXT, apiVersion=TEXT)
RESOURCE_FIELD_REF = fields("resource", resource=TEXT, containerName=TEXT, divisor=QUANTITY)
_KEY_REF = fields("key", key=TEXT, name=TEXT, optional=YES_NO)
_FILE_KEY_REF = fields("key path volumeName", key=TEXT, path=TEXT, volumeName=TEXT, optional=YES_NO)
ENV = fields(
    "name",
    name=TEXT | {"minLength": 1},
    value=TEXT,
    valueFrom=fields(
        fieldRef=FIELD_REF,
        resourceFieldRef=RESOURCE_FIELD_REF,
        configMapKeyRef=_KEY_REF,
        secretKeyRef=_KEY_REF,
        fileKeyRef=since("0.8.0", _FILE_KEY_REF),
    ),
)
_SOURCE = fields(name=TEXT, optional=YES_NO)
_ENV_FROM = fields(prefix=TEXT, configMapRef=_SOURCE, secretRef=_SOURCE)

RESOURCES = fields(
    limits=map_of(QUANTITY),
    requests=map_of(QUANTITY),
    claims=list_of(fields("name", name=TEXT, request=TEXT)),
)
SECCOMP = fields("type", type=choice("Localhost RuntimeDefault Unconfined"), localhostProfile=TEXT)
SE_LINUX = fields(level=TEXT, role=TEXT, type=TEXT, user=TEXT)
WINDOWS = fields(
    gmsaCredentialSpec=TEXT, gmsaCredentialSpecName=TEXT, hostProcess=YES_NO, runAsUserName=TEXT
)
SECURITY = fields(
    allowPrivilegeEscalation=YES_NO,
    appArmorProfile=SECCOMP,
    capabilities=fields(add=TEXTS, drop=TEXTS),
    privileged=YES_NO,
    procMount=TEXT,
    readOnlyRootFilesystem=YES_NO,
    runAsGroup=COUNT,
    runAsNonRoot=YES_NO,
    runAsUser=COUNT,
    seLinuxOptions=SE_LINUX,
    seccompProfile=SECCOMP,
    windowsOptions=WINDOWS,
)
_MOUNT = fields(
    "name mountPath",
    name=TEXT,
    mountPath=TEXT | {"minLength": 1},
    mountPropagation=TEXT,
    readOnly=YES_NO,
    recursiveReadOnly=TEXT,
    subPath=TEXT,
    subPathExpr=TEXT,
)
_CONTAINER_PORT = fields(
    "containerPort",
    containerPort=PORT,
    name=TEXT,
    protocol=choice("TCP UDP SCTP"),
    hostIP=TEXT,
    hostPort=PORT,
)
_RESTART_RULE = fields(
    "action",
    action=TEXT,
    exitCodes=fields("operator", operator=TEXT, values=list_of(NUMBER)),
)
_FIELDS = {
    "name": TEXT | {"minLength": 1},
    "image": TEXT | {"minLength": 1},
    "imagePullPolicy": choice("Always IfNotPresent Never"),
    "command": TEXTS,
    "args": TEXTS,
    "workingDir": TEXT,
    "env": list_of(ENV),
    "envFrom": list_of(_ENV_FROM),
    "ports": list_of(_CONTAINER_PORT),
    "resources": RESOURCES,
    "resizePolicy": list_of(
        fields("resourceName restartPolicy", resourceName=TEXT, restartPolicy=TEXT)
    ),
    "restartPolicy": TEXT,
    "restartPolicyRules": since("0.8.0", list_of(_RESTART_RULE)),
    "livenessProbe": PROBE,
    "readinessProbe": PROBE,
    "startupProbe": PROBE,
    "lifecycle": fields(postStart=_HANDLER, preStop=_HANDLER, stopSignal=since("0.8.0", TEXT)),
    "securityContext": SECURITY,
    "volumeMounts": list_of(_MOUNT),
    "volumeDevices": list_of(fields("name devicePath", name=TEXT, devicePath=TEXT)),
    "stdin": YES_NO,
    "stdinOnce": YES_NO,
    "tty": YES_NO,
    "terminationMessagePath": TEXT,
    "terminationMessagePolicy": choice("File FallbackToLogsOnError"),
}

CONTAINER = fields("name image", **_FIELDS)
"""A container; the API does not ask for an image here, and then no pod is ever made."""

EPHEMERAL = fields("name image", **_FIELDS, targetContainerName=TEXT)
"""A container for debugging."""

SYSCTLS = list_of(fields("name value", name=TEXT, value=TEXT))
DNS = fields(nameservers=TEXTS, searches=TEXTS, options=list_of(fields(name=TEXT, value=TEXT)))
