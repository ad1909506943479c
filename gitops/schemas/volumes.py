"""Pure: the schemas of volumes in pods, of volumes in clusters and of claims.

Written from the API reference of Kubernetes 1.32 to 1.36 (core/v1 Volume, PersistentVolume,
PersistentVolumeClaim). Sources that no GPU cluster uses are known by name, their content is open.
"""

from gitops.schemas.containers import FIELD_REF, RESOURCE_FIELD_REF, RESOURCES
from gitops.schemas.vocabulary import (
    ANY,
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

_OTHERS = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "iscsi",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
]

_MODES = list_of(choice("ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod"))
_VOLUME_MODE = choice("Filesystem Block")

CLAIM_SPEC = fields(
    accessModes=_MODES,
    resources=fields(limits=RESOURCES["properties"]["limits"], requests=map_of(QUANTITY)),
    storageClassName=TEXT,
    volumeName=TEXT,
    volumeMode=_VOLUME_MODE,
    selector=SELECTOR,
    dataSource=fields("kind name", apiGroup=TEXT, kind=TEXT, name=TEXT),
    dataSourceRef=fields("kind name", apiGroup=TEXT, kind=TEXT, name=TEXT, namespace=TEXT),
    volumeAttributesClassName=TEXT,
)
CLAIM_TEMPLATE = fields(
    "spec",
    apiVersion={"const": "v1"},
    kind={"const": "PersistentVolumeClaim"},
    metadata=METADATA | {"required": []},
    spec=CLAIM_SPEC,
    status=ANY,
)

_ITEMS = list_of(fields("key path", key=TEXT, path=TEXT, mode=COUNT))
_DOWNWARD_ITEMS = list_of(
    fields("path", path=TEXT, mode=COUNT, fieldRef=FIELD_REF, resourceFieldRef=RESOURCE_FIELD_REF)
)
_PROJECTED = fields(
    secret=fields(name=TEXT, items=_ITEMS, optional=YES_NO),
    configMap=fields(name=TEXT, items=_ITEMS, optional=YES_NO),
    downwardAPI=fields(items=_DOWNWARD_ITEMS),
    serviceAccountToken=fields("path", path=TEXT, audience=TEXT, expirationSeconds=NUMBER),
    clusterTrustBundle=ANY,
    podCertificate=since("0.8.0", ANY),
)
VOLUME = fields(
    "name",
    name=TEXT | {"minLength": 1},
    persistentVolumeClaim=fields("claimName", claimName=TEXT, readOnly=YES_NO),
    emptyDir=fields(medium=TEXT, sizeLimit=QUANTITY),
    configMap=fields(name=TEXT, items=_ITEMS, defaultMode=COUNT, optional=YES_NO),
    secret=fields(secretName=TEXT, items=_ITEMS, defaultMode=COUNT, optional=YES_NO),
    downwardAPI=fields(items=_DOWNWARD_ITEMS, defaultMode=COUNT),
    projected=fields(sources=list_of(_PROJECTED), defaultMode=COUNT),
    hostPath=fields("path", path=TEXT, type=TEXT),
    nfs=fields("server path", server=TEXT, path=TEXT, readOnly=YES_NO),
    image=fields(reference=TEXT, pullPolicy=choice("Always IfNotPresent Never")),
    csi=fields(
        "driver",
        driver=TEXT,
        fsType=TEXT,
        readOnly=YES_NO,
        volumeAttributes=TEXT_MAP,
        nodePublishSecretRef=fields(name=TEXT),
    ),
    ephemeral=fields(
        volumeClaimTemplate=fields(
            "spec",
            metadata=METADATA | {"required": []},
            spec=CLAIM_SPEC,
        )
    ),
    **dict.fromkeys(_OTHERS, ANY),
)

_SECRET_REF = fields(name=TEXT, namespace=TEXT)
_CSI = fields(
    "driver volumeHandle",
    driver=TEXT,
    volumeHandle=TEXT,
    fsType=TEXT,
    readOnly=YES_NO,
    volumeAttributes=TEXT_MAP,
    nodePublishSecretRef=_SECRET_REF,
    nodeStageSecretRef=_SECRET_REF,
    nodeExpandSecretRef=_SECRET_REF,
    controllerPublishSecretRef=_SECRET_REF,
    controllerExpandSecretRef=_SECRET_REF,
)
VOLUME_SPEC = fields(
    "capacity accessModes",
    capacity=map_of(QUANTITY),
    accessModes=_MODES,
    persistentVolumeReclaimPolicy=choice("Retain Delete Recycle"),
    storageClassName=TEXT,
    volumeMode=_VOLUME_MODE,
    mountOptions=TEXTS,
    claimRef=fields("name namespace", apiVersion=TEXT, kind=TEXT, name=TEXT, namespace=TEXT),
    csi=_CSI,
    nfs=fields("server path", server=TEXT, path=TEXT, readOnly=YES_NO),
    hostPath=fields("path", path=TEXT, type=TEXT),
    local=fields("path", path=TEXT, fsType=TEXT),
    nodeAffinity=ANY,
    volumeAttributesClassName=TEXT,
    **dict.fromkeys([name for name in _OTHERS if name != "gitRepo"], ANY),
)
