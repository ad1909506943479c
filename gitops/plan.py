"""Pure: what a request would change in the repository, as a value."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gitops.deployment import ModelDeployment
from gitops.errors import InvalidRequestError
from gitops.overlay import Overlay, read, state_of
from gitops.subjects import changed, count, described

REMOVED = "removed"
"""The desired state that a plan of removal names."""


class Action(StrEnum):
    """What a plan would do to the repository."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before and after; None means absent."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A deployment's change of desired state.

    `deployment` is what should run, or, where it is removed, what ran; `verb` is what was typed,
    and `back` the change that it goes back to.
    """

    deployment: ModelDeployment
    before: ModelDeployment | None
    state: str
    action: Action
    changes: tuple[FileChange, ...]
    verb: str = "deploy"
    back: str = ""

    @property
    def folder(self) -> str:
        """Folder of the overlay in the repository."""
        return self.deployment.folder

    @property
    def branch(self) -> str:
        """The one branch of this deployment; stable, so that one pull request is open at a time."""
        return f"llm/{self.deployment.environment}/{self.deployment.name}"

    @property
    def title(self) -> str:
        """Title of the pull request: unique to the deployment and greppable."""
        d = self.deployment
        return f"{self.verb}({d.environment}/{d.name}): {self._subject()}"

    def files_after(self, current: Mapping[str, str]) -> dict[str, str]:
        """Return the folder's files as they stand once the plan is carried out."""
        after = dict(current)
        for change in self.changes:
            if change.new is None:
                after.pop(change.path, None)
            else:
                after[change.path] = change.new
        return after

    def _subject(self) -> str:
        d, before = self.deployment, self.before
        if self.action is Action.REMOVE:
            return f"{count(d.gpus, 'GPU')} released, storage stays"
        if before is None:
            return described(d)
        match self.verb:
            case "scale":
                return f"{before.replicas} → {count(d.replicas, 'group')}"
            case "restart":
                return f"all groups · {described(d)}"
            case "rollback":
                return f"to {self.back} · {described(d)}"
            case _:
                return changed(before, d)


def plan(overlay: Overlay, current: Mapping[str, str], verb: str | None = None) -> Plan:
    """Compare an overlay with the files that stand in its folder now."""
    changes = tuple(
        FileChange(path, current.get(path), text)
        for path, text in {
            **overlay.files,
            **_new(overlay, current),
            **_gone(overlay, current),
        }.items()
        if current.get(path) != text
    )
    source = f"{overlay.deployment.folder}/llm.yaml"
    before = read(current[source], source) if source in current else None
    action = Action.NOTHING if not changes else Action.UPDATE if current else Action.CREATE
    verb = verb or ("update" if action is Action.UPDATE else "deploy")
    return Plan(overlay.deployment, before, overlay.state, action, changes, verb)


def plan_removal(deployment: ModelDeployment, current: Mapping[str, str]) -> Plan:
    """Remove every file of a deployment's folder; its storage lies elsewhere and stays."""
    changes = tuple(FileChange(path, text, None) for path, text in sorted(current.items()))
    return Plan(deployment, deployment, REMOVED, Action.REMOVE, changes, "undeploy")


def plan_back(folder: str, earlier: Mapping[str, str], current: Mapping[str, str], to: str) -> Plan:
    """Put a folder back to exactly the files that it held before, `custom/` included.

    `to` names that state for people, such as `#41 (a1b2c3d)`.

    Raises:
        InvalidRequestError: it held no deployment then, or one that cannot be read.
    """
    source = f"{folder}/llm.yaml"
    if source not in earlier:
        raise InvalidRequestError(f"{folder}: held no deployment then; choose another point")
    deployment = read(earlier[source], source)
    before = read(current[source], source) if source in current else None
    changes = tuple(
        FileChange(path, current.get(path), earlier.get(path))
        for path in sorted({*earlier, *current})
        if current.get(path) != earlier.get(path)
    )
    action = Action.NOTHING if not changes else Action.UPDATE if current else Action.CREATE
    state = state_of(deployment, earlier)
    return Plan(deployment, before, state, action, changes, "rollback", to)


def diff(changed: Plan) -> str:
    """Return the unified diff of all files."""
    return "\n".join(line for change in changed.changes for line in _file_diff(change))


def _new(overlay: Overlay, current: Mapping[str, str]) -> dict[str, str]:
    """Return what is written where it does not stand yet: `custom/`, which is then people's."""
    custom = any(path.startswith(f"{overlay.deployment.folder}/custom/") for path in current)
    return {} if custom else dict(overlay.once)


def _gone(overlay: Overlay, current: Mapping[str, str]) -> dict[str, str | None]:
    """Return the files of the folder itself that are no longer rendered; `custom/` is people's."""
    folder = overlay.deployment.folder
    mine = {path for path in current if "/" not in path.removeprefix(f"{folder}/")}
    return dict.fromkeys(sorted(mine - overlay.files.keys()))


def _file_diff(change: FileChange) -> list[str]:
    old, new = (change.old or "").splitlines(), (change.new or "").splitlines()
    before = "/dev/null" if change.old is None else f"a/{change.path}"
    after = "/dev/null" if change.new is None else f"b/{change.path}"
    return list(difflib.unified_diff(old, new, before, after, lineterm=""))
