"""Use case: a request becomes an overlay, a pull request, a card and a thread.

Every step finds its own earlier work, so that a worker may die anywhere and start again.
"""

from dataclasses import dataclass

from bot.chat import Person, Place
from bot.notice import Amended, Card, Proposed, Refused
from bot.speaker import Speaker
from bot.store import Fence, Proposal, Records
from gitops.forge import Forge, Outcome, PullRequest
from gitops.plan import Action, Plan, diff
from gitops.proposing import Proposer
from gitops.pull_request import Requested, write_up
from gitops.request import DeployRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """Who typed a command, where, the delivery it came by, and the fence for what it writes."""

    key: str
    person: Person
    place: Place
    fence: Fence | None = None


@dataclass(frozen=True, slots=True)
class Deployer:
    """The ports that a deployment needs."""

    proposer: Proposer
    forge: Forge
    records: Records
    speaker: Speaker

    def __call__(self, request: DeployRequest, asked: Asked) -> None:
        """Propose the deployment and say so.

        Raises:
            GitOpsError: the request, a check or the Git host refuses.
        """
        assessed = self.proposer.assess(request, self.speaker.clock.now())
        assessed.refuse()
        changed = assessed.plan
        if changed.action is Action.NOTHING:
            self._say_nothing_changes(changed, asked)
            return
        reason = request.changes.reason or ""
        requested = Requested(f"slack:{asked.person.id}", asked.key, reason)
        done = self.forge.propose(write_up(assessed, requested))
        self._tell(changed, done.pull, asked, done.outcome)

    def _say_nothing_changes(self, changed: Plan, asked: Asked) -> None:
        """Say so; and take a deployment up again whose card was lost, or never came to be.

        A worker may have died after its pull request was made and before its card, or Redis may
        have been lost: the newest pull request of the branch is what the card is about.
        """
        d = changed.deployment
        text = f"{d.folder} is already as you ask; nothing to propose."
        self.speaker.chat.whisper(asked.place, asked.person, Refused(text))
        known = {proposal.key for proposal in self.records.proposals()}
        pull = self.forge.newest(changed.branch)
        if pull and f"{d.environment}/{d.name}" not in known:
            self._tell(changed, pull, asked)

    def _tell(
        self, changed: Plan, pull: PullRequest, asked: Asked, outcome: Outcome = Outcome.OPENED
    ) -> None:
        first = _card(changed, pull, asked)
        card = self.speaker.say(asked.place, f"card:{pull.number}", first)
        self.records.propose(_proposal(changed, pull, asked, card), asked.fence)
        thread = Place(asked.place.channel, card)
        if outcome is Outcome.AMENDED:
            lapse = Amended(changed.title, pull.number, pull.url, asked.person.id)
            self.speaker.say(thread, f"amended:{pull.number}:{changed.state}", lapse)
        notice = Proposed(changed.title, pull.number, pull.url, len(changed.changes), diff(changed))
        self.speaker.say(thread, f"proposed:{pull.number}:{changed.state}", notice)


def _card(changed: Plan, pull: PullRequest, asked: Asked) -> Card:
    d = changed.deployment
    return Card(
        name=d.name,
        environment=d.environment,
        model=d.model,
        engine=f"{d.engine.value} {d.engine_version}",
        shape=d.shape,
        parallel=_parallel(changed),
        gpus=d.gpus,
        pull_number=pull.number,
        pull_url=pull.url,
        requested_by=asked.person.id,
        phase="pull request open",
    )


def _proposal(changed: Plan, pull: PullRequest, asked: Asked, card: str) -> Proposal:
    d = changed.deployment
    return Proposal(
        environment=d.environment,
        name=d.name,
        namespace=d.namespace,
        model=d.model,
        served_model_name=d.served_model_name,
        engine=f"{d.engine.value} {d.engine_version}",
        shape=d.shape,
        parallel=_parallel(changed),
        gpus=d.gpus,
        state=changed.state,
        pull_number=pull.number,
        pull_url=pull.url,
        channel=asked.place.channel,
        card=card,
        requested_by=asked.person.id,
    )


def _parallel(changed: Plan) -> str:
    d = changed.deployment
    return str(d.parallel)
