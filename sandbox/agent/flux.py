"""How Flux works on a Kustomization: build, dry run, apply, prune, wait for health, again.

Sources: kustomize-controller's Kustomization page and its reconciler (order of the steps, reasons
and texts of the conditions; nothing is applied when the dry run of one object fails; it applies
before it prunes; a failure is tried again after retryInterval, everything after interval).
"""

from sandbox.agent import kustomization
from sandbox.agent.comparing import Compared, health_of
from sandbox.agent.failures import Failure
from sandbox.agent.kustomization import TIMEOUT, duration
from sandbox.agent.target import RefusedError
from sandbox.agent.tracked import Operation, Tracked
from sandbox.agent.units import Broken, Manifest
from sandbox.agent.work import Work, in_order
from sandbox.cluster.objects import Object, name_of, stamp

LOOK = 5.0
"""Seconds between two looks at the health of what was applied."""


class Flux:
    """Flux's kustomize-controller."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def act(self, app: Tracked, now: float) -> None:
        """Reconcile, or go on waiting for health."""
        if app.deadline is not None and not app.fresh:
            self._await_health(app, app.deadline, now)
            return
        app.deadline = None
        self._progress(app, "Building manifests")
        if self._work.hold(app, now):
            return
        self._reconcile(app, now)

    def demand(self, app: Tracked, now: float) -> None:
        """Reconcile as `flux reconcile kustomization --with-source` does."""
        app.held, app.deadline, app.demanded, app.due = "", None, True, now

    def show(self, app: Tracked) -> Object:
        """Return the Kustomization."""
        return kustomization.show(app, self._work)

    def _now(self) -> str:
        return stamp(self._work.time.now())

    def _progress(self, app: Tracked, step: str) -> None:
        """Publish what is being done."""
        text = f"{step} for revision {self._revision(app)} with a timeout of {duration(TIMEOUT)}"
        self._set(app, "Reconciling", "True", "Progressing", text)
        self._set(app, "Ready", "Unknown", "Progressing", "Reconciliation in progress")
        self._work.publish(app)

    def _reconcile(self, app: Tracked, now: float) -> None:
        self._work.rebuilt(app)
        app.looked = self._work.time.now()
        app.operation = Operation(app.revision, tuple(app.manifests), app.looked)
        if app.broken:
            self._fail(app, *_broken(app, app.broken), now)
            return
        self._progress(app, "Detecting drift")
        try:
            live = self._apply(app, in_order(app.manifests))
        except _NotAppliedError as error:
            self._fail(app, "ReconciliationFailed", str(error), now)
            return
        results = self._work.prune(app, app.wanted)
        lost = [each for each in results if each.status == "SyncFailed"]
        bad = [f"{_title(each.item)} delete failed: {each.message}" for each in lost]
        app.compared = live
        if bad:
            self._fail(app, "PruneFailed", f"delete failed, errors: {'; '.join(bad)}", now)
        elif self._work.settings.lws_health:
            app.deadline, app.due = now + TIMEOUT, now + LOOK
            self._progress(app, "Running health checks")
            self._await_health(app, app.deadline, now)
        else:
            self._succeed(app, now)

    def _apply(self, app: Tracked, manifests: list[Manifest]) -> list[Compared]:
        """Try all objects, then apply all; return them as they live."""
        denial = self._work.denial(app)
        for each in manifests:
            self._apply_one(app, each, denial, dry=True)
        stored = [self._apply_one(app, each, denial, dry=False) for each in manifests]
        return [
            Compared(path, each, live, health_of(live, lws=self._work.settings.lws_health))
            for path, each, live in zip(app.wanted, manifests, stored, strict=True)
        ]

    def _apply_one(
        self, app: Tracked, manifest: Manifest, denial: Failure | None, *, dry: bool
    ) -> Object:
        try:
            return self._work.apply(app, manifest, denial, dry=dry)
        except RefusedError as error:
            step = "dry-run" if dry else "apply"
            reason = f" ({error.reason})" if error.reason else ""
            text = f"{_title(manifest)} {step} failed{reason}: {error}"
            raise _NotAppliedError(text) from error

    def _await_health(self, app: Tracked, deadline: float, now: float) -> None:
        """Succeed once everything is healthy; give up at the deadline."""
        try:
            app.compared = self._work.compare(app, app.wanted)
        except RefusedError as error:
            self._fail(app, "HealthCheckFailed", str(error), now)
            return
        waiting = [each for each in app.compared if each.wanted and not _current(each)]
        if not waiting and app.operation:
            self._set(app, "Healthy", "True", "Succeeded", "Health check passed")
            self._succeed(app, now)
        elif now >= deadline:
            names = ", ".join(f"{_title(each.item)} status: 'InProgress'" for each in waiting)
            text = f"health check failed after {duration(TIMEOUT)}: timeout waiting for: [{names}]"
            self._set(app, "Healthy", "False", "HealthCheckFailed", text)
            self._fail(app, "HealthCheckFailed", text, now)
        else:
            app.due = now + LOOK

    def _succeed(self, app: Tracked, now: float) -> None:
        text = f"Applied revision: {self._revision(app)}"
        app.drop("Reconciling")
        self._set(app, "Ready", "True", "ReconciliationSucceeded", text)
        changed = app.settled != app.revision or bool(app.error)
        if changed and app.operation:
            app.remember(app.operation, self._work.time.now())
        if changed or app.demanded or app.pruned:
            app.settle(app.revision)
        app.demanded = False
        app.deadline, app.due = None, now + self._work.settings.flavour.resync

    def _fail(self, app: Tracked, reason: str, message: str, now: float) -> None:
        before = next((each for each in app.conditions if each["type"] == "Reconciling"), {})
        text = str(before.get("message", ""))
        self._set(app, "Reconciling", "True", "ProgressingWithRetry", text)
        self._set(app, "Ready", "False", reason, message)
        app.fail(message)
        app.demanded = False
        app.deadline, app.due = None, now + self._work.settings.flavour.retry

    def _set(self, app: Tracked, kind: str, status: str, reason: str, message: str) -> None:
        app.condition(
            kind, self._now(), status=status, reason=reason, message=message, observedGeneration=1
        )

    def _revision(self, app: Tracked) -> str:
        return kustomization.revision(self._work.branch, app.revision)


class _NotAppliedError(Exception):
    """An object was refused; the text is Flux's."""


def _broken(app: Tracked, broken: Broken) -> tuple[str, str]:
    if broken.missing:
        text = f"stat /tmp/kustomization-1/{app.unit.path}: no such file or directory"
        return "ArtifactFailed", f"kustomization path not found: {text}"
    return "BuildFailed", f"kustomize build failed: {broken.reason}"


def _current(each: Compared) -> bool:
    """Say whether kstatus calls an object Current; what has no check is, once it is there."""
    return each.live is not None and (each.health is None or each.health.status == "Healthy")


def _title(manifest: Manifest) -> str:
    namespace = manifest["metadata"].get("namespace")
    return "/".join(part for part in (manifest["kind"], namespace, name_of(manifest)) if part)
