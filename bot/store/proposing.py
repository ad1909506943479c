"""Pure: the proposal of a deployment, from what a pull request asks of it and where its card is."""

from dataclasses import dataclass

from bot.store import Proposal
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.fit import Fit
from gitops.forge import PullRequest
from gitops.plan import REMOVED
from gitops.pull_request import Thread


@dataclass(frozen=True, slots=True)
class Outline:
    """What a deployment is, in the words of its card and its proposal."""

    model: str
    engine: str
    shape: str
    parallel: str
    gpus: int
    fit: str


def outline_of(deployment: ModelDeployment, fit: Fit | None) -> Outline:
    """Return what a card says of a deployment."""
    d = deployment
    engine = f"{d.engine.value} {d.engine_version}"
    return Outline(d.model, engine, d.shape, str(d.parallel), d.gpus, fit_line(fit))


def proposal_of(  # noqa: PLR0913 - one place that knows every part of a proposal
    deployment: ModelDeployment,
    environment: Environment,
    *,
    state: str,
    fit: Fit | None,
    pull: PullRequest,
    card: Thread,
    requested_by: str,
) -> Proposal:
    """Return the proposal that `pull` makes of a deployment, told in the thread `card`.

    `state` is the desired state it proposes, REMOVED where it takes the deployment away;
    `requested_by` is the Slack id of the person who holds the request.
    """
    d, removal = deployment, state == REMOVED
    outline = outline_of(d, None if removal else fit)
    return Proposal(
        environment=d.environment,
        name=d.name,
        namespace=d.namespace,
        model=outline.model,
        served_model_name=d.served_model_name,
        engine=outline.engine,
        shape=outline.shape,
        parallel=outline.parallel,
        gpus=outline.gpus,
        state=state,
        pull_number=pull.number,
        pull_url=pull.url,
        channel=card.channel,
        card=card.ts,
        requested_by=requested_by,
        fit=outline.fit,
        removal=removal,
        two_person=environment.two_person,
    )


def fit_line(fit: Fit | None) -> str:
    """Return the verdict in a line; empty where the environment declares no GPUs."""
    return f"{fit.verdict.value}: {fit.reason}" if fit else ""
