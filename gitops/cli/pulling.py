"""Edge: the flag `--pull-request`: a verb's request against main on GitHub, as a pull request.

Rules, catalogue and environments are those of the working copy; the overlay that is changed is
main's, so a working copy that is behind, or holds what nobody has pushed, cannot slip into the
pull request.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import click

from gitops.assess import Assessment
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.forge import Forge, Outcome, Proposed, Revision
from gitops.github import GithubForge
from gitops.overlay import read
from gitops.plan import Action
from gitops.pull_request import Requested, write_up
from gitops.request import DeployRequest, Request, UpdateRequest
from gitops.settings import forge_settings, user
from gitops.workspace import WorkingCopy

_SAID = {
    Outcome.OPENED: "opened",
    Outcome.ATTACHED: "open already, with just what you ask; nothing was written",
    Outcome.AMENDED: "amended; approvals given before it lapse",
}


@dataclass(frozen=True, slots=True)
class OnMain:
    """Desired state as it stands on GitHub's main, read under the rules of a working copy."""

    copy: WorkingCopy
    forge: Forge
    at: Revision

    @classmethod
    def now(cls, copy: WorkingCopy) -> "OnMain":
        """Return main as it stands now.

        Raises:
            UsageError: settings of GitHub are missing.
            ForgeUnavailableError: GitHub does not answer or refuses.
        """
        forge = GithubForge.connect(forge_settings())
        return cls(copy, forge, forge.main())

    def environment(self, name: str | None) -> Environment:
        """Return an environment of the working copy."""
        return self.copy.environment(name)

    def deployment(self, name: str, environment: str | None) -> ModelDeployment:
        """Return a deployment of main, by NAME or ENVIRONMENT/NAME.

        Raises:
            InvalidRequestError: none of that name in the working copy, or not on main.
        """
        folder = self.copy.deployment(name, environment).folder
        source = f"{folder}/llm.yaml"
        files = self.files(folder)
        if source not in files:
            raise InvalidRequestError(
                f"deployment {name}: {source} is not on main; deploy it first"
            )
        return read(files[source], source)

    def files(self, folder: str) -> Mapping[str, str]:
        """Return the text files of a folder on main, by path."""
        return self.forge.files(folder, self.at)

    def propose(self, assessed: Assessment, request: Request) -> None:
        """Make a pull request of the plan stand, and say what became of it.

        Raises:
            ConflictError: somebody else holds it, or a person's commit is on it.
            ForgeUnavailableError: GitHub does not answer, refuses or has no room for now.
        """
        if assessed.plan.action is Action.NOTHING:
            return
        requested = Requested(f"terminal:{user()}", uuid.uuid4().hex, _reason(request))
        _say(self.forge.propose(write_up(assessed, requested), self.at))


def _reason(request: Request) -> str:
    if isinstance(request, DeployRequest | UpdateRequest):
        return request.changes.reason or ""
    return request.reason or ""


def _say(done: Proposed) -> None:
    click.echo(f"pull request #{done.pull.number} {_SAID[done.outcome]}: {done.pull.url}", err=True)
    if done.rebased:
        click.echo("main had changed this overlay; the plan is on main as it is now", err=True)
