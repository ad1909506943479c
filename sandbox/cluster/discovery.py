"""Pure: what the API server says of itself, enough for kubectl. Source: the discovery API."""

from collections.abc import Sequence

from sandbox.cluster.kinds import KINDS, Kind, by_path
from sandbox.cluster.objects import Object

_WITH_STATUS = (
    "pods",
    "nodes",
    "services",
    "statefulsets",
    "leaderworkersets",
    "deployments",
    "kustomizations",
)
_ALL = ("pods", "services", "statefulsets")  # what `kubectl get all` lists
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def describe(path: str) -> Object | None:
    """Return the discovery document of a path, or None when the path means something else."""
    match path.rstrip("/"):
        case "/version":
            return {"major": "1", "minor": "36", "gitVersion": "v1.36.2", "platform": "linux/amd64"}
        case "/api":
            return {"kind": "APIVersions", "apiVersion": "v1", "versions": ["v1"]}
        case "/apis":
            groups = [_group(each) for each in _roots() if each.group]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case "/openapi/v3":
            urls = {
                each.root.lstrip("/"): {"serverRelativeURL": f"/openapi/v3{each.root}"}
                for each in _roots()
            }
            return {"paths": urls}
        case other:
            return _of_group(other)


def _of_group(path: str) -> Object | None:
    for each in _roots():
        if path == each.root:
            return _resources(each)
        if path == f"/openapi/v3{each.root}":
            return _schema(each)
        if path == f"/apis/{each.group}":
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(each)}
    return None


def _roots() -> list[Kind]:
    return list({each.root: each for each in KINDS}.values())


def _group(kind: Kind) -> Object:
    version = {"groupVersion": kind.api_version, "version": kind.version}
    return {"name": kind.group, "versions": [version], "preferredVersion": version}


def _resources(root: Kind) -> Object:
    resources = [_resource(each) for each in KINDS if each.root == root.root]
    resources += [
        _part(each, "status")
        for each in KINDS
        if each.root == root.root and each.plural in _WITH_STATUS
    ]
    if not root.group:
        resources += [_part(by_path("/api/v1", "pods"), "log", ["get"])]
        for plural in ("services", "pods"):
            resources += [_part(by_path("/api/v1", plural), "proxy", ["create", "get"])]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": root.api_version,
        "resources": resources,
    }


def _part(kind: Kind, name: str, verbs: Sequence[str] = ("get", "patch", "update")) -> Object:
    return {
        "name": f"{kind.plural}/{name}",
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "singularName": "",
        "verbs": list(verbs),
    }


def _resource(kind: Kind) -> Object:
    return {
        "name": kind.plural,
        "singularName": kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": _VERBS,
        "shortNames": list(kind.short),
        "categories": ["all"] if kind.plural in _ALL else [],
    }


def _schema(root: Kind) -> Object:
    """Return just enough OpenAPI for kubectl to find that the server validates fields itself."""
    paths: Object = {}
    schemas: Object = {}
    for each in (kind for kind in KINDS if kind.root == root.root):
        gvk = {"group": each.group, "version": each.version, "kind": each.name}
        place = "/namespaces/{namespace}" if each.namespaced else ""
        query = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
        patch = {"parameters": query, "x-kubernetes-group-version-kind": gvk, "responses": {}}
        paths[f"{each.root}{place}/{each.plural}/{{name}}"] = {"patch": patch}
        schemas[each.name] = {
            "type": "object",
            "x-kubernetes-group-version-kind": [gvk],
            "x-kubernetes-preserve-unknown-fields": True,
        }
    info = {"title": "Kubernetes", "version": "v1.36.2"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}
