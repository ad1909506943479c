"""Pure: the kinds that the API server serves, and their paths. Source: Kubernetes 1.36, LWS v1."""

from dataclasses import dataclass

from sandbox.cluster.objects import Key, Object
from sandbox.cluster.refusals import no_such_path


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource; `group` is "" for the core."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True
    short: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """Return what `apiVersion` says."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Return the path of the group's version."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"


LWS_GROUP = "leaderworkerset.x-k8s.io"

KINDS = (
    Kind("", "v1", "namespaces", "Namespace", namespaced=False, short=("ns",)),
    Kind("", "v1", "nodes", "Node", namespaced=False, short=("no",)),
    Kind("", "v1", "pods", "Pod", short=("po",)),
    Kind("", "v1", "services", "Service", short=("svc",)),
    Kind("", "v1", "events", "Event", short=("ev",)),
    Kind("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False, short=("pv",)),
    Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",)),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "configmaps", "ConfigMap", short=("cm",)),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", short=("sa",)),
    Kind("apps", "v1", "statefulsets", "StatefulSet", short=("sts",)),
    Kind("apps", "v1", "controllerrevisions", "ControllerRevision"),
    Kind("apps", "v1", "deployments", "Deployment", short=("deploy",)),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short=("pdb",)),
    Kind("batch", "v1", "jobs", "Job"),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=("netpol",)),
    Kind("rbac.authorization.k8s.io", "v1", "roles", "Role"),
    Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
    Kind(LWS_GROUP, "v1", "leaderworkersets", "LeaderWorkerSet", short=("lws",)),
    Kind("argoproj.io", "v1alpha1", "applications", "Application", short=("app", "apps")),
    Kind("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization", short=("ks",)),
)


def by_path(root: str, plural: str) -> Kind:
    """Return the kind that a path such as `/apis/apps/v1` and `statefulsets` means."""
    for kind in KINDS:
        if (kind.root, kind.plural) == (root, plural):
            return kind
    raise no_such_path()


def by_object(api_version: str, name: str) -> Kind:
    """Return the kind that an object's apiVersion and kind mean."""
    for kind in KINDS:
        if (kind.api_version, kind.name) == (api_version, name):
            return kind
    raise no_such_path()


def key_of(item: Object) -> Key:
    """Return where an object lives."""
    kind = by_object(item["apiVersion"], item["kind"])
    namespace = item["metadata"].get("namespace") or "default"
    return Key(kind.plural, namespace if kind.namespaced else "", item["metadata"]["name"])


def path_of(item: Object) -> str:
    """Return the path of an object's address."""
    kind, key = by_object(item["apiVersion"], item["kind"]), key_of(item)
    place = f"/namespaces/{key.namespace}" if key.namespace else ""
    return f"{kind.root}{place}/{kind.plural}/{key.name}"
