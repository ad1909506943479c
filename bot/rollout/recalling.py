"""What is followed is found again where Redis has lost it: from main and from pull requests.

Main says which deployments there are, and the newest pull request of each carries the thread of its
card. What is past counts as told. A pull request's text is people's to edit, so what it says of
another deployment, or what does not look like a place in Slack, leads nowhere.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from bot.desired import Desired
from bot.rollout.reviewing import Looked, review
from bot.store import Fence, Proposal, Records, Rollout
from gitops.assess import fit_of
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.forge import PullRequest, Review
from gitops.overlay import state_of
from gitops.pull_request import Metadata, Thread

REMOVED = "removed"
"""The desired state that a plan of removal names."""

_REQUESTER = re.compile(r"slack:([UW][A-Z0-9]+)")
_CHANNEL, _TS = re.compile(r"[CGD][A-Z0-9]+"), re.compile(r"\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Lost:
    """A deployment that main holds and that nobody follows; `state` is what main wants."""

    deployment: ModelDeployment
    environment: Environment
    state: str
    commit: str
    fit: str

    @property
    def key(self) -> str:
        """Identity of the deployment, as of its proposal."""
        return f"{self.deployment.environment}/{self.deployment.name}"

    @property
    def branch(self) -> str:
        """The one branch of the deployment's pull requests."""
        return f"llm/{self.key}"


@dataclass(frozen=True, slots=True)
class Recalled:
    """A deployment that is followed again."""

    proposal: Proposal
    rollout: Rollout


def lost(desired: Desired, key: tuple[str, str]) -> Lost:
    """Return a deployment of main by environment and name.

    Raises:
        InvalidRequestError: its llm.yaml or its environment makes no sense.
    """
    copy, (place, name) = desired.copy, key
    environment, deployment = copy.environment(place), copy.deployment(name, place)
    state = state_of(deployment, copy.files(deployment.folder))
    found = fit_of(deployment, environment, copy.catalog())
    fit = f"{found.verdict.value}: {found.reason}" if found else ""
    return Lost(deployment, environment, state, desired.revision.commit, fit)


def rebuild(found: Lost, looked: Looked, now: datetime) -> Recalled | None:
    """Return what leads back to the card; None where the pull request does not say.

    Reviews, checks and the end of the pull request count as told, and so does what the cluster
    shows first (`recalled`). When it was merged is not known any more: `now` stands for it.
    """
    pull, said = looked.pull, looked.pull.metadata
    thread, person = _leads_back(found, said)
    if said is None or thread is None or not person:
        return None
    told = review(Rollout(pull.number, pull.review.value), looked, now).rollout
    proposed = found.state if pull.review is Review.MERGED else said.state
    closes = int(pull.review is Review.CLOSED)
    rollout = replace(told, closes=closes, applied=found.state, recalled=True)
    return Recalled(_proposal(found, pull, proposed, thread, person), rollout)


def _leads_back(found: Lost, said: Metadata | None) -> tuple[Thread | None, str]:
    """Return the thread and who asked, where the text is sound and about this deployment."""
    if said is None or said.thread is None or f"{said.environment}/{said.name}" != found.key:
        return None, ""
    person = _REQUESTER.fullmatch(said.requester)
    sound = _CHANNEL.fullmatch(said.thread.channel) and _TS.fullmatch(said.thread.ts)
    return (said.thread, person[1]) if person and sound else (None, "")


def _proposal(found: Lost, pull: PullRequest, state: str, thread: Thread, person: str) -> Proposal:
    d, removal = found.deployment, state == REMOVED
    return Proposal(
        environment=d.environment,
        name=d.name,
        namespace=d.namespace,
        model=d.model,
        served_model_name=d.served_model_name,
        engine=f"{d.engine.value} {d.engine_version}",
        shape=d.shape,
        parallel=str(d.parallel),
        gpus=d.gpus,
        state=state,
        pull_number=pull.number,
        pull_url=pull.url,
        channel=thread.channel,
        card=thread.ts,
        requested_by=person,
        fit="" if removal else found.fit,
        removal=removal,
        two_person=found.environment.two_person,
    )


class Host(Protocol):
    """Where pull requests are."""

    def newest(self, branch: str) -> Looked | None:
        """Return the newest pull request of a branch as it stands; None when it has none."""
        ...


@dataclass(slots=True)
class Recalling:
    """Which deployments were asked for at which commit of main, and how often.

    One question a call; what was answered is not asked again before main moves on, and what
    failed waits for those that have failed less often.
    """

    _answered: dict[tuple[str, str], str] = field(default_factory=dict)
    _tries: dict[tuple[str, str], int] = field(default_factory=dict)

    def recall(
        self, desired: Desired, known: Collection[str], host: Host, now: datetime
    ) -> Recalled | None:
        """Return one deployment that main holds and `known` lacks, if its pull request leads back.

        One that is found and not kept is asked for again.

        Raises:
            GitOpsError: the Git host does not answer, or the deployment makes no sense.
        """
        commit, there = desired.revision.commit, desired.copy.deployments()
        open_ = [
            key for key in there if "/".join(key) not in known and self._answered.get(key) != commit
        ]
        if not open_:
            return None
        key = min(open_, key=lambda each: self._tries.get(each, 0))
        self._tries[key] = self._tries.get(key, 0) + 1
        found = lost(desired, key)
        looked = host.newest(found.branch) if found.key == "/".join(key) else None
        recalled = rebuild(found, looked, now) if looked else None
        if recalled is None:
            self._answered[key] = commit
        return recalled


def keep(recalled: Recalled, records: Records, fence: Fence | None) -> bool:
    """Write down what is followed again; return False when a worker was faster.

    The rollout comes first, under the watcher's fence: a proposal alone would have all told anew.

    Raises:
        StaleError: another watcher leads; nothing was written.
        StoreUnavailableError: the next look finds the deployment lost still.
    """
    key = recalled.proposal.key
    if any(proposal.key == key for proposal in records.proposals()):
        return False
    records.advance(key, recalled.rollout, fence)
    records.propose(recalled.proposal)
    return True
