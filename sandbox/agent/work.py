"""What both controllers do with the cluster: apply, prune, compare, hold; and what they need.

Sources: kinds in the order of Argo CD's and Flux's syncs (namespaces, then what belongs to no
namespace, then what others mount or refer to, then the rest).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sandbox.agent.comparing import Compared, health_of, kept, kept_from_pruning
from sandbox.agent.failures import Failure, Failures, refusal
from sandbox.agent.flavour import ARGO_CD, Settings
from sandbox.agent.target import RefusedError, Target
from sandbox.agent.tracked import Result, Tracked
from sandbox.agent.units import Manifest
from sandbox.clock import Time
from sandbox.cluster.kinds import by_object, path_of
from sandbox.cluster.objects import Object, copied

_FIRST = ("ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "Role", "RoleBinding")


class Controller(Protocol):
    """How Argo CD or Flux works on one Application or Kustomization."""

    def act(self, app: Tracked, now: float) -> None:
        """Do what is due, and say when to look again (`app.due`)."""

    def demand(self, app: Tracked, now: float) -> None:
        """Sync now, whatever was tried before."""

    def show(self, app: Tracked) -> Object:
        """Return the Application or Kustomization as the API serves it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a controller needs, and the acts that both share."""

    time: Time
    settings: Settings
    target: Target
    failures: Failures
    publish: Callable[[Tracked], None]
    rebuild: Callable[[Tracked], None]
    claimed: Callable[[str, Tracked], bool]
    branch: str

    def hold(self, app: Tracked, now: float) -> bool:
        """Say whether a sync that begins is slowed or stuck by a failure; set when it goes on."""
        if app.held:
            app.held = ""
            return False
        failure = self.failures.take(app.unit.name, "slow", "stuck")
        if failure is None:
            return False
        app.held = "slow" if failure.kind == "slow" else "stuck"
        app.due = now + failure.seconds if failure.kind == "slow" else None
        return True

    def rebuilt(self, app: Tracked) -> None:
        """Build again what failed to build, unless it was built a moment ago."""
        if app.broken and not app.fresh:
            self.rebuild(app)
        app.fresh = False

    def denial(self, app: Tracked) -> Failure | None:
        """Return the failure that refuses all writes of this attempt, if any."""
        return self.failures.take(app.unit.name, "refused", "forbidden")

    def apply(
        self, app: Tracked, manifest: Manifest, denial: Failure | None, *, dry: bool = False
    ) -> Object:
        """Apply one object, or try to; note it in the inventory.

        Raises:
            RefusedError: the API server does not take it.
        """
        if denial:
            raise refusal(denial, manifest, self.settings.flavour.account)
        stored = self.target.apply(self.marked(app, manifest), dry=dry)
        if not dry:
            app.inventory[path_of(manifest)] = manifest
        return stored

    def prune(self, app: Tracked, wanted: Mapping[str, Manifest]) -> list[Result]:
        """Delete what was applied and is no longer wanted; say what became of each object."""
        lost = {path: item for path, item in app.inventory.items() if path not in wanted}
        return [self._prune(app, path, item) for path, item in sorted(lost.items())]

    def _prune(self, app: Tracked, path: str, item: Manifest) -> Result:
        if self.claimed(path, app):
            del app.inventory[path]
            return Result(path, item, "PruneSkipped", "belongs to another unit")
        if not self.settings.prune:
            return Result(path, item, "PruneSkipped", "ignored (requires pruning)")
        if kept_from_pruning(item, self.settings.flavour):
            return Result(path, item, "PruneSkipped", "ignored (no prune)")
        try:
            self.target.delete(path, self.settings.policy)
        except RefusedError as error:
            return Result(path, item, "SyncFailed", str(error))
        del app.inventory[path]
        app.pruned.append(path)
        return Result(path, item, "Pruned", "pruned")

    def retire(self, app: Tracked) -> None:
        """Delete what an Application or Kustomization applied, and then itself.

        Raises:
            RefusedError: the API server does not let go of something.
        """
        for path, item in sorted(app.inventory.items()):
            stays = app.unit.stays or kept(item, self.settings.flavour.keep_whole)
            if not stays and not self.claimed(path, app):
                self.target.delete(path, self.settings.policy)
                app.pruned.append(path)
        self.target.delete(path_of(self.named(app)), "Background")
        app.inventory.clear()

    def compare(self, app: Tracked, wanted: Mapping[str, Manifest]) -> list[Compared]:
        """Return all objects of a unit, those in Git and those that left it, as they live.

        Raises:
            RefusedError: the API server does not answer.
        """
        return [self._compare(app, path, wanted) for path in sorted({*wanted, *app.inventory})]

    def _compare(self, app: Tracked, path: str, wanted: Mapping[str, Manifest]) -> Compared:
        live = self.target.get(path)
        health = health_of(live, lws=self.settings.lws_health)
        asked = self.marked(app, wanted[path]) if path in wanted else None
        return Compared(path, asked, live, health)

    def named(self, app: Tracked) -> Object:
        """Return the head of the Application or Kustomization."""
        flavour = self.settings.flavour
        return {
            "apiVersion": flavour.api_version,
            "kind": flavour.kind,
            "metadata": {"name": app.unit.name, "namespace": flavour.namespace},
        }

    def marked(self, app: Tracked, manifest: Manifest) -> Manifest:
        """Return an object with the mark by which its controller finds it again."""
        item: Manifest = copied(manifest)
        metadata, flavour = item["metadata"], self.settings.flavour
        if flavour is ARGO_CD:
            group = by_object(item["apiVersion"], item["kind"]).group
            place = f"{metadata.get('namespace', '')}/{metadata['name']}"
            mark = f"{app.unit.name}:{group}/{item['kind']}:{place}"
            metadata.setdefault("annotations", {})["argocd.argoproj.io/tracking-id"] = mark
        else:
            group = flavour.api_version.partition("/")[0]
            marks = {f"{group}/name": app.unit.name, f"{group}/namespace": flavour.namespace}
            metadata.setdefault("labels", {}).update(marks)
        return item


def in_order(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return objects in the order in which they are applied."""
    return sorted(manifests, key=_rank)


def _rank(manifest: Manifest) -> tuple[int, str]:
    kind = by_object(manifest["apiVersion"], manifest["kind"])
    if kind.name == "Namespace":
        place = 0
    elif not kind.namespaced:
        place = 1
    else:
        place = 2 if kind.name in _FIRST else 3
    return place, path_of(manifest)
