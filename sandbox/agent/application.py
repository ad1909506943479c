"""Pure: the Application that Argo CD keeps: spec and status.

Source: the Application type, argoproj.io/v1alpha1 (ApplicationSpec, ApplicationStatus, SyncStatus,
ResourceStatus, OperationState, SyncOperationResult, RevisionHistory, ApplicationCondition) and the
texts of its controller. The spec is what `leadline init` writes.
"""

from collections.abc import Sequence
from datetime import datetime

from sandbox.agent.comparing import Compared, HealthStatus, worst
from sandbox.agent.flavour import RETRIES, Settings
from sandbox.agent.tracked import Deployed, Operation, Result, Tracked
from sandbox.agent.units import Broken, Manifest, Unit
from sandbox.agent.work import Work
from sandbox.cluster.kinds import by_object
from sandbox.cluster.objects import Object, stamp

_SERVER = "https://kubernetes.default.svc"
_FAILED = (
    "Failed to load target state: failed to generate manifest for source 1 of 1: "
    "rpc error: code = Unknown desc = "
)


def target_state(unit: Unit, broken: Broken) -> str:
    """Return Argo CD's words for a unit that does not build."""
    if broken.missing:
        return f"{_FAILED}{unit.path}: app path does not exist"
    command = f"`kustomize build <path to cached source>/{unit.path}`"
    return f"{_FAILED}{command} failed exit status 1: Error: {broken.reason}"


def kitchen(moment: datetime) -> str:
    """Return a time of day as Go's time.Kitchen: 3:04PM."""
    return f"{moment.hour % 12 or 12}:{moment:%M%p}"


def show(app: Tracked, work: Work) -> Object:
    """Return the Application."""
    settings, head = work.settings, work.named(app)
    if not app.unit.stays:
        kind = "" if settings.policy == "Foreground" else f"/{settings.policy.lower()}"
        finalizer = f"resources-finalizer.argocd.argoproj.io{kind}"
        head["metadata"] |= {"finalizers": [finalizer]}
    source = {
        "repoURL": settings.repository_url,
        "targetRevision": work.branch,
        "path": app.unit.path,
    }
    return {**head, "spec": _spec(settings, source), "status": _status(app, settings, source)}


def _spec(settings: Settings, source: Object) -> Object:
    automated: Object = {"prune": settings.prune, "selfHeal": settings.self_heal}
    if settings.allow_empty:
        automated["allowEmpty"] = True
    policy: Object = {"automated": automated, "syncOptions": _options(settings)}
    if settings.retries != RETRIES:
        policy["retry"] = {"limit": settings.retries}
    return {
        "project": "default",
        "source": source,
        "destination": _destination(),
        "syncPolicy": policy,
    }


def _options(settings: Settings) -> list[str]:
    policy = (
        f"PrunePropagationPolicy={settings.propagation.lower()}" if settings.propagation else ""
    )
    return [*([policy] if policy else []), "ServerSideApply=true"]


def _destination() -> Object:
    return {"server": _SERVER, "namespace": "default"}


def _status(app: Tracked, settings: Settings, source: Object) -> Object:
    conditions = [{**each} for each in app.conditions]
    status: Object = {
        "sync": _sync(app, source),
        "health": {"status": health(app)},
        "resources": [_resource(each) for each in app.compared],
        "history": [_deployed(each, source) for each in app.history],
        "conditions": conditions,
        "sourceType": "Kustomize",
        "controllerNamespace": settings.flavour.namespace,
    }
    if app.looked:
        status["reconciledAt"] = stamp(app.looked)
    if app.operation:
        status["operationState"] = _operation(app.operation, settings, source)
    return {key: value for key, value in status.items() if value != []}


def sync_status(app: Tracked) -> str:
    """Return Synced, OutOfSync or Unknown."""
    if any(each["type"] == "ComparisonError" for each in app.conditions) or not app.looked:
        return "Unknown"
    gone = [each for each in app.compared if each.wanted is None and each.live is None]
    return (
        "Synced" if all(each.synced for each in app.compared if each not in gone) else "OutOfSync"
    )


def health(app: Tracked) -> HealthStatus:
    """Return the worst health of the objects that are in Git."""
    return worst(each.health for each in app.compared if each.live or each.wanted)


def _sync(app: Tracked, source: Object) -> Object:
    status = sync_status(app)
    compared = {"comparedTo": {"source": source, "destination": _destination()}}
    revision = {} if status == "Unknown" else {"revision": app.revision}
    return {"status": status, **revision, **compared}


def _place(item: Manifest) -> Object:
    kind = by_object(item["apiVersion"], item["kind"])
    namespace = item["metadata"].get("namespace")
    place = {
        "group": kind.group,
        "version": kind.version,
        "kind": kind.name,
        "namespace": namespace,
        "name": item["metadata"]["name"],
    }
    return {key: value for key, value in place.items() if value}


def _resource(each: Compared) -> Object:
    resource = {**_place(each.item), "status": "Synced" if each.synced else "OutOfSync"}
    if each.health:
        message = {"message": each.health.message} if each.health.message else {}
        resource["health"] = {"status": each.health.status, **message}
    if each.wanted is None:
        resource["requiresPruning"] = True
    return resource


def _deployed(each: Deployed, source: Object) -> Object:
    return {
        "id": each.number,
        "revision": each.revision,
        "source": source,
        "deployStartedAt": stamp(each.started),
        "deployedAt": stamp(each.finished),
        "initiatedBy": _initiator(automated=each.automated),
    }


def _initiator(*, automated: bool) -> Object:
    return {"automated": True} if automated else {"username": "admin"}


def _operation(operation: Operation, settings: Settings, source: Object) -> Object:
    state: Object = {
        "operation": {
            "sync": {
                "revision": operation.revision,
                "prune": settings.prune,
                "syncOptions": _options(settings),
            },
            "initiatedBy": _initiator(automated=operation.automated),
            "retry": {"limit": settings.retries if operation.automated else 0},
        },
        "phase": operation.phase,
        "message": operation.message,
        "startedAt": stamp(operation.started),
        "syncResult": {
            "revision": operation.revision,
            "source": source,
            "resources": _results(operation.results),
        },
    }
    if operation.retries:
        state["retryCount"] = operation.retries
    if operation.finished:
        state["finishedAt"] = stamp(operation.finished)
    return state


def _results(results: Sequence[Result]) -> list[Object]:
    return [
        {
            **_place(each.item),
            "status": each.status,
            "message": each.message,
            "hookPhase": "Failed" if each.status == "SyncFailed" else "Succeeded",
            "syncPhase": "Sync",
        }
        for each in results
    ]
