"""A working copy of the GitOps repository: what stands in it, and writing a plan into it."""

import contextlib
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitops.catalog import Catalog
from gitops.checks import NO_POLICY, Policy, load_policy
from gitops.deployment import ModelDeployment
from gitops.environment import Environment, read_environment
from gitops.errors import ConflictError, InvalidRequestError, UsageError
from gitops.files import text_of
from gitops.names import check_name, printable
from gitops.overlay import read, render
from gitops.plan import Plan
from gitops.storage import StorageUnit, render_storage


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A folder that holds `overlays/` and `kustomize/`."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> "WorkingCopy":
        """Return the working copy that a folder lies in.

        Raises:
            UsageError: neither the folder nor one above it is one.
        """
        for folder in (start.resolve(), *start.resolve().parents):
            if (folder / "overlays").is_dir() and (folder / "kustomize").is_dir():
                return cls(folder)
        raise UsageError(
            f"{start}: not in a GitOps repository (overlays/ and kustomize/); run leadline init"
        )

    def environments(self) -> list[str]:
        """Return the names of the environments, in order."""
        files = (self.root / "overlays").glob("*/environment.yaml")
        return sorted(file.parent.name for file in files)

    def environment(self, name: str | None) -> Environment:
        """Return an environment; without a name, the only one there is.

        Raises:
            InvalidRequestError: there is none of that name.
            UsageError: no name, and several environments.
        """
        names = self.environments()
        if name is None:
            if len(names) != 1:
                raise UsageError(f"which environment? add --environment; there are: {_list(names)}")
            name = names[0]
        check_name("environment", name)
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {_list(names)}"
            raise InvalidRequestError(f"environment {name}: has no environment.yaml; {hint}")
        path = self.root / "overlays" / name / "environment.yaml"
        environment = read_environment(text_of(path), f"overlays/{name}/environment.yaml")
        if environment.name != name:
            raise InvalidRequestError(
                f"{environment.path}: lies in overlays/{name}; make them equal"
            )
        return environment

    def catalog(self) -> Catalog:
        """Return the catalogue: Leadline's, then the repository's, then the team's `catalog/`."""
        made = Catalog.load(self.root / "kustomize" / "catalog", self.root / "catalog")
        return replace(made, allowed_flags=self.policy().flags)

    def policy(self) -> Policy:
        """Return what the repository's policy.yaml says; nothing where there is none."""
        path = self.root / "policy.yaml"
        return load_policy(text_of(path)) if path.is_file() else NO_POLICY

    def deployments(self) -> dict[tuple[str, str], Path]:
        """Return the overlays that hold an llm.yaml, by environment and name."""
        files = sorted((self.root / "overlays").glob("*/*/llm.yaml"))
        return {(file.parts[-3], file.parts[-2]): file for file in files}

    def readable(self, environment: str) -> list[ModelDeployment]:
        """Return the deployments of an environment whose llm.yaml is right."""
        found = []
        for (place, _), path in self.deployments().items():
            if place == environment:
                with contextlib.suppress(InvalidRequestError):
                    found.append(read(text_of(path), path.name))
        return found

    def deployment(self, name: str, environment: str | None) -> ModelDeployment:
        """Return a deployment by NAME or ENVIRONMENT/NAME.

        Raises:
            InvalidRequestError: none of that name, or several.
        """
        wanted, _, short = name.rpartition("/")
        check_name("name", short)
        wanted_in = environment or wanted or None
        there = self.deployments()
        found = [key for key in there if key[1] == short and wanted_in in {None, key[0]}]
        if len(found) > 1:
            raise InvalidRequestError(
                f"name {short}: is in several environments; write one of"
                f" {', '.join('/'.join(key) for key in found)}"
            )
        if not found:
            near = difflib.get_close_matches(short, [key[1] for key in there], 1)
            hint = f"did you mean {near[0]}?" if near else "deploy it first"
            raise InvalidRequestError(f"deployment {printable(name)}: not found; {hint}")
        path = there[found[0]]
        return read(text_of(path), str(path.relative_to(self.root)))

    def twins(
        self, deployment: ModelDeployment, environments: Mapping[str, Environment]
    ) -> Iterator[str]:
        """Yield in words which other environments hold the same objects of the same cluster.

        Their controllers would undo each other's work, and their cards would tell of one set.
        """
        d, here = deployment, environments.get(deployment.environment)
        for name, other in environments.items():
            path = self.root / "overlays" / name / d.name / "llm.yaml"
            if here is None or name == d.environment or other.place != here.place:
                continue
            with contextlib.suppress(InvalidRequestError):
                if path.is_file() and read(text_of(path), path.name).namespace == d.namespace:
                    yield (
                        f"LeaderWorkerSet {d.namespace}/{d.name} is also that of overlays/{name}/"
                        f"{d.name}, in the same cluster; rename one, or name each environment's"
                        " cluster in its environment.yaml"
                    )

    def files(self, folder: str) -> Mapping[str, str]:
        """Return the text files of an overlay, `custom/` included, by their path."""
        found = sorted(file for file in (self.root / folder).rglob("*") if file.is_file())
        return {file.relative_to(self.root).as_posix(): text_of(file) for file in found}

    def write_imported(
        self,
        deployments: Sequence[ModelDeployment],
        storage: Sequence[StorageUnit],
        catalog: Catalog,
    ) -> list[str]:
        """Write overlays and storage units that do not stand yet; return the paths.

        Raises:
            ConflictError: one of the folders stands already.
        """
        files: dict[str, str] = {}
        for deployment in deployments:
            files |= render(deployment, yarn=catalog.yarn(deployment)).all_files
        for unit in storage:
            files |= render_storage(unit)
        for folder in [d.folder for d in deployments] + [unit.folder for unit in storage]:
            if (self.root / folder).exists():
                raise ConflictError(f"importing: {folder} stands already; remove it first")
        return [self.write_file(path, text) for path, text in files.items()]

    def write_file(self, path: str, text: str) -> str:
        """Make one file stand; return its path.

        Raises:
            ConflictError: a symbolic link stands where the file should go.
        """
        self._refuse_links(path)
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return path

    def write(self, plan: Plan) -> None:
        """Make the files of a plan stand; everything is looked at before anything is written.

        Raises:
            ConflictError: a symbolic link stands where a file should go.
        """
        for change in plan.changes:
            self._refuse_links(change.path)
        for change in plan.changes:
            if change.new is None:
                (self.root / change.path).unlink(missing_ok=True)
            else:
                self.write_file(change.path, change.new)
        self._remove_empty(plan)

    def _refuse_links(self, path: str) -> None:
        for place in (self.root / path, *(self.root / path).parents):
            if place == self.root:
                return
            if place.is_symlink():
                shown = place.relative_to(self.root)
                raise ConflictError(f"writing {path}: {shown} is a symbolic link; remove it first")

    def _remove_empty(self, plan: Plan) -> None:
        folder = self.root / plan.folder
        for place in sorted(folder.rglob("*"), reverse=True):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"
