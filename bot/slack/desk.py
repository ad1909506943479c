"""What is answered on the spot, from memory: which form opens, and its line on fit.

A form must open within the three seconds of its trigger, so nothing here asks GitHub or a cluster:
desired state is what `leadline work` published, and past its age nobody is shown anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.access import Actor, Denied
from bot.chat import Directory, Person
from bot.commands import command as c
from bot.commands.grammar import parse
from bot.commands.place import Named
from bot.commands.scene import Scene, everything, scene
from bot.desired import Mirror
from bot.errors import BotError, CommandError, NotFoundError, StoreUnavailableError
from bot.slack import forms
from bot.slack.escaping import brief, cut, our_words
from bot.slack.forms import Choices, Origin, View
from bot.store import Records
from gitops.assess import fit_of
from gitops.catalog import Catalog
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.errors import GitOpsError
from gitops.request import Changes, DeployRequest, UndeployRequest, UpdateRequest
from gitops.resolve import change, resolve

BARE = re.compile(r"\s*(?:(deploy)|(?:(update|undeploy)\s+([a-z0-9][a-z0-9/-]*)))\s*\Z")
"""What opens a form when it is typed: `deploy`, and `update` and `undeploy` with a name alone."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A form to open, or why not."""

    view: View | None = None
    denied: Denied | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a form means, where it would run, and what is on offer there."""

    deployment: ModelDeployment
    environment: Environment
    catalog: Catalog


@dataclass(frozen=True, slots=True)
class Desk:
    """Desired state as it was published, what is proposed, and who people are."""

    mirror: Mirror
    directory: Directory
    records: Records
    default: str

    def form(self, kind: str, name: str, person: Person, origin: Origin) -> Opened:
        """Return the form of a verb; `name` is the deployment it is about.

        Raises:
            BotError, GitOpsError: desired state is not known, or there is no such deployment.
        """
        before = self._scene(person, origin.channel)
        if not before.sight.environments:
            return Opened(denied=before.may(kind))
        if kind == "deploy":
            return self._deploy(before, origin)
        meant = before.sight.deployment(name, None)
        if denied := before.may(kind, meant.environment):
            return Opened(denied=denied)
        return Opened(self._about(kind, meant, before, replace(origin, name=str(meant))))

    def fit(self, kind: str, values: Mapping[str, str], person: Person, origin: Origin) -> str:
        """Return the line on whether what is chosen fits."""
        if wrong := forms.faults_of(kind, values, origin):
            return ":warning: " + "; ".join(
                f"{forms.LABELS[b]}: {text}" for b, text in wrong.items()
            )
        try:
            return self._fit(kind, values, self._scene(person, origin.channel), origin)
        except (BotError, GitOpsError, ValueError) as error:
            return f":warning: {our_words(cut(str(error), 300))}"

    def faults(
        self, kind: str, values: Mapping[str, str], person: Person, origin: Origin
    ) -> dict[str, str]:
        """Return what is wrong with a filled form, by field; empty when nothing is."""
        if faults := forms.faults_of(kind, values, origin):
            return faults
        try:
            if kind in {"deploy", "update"}:
                before = self._scene(person, origin.channel)
                if kind == "update" and self._changes_nothing(values, before, origin):
                    return {"replicas": "nothing differs from what stands; change a field"}
                self._resolved(kind, values, before, origin)
            else:
                parse(forms.command_of(kind, values, origin))
        except StoreUnavailableError:
            raise  # it is about no field
        except (BotError, GitOpsError) as error:
            return {_field_of(str(error)): str(error)[:300]}
        return {}

    def command(self, kind: str, values: Mapping[str, str], person: Person, origin: Origin) -> str:
        """Return the command that a filled form means; of a change only what is changed."""
        if kind == "update":
            stands = _stands(self._scene(person, origin.channel), origin)
            values = forms.changed(values, stands)
        return forms.command_of(kind, values, origin)

    def may(self, act: str, person: Person, channel: str, environment: str) -> Denied | None:
        """Return why a person may not do something there; None when they may.

        Raises:
            BotError: desired state or who they are is not known.
        """
        return self._scene(person, channel).may(act, environment)

    def _scene(self, person: Person, channel: str) -> Scene:
        desired = self.mirror.desired()
        groups = self.directory.groups(person, desired.roles.groups)
        actor = Actor(person.id, channel, groups, self.directory.is_home(person))
        return scene(actor, desired, everything(desired, channel, self.records, self.default))

    def _deploy(self, before: Scene, origin: Origin) -> Opened:
        able = [e for e in before.sight.environments if before.may("deploy", e.name) is None]
        if not able:
            return Opened(denied=before.may("deploy", before.sight.environments[0].name))
        names = [e.name for e in able]
        bound = next((e.name for e in able if e.slack.channel == origin.channel), "")
        first = bound or (self.default if self.default in names else "")
        models = list(before.desired.copy.catalog().models)
        if not models:
            raise NotFoundError(
                "the GitOps repository offers no model; `leadline init` lays the catalogue down"
            )
        claims = sorted({claim for e in able for claim in e.claims})
        return Opened(forms.deploy_form(Choices(models, names, claims), origin, first))

    def _about(self, kind: str, meant: Named, before: Scene, origin: Origin) -> View:
        if kind == "ask":
            return forms.ask_form(origin)
        copy = before.desired.copy
        stands = copy.deployment(meant.name, meant.environment)
        if kind == "undeploy":
            return forms.undeploy_form(meant.name, stands.gpus, origin)
        environment = copy.environment(meant.environment)
        return forms.update_form(stands, environment.claims, origin)

    def _fit(self, kind: str, values: Mapping[str, str], before: Scene, origin: Origin) -> str:
        if kind == "deploy" and not {"model", "engine", "environment"} <= set(values):
            return "Choose a model and an engine to see whether they fit."
        meant = self._resolved(kind, values, before, origin)
        found = fit_of(meant.deployment, meant.environment, meant.catalog)
        if found is None:
            name = brief(meant.environment.name)
            return f"{name} declares no GPUs: nothing is known of the fit."
        return f"{brief(found.verdict.value)}: {brief(found.reason)} · {meant.deployment.gpus} GPUs"

    def _changes_nothing(self, values: Mapping[str, str], before: Scene, origin: Origin) -> bool:
        return not {*forms.changed(values, _stands(before, origin))} - {"reason"}

    def _resolved(
        self, kind: str, values: Mapping[str, str], before: Scene, origin: Origin
    ) -> Resolved:
        """Return the deployment that a form means, where it would run, and the catalogue."""
        copy, catalog = before.desired.copy, before.desired.copy.catalog()
        if kind == "deploy":
            wanted = _request(kind, values, origin)
            if not isinstance(wanted, DeployRequest):
                raise CommandError("the form makes no sense; type the command")
            environment = before.sight.environment(values["environment"])
            return Resolved(resolve(wanted, environment, catalog), environment, catalog)
        stands = _stands(before, origin)
        environment = copy.environment(stands.environment)
        values = forms.changed(values, stands)
        changes = _request(kind, values, origin).changes if values else Changes()
        return Resolved(change(stands, changes, environment, catalog), environment, catalog)


def _stands(before: Scene, origin: Origin) -> ModelDeployment:
    """Return the deployment that a form is about, as it stands and if the person may see it."""
    meant = before.sight.deployment(origin.name, None)
    return before.desired.copy.deployment(meant.name, meant.environment)


def _request(kind: str, values: Mapping[str, str], origin: Origin) -> DeployRequest | UpdateRequest:
    """Return the request that a form means, by the same grammar as what is typed."""
    command = parse(forms.command_of(kind, values, origin))
    if isinstance(command, c.Change) and not isinstance(command.request, UndeployRequest):
        return command.request
    raise CommandError("the form makes no sense; type the command")


_BEGINNINGS = {"model ": "model", "no environment ": "environment", "text: ": "reason"}
_WORDS = {
    "name": "name",
    "claim": "storage",
    "max model length": "context",
    "context": "context",
    "version": "version",
    "replicas": "replicas",
    "GPUs a pod": "gpus",
    "max-tokens": "tokens",
}
"""Words of our errors, and the field that each is about; the others are about the division.

A form that has no such field shows the error on its first.
"""


def _field_of(text: str) -> str:
    """Return the field that an error is about, as far as its words tell."""
    begun = (field for words, field in _BEGINNINGS.items() if text.startswith(words))
    said = (field for words, field in _WORDS.items() if words in text)
    return next(begun, None) or next(said, "tensor")
