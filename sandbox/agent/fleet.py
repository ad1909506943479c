"""All Applications or Kustomizations of one agent: what they should be, and what came of it."""

from collections.abc import Set as AbstractSet

from sandbox.agent.argocd import ArgoCd
from sandbox.agent.failures import BUILD_TEXT, Failures
from sandbox.agent.flavour import ARGO_CD, Settings
from sandbox.agent.flux import Flux
from sandbox.agent.target import RefusedError, Target
from sandbox.agent.tracked import Tracked
from sandbox.agent.units import AgentError, Broken, Built, Repository, Unit
from sandbox.agent.work import Controller, Work
from sandbox.clock import Time
from sandbox.cluster.kinds import key_of
from sandbox.cluster.objects import Key, Object
from sandbox.journal import Journal

_ROUNDS = 8  # acts of one unit at one moment: compare, sync, fail, compare again …
_AGAIN = 10.0  # seconds until what the API server did not take is tried again


class Fleet:
    """The units of a revision, each with its controller."""

    def __init__(
        self,
        time: Time,
        journal: Journal,
        settings: Settings,
        repository: Repository,
        target: Target,
        branch: str,
    ) -> None:
        self.failures = Failures()
        self.revision = ""
        self._time = time
        self._journal = journal
        self._setup = settings
        self._repository = repository
        self._target = target
        self._apps: dict[Unit, Tracked] = {}
        self._shown: dict[str, Object] = {}
        self._said: dict[str, object] = {"synced_revision": ""}
        self._furnished = False
        self._lost: list[str] = []  # what was pruned since a sync was told
        self._work = Work(
            time,
            settings,
            target,
            self.failures,
            self._publish,
            self._rebuild,
            self._claimed,
            branch,
        )
        self._controller: Controller = (
            ArgoCd(self._work) if settings.flavour is ARGO_CD else Flux(self._work)
        )

    def learn(self, revision: str) -> None:
        """Read a revision, unless it is the one we have.

        Raises:
            AgentError: there is no such revision.
        """
        if revision == self.revision:
            return
        built = self._repository.read(revision, list(self._apps))
        self.revision, now = revision, self._time.monotonic()
        for unit, parts in built.items():
            app = self._apps.setdefault(unit, Tracked(unit))
            app.revision, app.built, app.error = revision, self._spoiled(unit, parts), ""
            app.fresh, app.leaving = True, False
            self._wake(app, now)
        for unit, app in self._apps.items():
            if unit not in built:
                app.revision, app.built, app.leaving, app.due = revision, (), True, now

    def demand(self) -> None:
        """Sync everything now, whatever was tried before."""
        for app in self._apps.values():
            if not app.leaving:
                self._controller.demand(app, self._time.monotonic())

    def look_at(self, changed: AbstractSet[Key]) -> None:
        """Compare the units again that these objects belong to."""
        for app in self._apps.values():
            if not changed.isdisjoint(key_of(each) for each in app.inventory.values()):
                self._wake(app, self._time.monotonic())

    def let_go(self) -> None:
        """Let syncs that are slow or stuck go on."""
        for app in self._apps.values():
            if app.held:
                app.due = self._time.monotonic()

    def act(self) -> None:
        """Let every unit act until nothing is due, then say what came of it."""
        now = self._time.monotonic()
        for app in sorted(self._apps.values(), key=lambda each: each.unit.name):
            for _ in range(_ROUNDS):
                if app.due is None or app.due > now:
                    break
                app.due = None
                self._act_on(app, now)
        self._conclude()

    def state(self) -> dict[str, object]:
        """Return the revision that everything was brought to, how it goes, and each unit."""
        apps = sorted(self._apps.values(), key=lambda each: each.unit.name)
        return {
            **self._said,
            "health": self._health(),
            "message": next((each.error for each in apps if each.error), ""),
            "revision": self.revision,
            "units": [_line(each) for each in apps],
        }

    def _health(self) -> str:
        if not self.revision:
            return "new"
        if any(each.error for each in self._apps.values()):
            return "failed"
        return "healthy" if self._is_settled() else "progressing"

    def _is_settled(self) -> bool:
        return all(
            each.settled == self.revision and not each.error and not each.leaving
            for each in self._apps.values()
        )

    def _wake(self, app: Tracked, now: float) -> None:
        """Let a unit act now, unless an operation of it runs: that one ends first."""
        running = app.operation is not None and app.operation.phase == "Running"
        if not app.held and not (running and self._setup.flavour is ARGO_CD):
            app.due = now

    def _spoiled(self, unit: Unit, built: Built) -> Built:
        return Broken(BUILD_TEXT) if self.failures.take(unit.name, "build") else built

    def _rebuild(self, app: Tracked) -> None:
        try:
            built = self._repository.read(app.revision, list(self._apps)).get(app.unit, ())
        except AgentError as error:
            built = Broken(str(error))
        app.built = self._spoiled(app.unit, built)

    def _claimed(self, path: str, by: Tracked) -> bool:
        """Say whether an object belongs to another unit by now."""
        return any(path in app.wanted for app in self._apps.values() if app is not by)

    def _act_on(self, app: Tracked, now: float) -> None:
        if not app.leaving:
            self._controller.act(app, now)
            self._publish(app)
            return
        try:
            self._work.retire(app)
        except RefusedError as error:
            app.fail(str(error))
            app.due = now + _AGAIN
            return
        self._lost += app.pruned
        self._shown.pop(app.unit.name, None)
        del self._apps[app.unit]
        self._journal.add("agent", "retired", revision=self.revision, unit=app.unit.name)

    def _publish(self, app: Tracked) -> None:
        """Show a unit's object through the API, when it changed."""
        item = self._controller.show(app)
        if item == self._shown.get(app.unit.name):
            return
        try:
            self._furnish()
            self._target.publish(item)
        except RefusedError as error:
            self._journal.add("agent", "unpublished", unit=app.unit.name, message=str(error))
            app.due = min(app.due or float("inf"), self._time.monotonic() + _AGAIN)
            return
        self._shown[app.unit.name] = item

    def _furnish(self) -> None:
        """Make the namespace in which the objects live, once."""
        if not self._furnished:
            head = {"name": self._setup.flavour.namespace}
            self._target.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": head})
            self._furnished = True

    def _conclude(self) -> None:
        """Put into the journal what failed, and that everything is at the revision."""
        news = [app for app in self._apps.values() if app.news]
        if not news and not self._lost:
            return
        self._said["attempted_at"] = self._time.now().isoformat()
        for app in news:
            app.news = False
            self._lost += app.pruned
            app.pruned.clear()
            if app.error:
                self._journal.add(
                    "agent", "failed", revision=app.revision, unit=app.unit.name, message=app.error
                )
        if self._is_settled():
            applied = sorted(path for app in self._apps.values() for path in app.wanted)
            pruned, self._lost = sorted(self._lost), []
            self._said["synced_revision"] = self.revision
            self._journal.add(
                "agent", "synced", revision=self.revision, applied=applied, pruned=pruned
            )


def _line(app: Tracked) -> dict[str, object]:
    return {
        "name": app.unit.name,
        "path": app.unit.path,
        "revision": app.revision,
        "synced_revision": app.settled,
        "message": app.error,
    }
