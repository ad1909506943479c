"""Pure: the Kustomization that Flux keeps: spec and status.

Source: kustomize.toolkit.fluxcd.io/v1, docs/spec/v1/kustomizations.md of kustomize-controller
(conditions, inventory, revisions, history). The spec is what `leadline init` writes.
"""

from sandbox.agent.tracked import Deployed, Tracked
from sandbox.agent.units import Manifest
from sandbox.agent.work import Work
from sandbox.cluster.kinds import by_object
from sandbox.cluster.objects import Object, stamp

TIMEOUT = 300.0
"""Longest wait for health, in seconds (spec.timeout)."""

_SHOWN = 5  # entries of a Kustomization's history


def revision(branch: str, sha: str) -> str:
    """Return a revision as Flux writes it: branch, algorithm and commit."""
    return f"{branch}@sha1:{sha}"


def duration(seconds: float) -> str:
    """Return a duration as Go prints it: 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h"] * (hours > 0) + [f"{minutes}m"] * (hours + minutes > 0)
    return "".join([*parts, f"{rest}s"])


def show(app: Tracked, work: Work) -> Object:
    """Return the Kustomization."""
    head = work.named(app)
    head["metadata"] |= {"finalizers": ["finalizers.fluxcd.io"]}
    return {**head, "spec": _spec(app, work), "status": _status(app, work)}


def _spec(app: Tracked, work: Work) -> Object:
    flavour = work.settings.flavour
    spec: Object = {
        "interval": duration(flavour.resync),
        "retryInterval": duration(flavour.retry),
        "timeout": duration(TIMEOUT),
        "sourceRef": {"kind": "GitRepository", "name": "llm"},
        "path": f"./{app.unit.path}",
        "prune": work.settings.prune,
        "deletionPolicy": "Orphan",
        "force": False,
        "wait": work.settings.lws_health,
    }
    if work.settings.lws_health:
        spec["healthCheckExprs"] = [_LWS_CHECK]
    return spec


_LWS_CHECK = {
    "apiVersion": "leaderworkerset.x-k8s.io/v1",
    "kind": "LeaderWorkerSet",
    "current": "status.conditions.exists(c, c.type == 'Available' && c.status == 'True')",
}


def _status(app: Tracked, work: Work) -> Object:
    status: Object = {"conditions": [{**each} for each in app.conditions]}
    if app.settled and not app.error:
        status["observedGeneration"] = 1
    if app.settled:
        status["lastAppliedRevision"] = revision(work.branch, app.settled)
    if app.operation:
        status["lastAttemptedRevision"] = revision(work.branch, app.operation.revision)
    if app.inventory:
        entries = [_entry(each) for _, each in sorted(app.inventory.items())]
        status["inventory"] = {"entries": entries}
    if app.history:
        newest = reversed(app.history[-_SHOWN:])
        status["history"] = [_history(each, work.branch) for each in newest]
    return status


def _entry(manifest: Manifest) -> Object:
    """Return an object as the inventory has it: namespace_name_group_kind."""
    kind, metadata = by_object(manifest["apiVersion"], manifest["kind"]), manifest["metadata"]
    namespace = metadata.get("namespace", "")
    name = f"{namespace}_{metadata['name']}_{kind.group}_{kind.name}"
    return {"id": name, "v": kind.version}


def _history(each: Deployed, branch: str) -> Object:
    return {
        "firstReconciled": stamp(each.started),
        "lastReconciled": stamp(each.finished),
        "lastReconciledStatus": "ReconciliationSucceeded",
        "metadata": {"revision": revision(branch, each.revision)},
    }
