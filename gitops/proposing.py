"""Pure of a place: any request becomes an assessed plan, over whatever holds the desired state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from gitops import assets
from gitops.assess import Assessment, assess
from gitops.catalog import Catalog
from gitops.checks import NO_POLICY, Policy
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.names import printable
from gitops.overlay import folder_of, render
from gitops.plan import Plan, plan, plan_back, plan_removal
from gitops.request import DeployRequest, Request, UndeployRequest, UpdateRequest
from gitops.resolve import change, resolve
from gitops.subjects import described, differing


class Desired(Protocol):
    """Where desired state is read: a working copy, or a Git host's main branch."""

    def environment(self, name: str | None) -> Environment:
        """Return an environment, the one that is meant when no name is given."""
        ...

    def deployment(self, name: str, environment: str | None) -> ModelDeployment:
        """Return a deployment by NAME or ENVIRONMENT/NAME."""
        ...

    def files(self, folder: str) -> Mapping[str, str]:
        """Return the text files of a folder, by path."""
        ...


@dataclass(frozen=True, slots=True)
class Proposer:
    """Turns requests into assessed plans. `bases` holds `kustomize/`; ours when None."""

    catalog: Catalog
    desired: Desired
    bases: Path | None = None
    policy: Policy = NO_POLICY

    def assess(self, request: Request, now: datetime) -> Assessment:
        """Return what a request would change and what that means; nothing is written.

        Raises:
            InvalidRequestError: the request breaks a rule, or names what is not there.
            BuildError: kustomize refuses the result.
        """
        changed, environment, current = self._plan(request, now)
        return self._judged(changed, environment, current, now)

    def assess_back(
        self, folder: str, earlier: Mapping[str, str], to: str, now: datetime
    ) -> Assessment:
        """Return what putting an overlay's folder back to earlier files, named `to`, would change.

        Raises:
            InvalidRequestError: it held no deployment then.
            BuildError: kustomize refuses the result.
        """
        current = self.desired.files(folder)
        changed = plan_back(folder, earlier, current, to)
        environment = self.desired.environment(changed.deployment.environment)
        return self._judged(changed, environment, current, now)

    def _judged(
        self, changed: Plan, environment: Environment, current: Mapping[str, str], now: datetime
    ) -> Assessment:
        found = assess(changed, current, environment, self.catalog, self.bases)
        judged = [self.policy.apply(f, changed.folder, now.date()) for f in found.findings]
        return replace(found, findings=tuple(judged))

    def _plan(self, request: Request, now: datetime) -> tuple[Plan, Environment, Mapping[str, str]]:
        if isinstance(request, DeployRequest):
            environment = self.desired.environment(request.environment)
            deployment = resolve(request, environment, self.catalog)
            current = self.desired.files(deployment.folder)
            made = self._rendered(deployment, current, None)
            _check_is_new(made)
            return made, environment, current
        existing = self.desired.deployment(request.name, request.environment)
        environment = self.desired.environment(existing.environment)
        current = self.desired.files(existing.folder)
        if isinstance(request, UndeployRequest):
            return plan_removal(existing, current), environment, current
        changed = self._changed(existing, request, environment, now)
        return self._rendered(changed, current, request.verb), environment, current

    def _rendered(
        self, deployment: ModelDeployment, current: Mapping[str, str], verb: str | None
    ) -> Plan:
        self._check_components(deployment)
        overlay = render(deployment, yarn=self.catalog.yarn(deployment))
        return plan(overlay, current, verb)

    def _check_components(self, deployment: ModelDeployment) -> None:
        root = self.bases or assets.root()
        known = sorted({file.name for file in (root / "kustomize" / "components").iterdir()})
        for name in deployment.components:
            if not (root / folder_of(name) / "kustomization.yaml").is_file():
                raise InvalidRequestError(
                    f"component {printable(name)}: not in kustomize/components;"
                    f" known: {', '.join(known)}"
                )

    def _changed(
        self,
        existing: ModelDeployment,
        request: UpdateRequest,
        environment: Environment,
        now: datetime,
    ) -> ModelDeployment:
        changed = change(existing, request.changes, environment, self.catalog)
        if request.verb != "restart":
            return changed
        return msgspec.structs.replace(changed, restarted_at=now.isoformat(timespec="seconds"))


def _check_is_new(made: Plan) -> None:
    """Let a deploy that is typed again pass, but not one that turns another deployment over.

    Raises:
        InvalidRequestError: main holds another deployment of this name, or no group is asked for.
    """
    before, wanted = made.before, made.deployment
    if not wanted.replicas:
        raise InvalidRequestError(
            "replicas 0: a deploy is of at least one group; `scale NAME 0` stops what runs"
        )
    if before is not None and differing(before, wanted):
        key = f"{before.environment}/{before.name}"
        raise InvalidRequestError(
            f"{key}: exists already, as {before.model}, {described(before)};"
            f" give this one another name, or change that one with `update {key}`"
        )
