"""Pure: what Argo CD's Application or Flux's Kustomization says of a folder of the repository.

Sources: the Application type of argoproj.io/v1alpha1 (sync, operationState, conditions) and the
Kustomization page of kustomize.toolkit.fluxcd.io/v1 (Ready, lastAttemptedRevision).
"""

import re

import msgspec

from bot.cluster import Scope, Unit
from bot.cluster.objects import Meta

_RETRY = re.compile(r"\.? Retrying attempt #\d+ at [^.]*\.?$| \(retried \d+ times\)\.?$")
"""What Argo CD adds about its tries: the same failure should read the same."""

_FAILED = frozenset({"Failed", "Error"})


class Source(msgspec.Struct, frozen=True):
    """ApplicationSource."""

    path: str = ""


class AppSpec(msgspec.Struct, frozen=True):
    """ApplicationSpec; an Application has one source or several."""

    source: Source | None = None
    sources: list[Source] = []


class AppCondition(msgspec.Struct, frozen=True):
    """ApplicationCondition; those whose type ends in Error keep Argo CD from syncing."""

    type: str = ""
    message: str = ""


class SyncResult(msgspec.Struct, frozen=True):
    """SyncOperationResult."""

    revision: str = ""


class Operation(msgspec.Struct, frozen=True, rename="camel"):
    """OperationState."""

    phase: str = ""
    message: str = ""
    retry_count: int = 0
    sync_result: SyncResult | None = None


class AppStatus(msgspec.Struct, frozen=True, rename="camel"):
    """ApplicationStatus, as far as it is read."""

    operation_state: Operation | None = None
    conditions: list[AppCondition] = []
    reconciled_at: str = ""


class Application(msgspec.Struct, frozen=True):
    """Argo CD's object for one folder."""

    metadata: Meta
    spec: AppSpec = AppSpec()
    status: AppStatus = AppStatus()


class KustomizationSpec(msgspec.Struct, frozen=True):
    """KustomizationSpec, as far as it is read."""

    path: str = ""


class FluxCondition(msgspec.Struct, frozen=True, rename="camel"):
    """Condition of a Flux object."""

    type: str = ""
    status: str = ""
    message: str = ""
    last_transition_time: str = ""


class KustomizationStatus(msgspec.Struct, frozen=True, rename="camel"):
    """KustomizationStatus, as far as it is read."""

    conditions: list[FluxCondition] = []
    last_attempted_revision: str = ""


class Kustomization(msgspec.Struct, frozen=True):
    """Flux's object for one folder."""

    metadata: Meta
    spec: KustomizationSpec = KustomizationSpec()
    status: KustomizationStatus = KustomizationStatus()


def unit(read: Application | Kustomization, scope: Scope) -> Unit:
    """Return what an object in a controller's scope says of its folder."""
    if isinstance(read, Application):
        source = read.spec.source or next(iter(read.spec.sources), Source())
        failure, tried = _of_application(read.status)
        path, at = source.path, read.status.reconciled_at
    else:
        failure, tried, at = _of_kustomization(read.status)
        path = read.spec.path
    plain = path.removeprefix("./").strip("/")
    return Unit(scope.context, scope.namespace, read.metadata.name, plain, failure, tried, at)


def _of_kustomization(status: KustomizationStatus) -> tuple[str, str, str]:
    """Return what went wrong, at which commit, and since when."""
    ready = next((each for each in status.conditions if each.type == "Ready"), FluxCondition())
    if ready.status != "False":
        return "", "", ""
    tried = status.last_attempted_revision.rpartition(":")[2]  # main@sha1:COMMIT
    return ready.message, tried, ready.last_transition_time


def _of_application(status: AppStatus) -> tuple[str, str]:
    """Return what went wrong and at which commit; a sync that is tried again has gone wrong."""
    last = status.operation_state
    if last and (last.phase in _FAILED or (last.phase == "Running" and last.retry_count)):
        message = _RETRY.sub("", last.message)
        if message:
            return message, last.sync_result.revision if last.sync_result else ""
    errors = [each.message for each in status.conditions if each.type.endswith("Error")]
    return (errors[0] if errors else ""), ""
