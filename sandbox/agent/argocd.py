"""How Argo CD works on an Application: refresh, compare, sync, retry, heal.

Sources: the automated sync page (one attempt a revision; a failed one is not tried again after its
retries; no sync that would wipe out everything), the application controller (retry 5 s x 2, at most
3 min, 5 times; nothing new begins while an operation runs; self-heal 5 s after the last one), and
gitops-engine's sync (prunes, then applies each object whatever became of the others).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.agent import application
from sandbox.agent.comparing import kept_from_pruning
from sandbox.agent.failures import Failure
from sandbox.agent.target import RefusedError
from sandbox.agent.tracked import Operation, Result, Tracked
from sandbox.agent.units import Manifest
from sandbox.agent.work import Work, in_order
from sandbox.cluster.kinds import path_of
from sandbox.cluster.objects import Object, name_of, stamp

HEAL = 5.0
"""Seconds between the end of a sync and the next that corrects drift (--self-heal-timeout)."""

LONGEST = 180.0
"""Longest wait between two attempts of a sync, in seconds."""

_A_MOMENT = 0.001  # seconds, less than clocks are compared to

_STUCK = "waiting for healthy state of {}"


class ArgoCd:
    """Argo CD's application controller."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def act(self, app: Tracked, now: float) -> None:
        """Go on with the operation, or compare and perhaps begin one."""
        if app.operation and app.operation.phase == "Running":
            self._go_on(app, app.operation, now)
            return
        self._refresh(app)
        app.due = now + self._work.settings.flavour.resync
        app.demanded, demanded = False, app.demanded
        if not app.broken and (demanded or self._wants_sync(app, now)):
            self._begin(app, now, automated=not demanded)

    def demand(self, app: Tracked, now: float) -> None:
        """Sync as `argocd app sync` does; an operation that runs is terminated first."""
        if app.operation and app.operation.phase == "Running":
            app.operation = replace(
                app.operation, phase="Failed", message="Operation terminated", finished=self._now()
            )
        app.held, app.demanded, app.due = "", True, now

    def show(self, app: Tracked) -> Object:
        """Return the Application."""
        return application.show(app, self._work)

    def _now(self) -> datetime:
        return self._work.time.now()

    def _refresh(self, app: Tracked) -> None:
        """Compare Git with the cluster; what keeps Argo CD from that is a condition."""
        self._work.rebuilt(app)
        try:
            app.compared = self._work.compare(app, app.inventory if app.broken else app.wanted)
        except RefusedError as error:
            self._cannot_compare(app, f"Failed to load live state: {error}")
            return
        app.looked = self._now()
        if app.broken:
            self._cannot_compare(app, application.target_state(app.unit, app.broken))
            return
        app.drop("ComparisonError")
        if self._in_order(app):
            app.drop("SyncError")
            if app.settled != app.revision or app.error:
                app.settle(app.revision)

    def _cannot_compare(self, app: Tracked, message: str) -> None:
        app.condition("ComparisonError", stamp(self._now()), message=message)
        if app.error != message:
            app.fail(message)

    def _in_order(self, app: Tracked) -> bool:
        """Say whether nothing is left to do: what must not be pruned may be left."""
        return all(
            each.synced
            or (each.wanted is None and (each.live is None or self._may_stay(each.item)))
            for each in app.compared
        )

    def _may_stay(self, item: Object) -> bool:
        return not self._work.settings.prune or kept_from_pruning(item, self._work.settings.flavour)

    def _wants_sync(self, app: Tracked, now: float) -> bool:
        """Say whether an automated sync begins, as `autoSync` of the controller decides."""
        if self._in_order(app) or app.error.startswith("Failed to load live state"):
            return False
        last = app.operation
        if last and last.revision == app.revision:
            if last.phase == "Failed":
                self._refuse(app, f"Failed last sync attempt to [{app.revision}]: {last.message}")
                return False
            if not self._work.settings.self_heal:
                return False
            if (left := self._until_heal(last)) > _A_MOMENT:
                app.due = now + left
                return False
        if self._would_wipe_out(app):
            text = "auto-sync will wipe out all resources"
            self._refuse(app, f"Skipping sync attempt to [{app.revision}]: {text}")
            return False
        return True

    def _refuse(self, app: Tracked, message: str) -> None:
        """Say why no sync begins; that the last one failed has been told already."""
        app.condition("SyncError", stamp(self._now()), message=message)
        if not app.error:
            app.fail(message)

    def _until_heal(self, last: Operation) -> float:
        finished = last.finished or self._now()
        return HEAL - (self._now() - finished).total_seconds()

    def _would_wipe_out(self, app: Tracked) -> bool:
        settings = self._work.settings
        empty = not app.manifests and bool(app.inventory)
        return settings.prune and not settings.allow_empty and empty

    def _begin(self, app: Tracked, now: float, *, automated: bool) -> None:
        app.drop("SyncError")
        app.operation = Operation(
            app.revision, tuple(app.manifests), self._now(), automated=automated
        )
        self._go_on(app, app.operation, now)

    def _go_on(self, app: Tracked, operation: Operation, now: float) -> None:
        """Carry an operation out, now or when it is let go."""
        if self._work.hold(app, now):
            text = _STUCK.format(_title(operation)) if app.held == "stuck" else ""
            app.operation = replace(operation, message=text)
            self._work.publish(app)
            return
        app.operation = replace(operation, phase="Running", message="")
        self._work.publish(app)
        results = self._sync(app, operation)
        failed = list(
            dict.fromkeys(each.message for each in results if each.status == "SyncFailed")
        )
        app.operation = replace(app.operation, results=results, finished=self._now())
        if failed:
            self._failed(app, app.operation, ",".join(failed), now)
        else:
            self._succeeded(app, app.operation, now)

    def _sync(self, app: Tracked, operation: Operation) -> list[Result]:
        wanted = {path_of(each): each for each in operation.manifests}
        results = self._work.prune(app, wanted)
        if any(each.status == "SyncFailed" for each in results):
            return results
        denial = self._work.denial(app)
        return results + [self._apply(app, each, denial) for each in in_order(operation.manifests)]

    def _apply(self, app: Tracked, manifest: Manifest, denial: Failure | None) -> Result:
        path = path_of(manifest)
        try:
            self._work.apply(app, manifest, denial)
        except RefusedError as error:
            return Result(path, manifest, "SyncFailed", str(error))
        return Result(path, manifest, "Synced", f"{_resource(manifest)} serverside-applied")

    def _failed(self, app: Tracked, operation: Operation, reasons: str, now: float) -> None:
        """Try again after a while, or give the revision up."""
        settings = self._work.settings
        message = f"one or more objects failed to apply, reason: {reasons}"
        if operation.automated and operation.retries < settings.retries:
            wait = min(settings.flavour.retry * 2**operation.retries, LONGEST)
            number = operation.retries + 1
            at = application.kitchen(self._now() + timedelta(seconds=wait))
            again = f"{message}. Retrying attempt #{number} at {at}."
            app.operation = replace(operation, phase="Running", message=again, retries=number)
            app.due = now + wait
            app.fail(again)
        else:
            if operation.retries:
                message += f" (retried {operation.retries} times)."
            app.operation = replace(operation, phase="Failed", message=message)
            app.due = now
            app.fail(message)

    def _succeeded(self, app: Tracked, operation: Operation, now: float) -> None:
        app.operation = replace(
            operation, phase="Succeeded", message="successfully synced (all tasks run)"
        )
        app.remember(operation, self._now())
        if operation.revision == app.revision:
            app.settle(operation.revision)
        self._refresh(app)
        if operation.revision != app.revision:  # it came while this one was tried
            app.due = now


def _resource(manifest: Manifest) -> str:
    version = manifest["apiVersion"]
    group = f".{version.partition('/')[0]}" if "/" in version else ""
    return f"{manifest['kind'].lower()}{group}/{name_of(manifest)}"


def _title(operation: Operation) -> str:
    titles: Mapping[str, None] = dict.fromkeys(
        f"{each['apiVersion'].partition('/')[0]}/{each['kind']}/{name_of(each)}"
        for each in operation.manifests
    )
    return next(iter(titles), "nothing")
