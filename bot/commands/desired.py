"""Desired state as the running bot reads it: the main branch, through the Forge port."""

from collections.abc import Mapping
from dataclasses import dataclass

from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.forge import Forge
from gitops.names import check_name
from gitops.overlay import read


@dataclass(frozen=True, slots=True)
class MainBranch:
    """The files of main; `default` is the environment a command means when it names none."""

    forge: Forge
    default: str

    def environment(self, name: str | None) -> Environment:
        """Return an environment of that name, with Leadline's own defaults.

        Raises:
            InvalidRequestError: a name that no folder could have.
        """
        return Environment(name=name or self.default)

    def deployment(self, name: str, environment: str | None) -> ModelDeployment:
        """Return a deployment by NAME or ENVIRONMENT/NAME.

        Raises:
            InvalidRequestError: none of that name on main.
        """
        wanted, _, short = name.rpartition("/")
        check_name("name", short)
        folder = f"overlays/{self.environment(environment or wanted or None).name}/{short}"
        source = f"{folder}/llm.yaml"
        files = self.files(folder)
        if source not in files:
            raise InvalidRequestError(f"deployment {short}: {source} is not on main")
        return read(files[source], source)

    def files(self, folder: str) -> Mapping[str, str]:
        """Return the text files of a folder, by path."""
        return self.forge.files(folder)
