"""Use case: an assessed change becomes a pull request, a card and replies in its thread.

Every step finds its own earlier work, so that a worker may die anywhere and start again. The card
comes first, so that the pull request can carry its thread: should Redis be lost, that leads back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot import metrics
from bot.chat import Directory, Person, Place
from bot.errors import BotError, ChatUnavailableError
from bot.notice import Amended, Attached, Card, Elsewhere, Notice, Planned, Proposed, Refused
from bot.speaker import Speaker
from bot.store import Fence, Proposal, Records, Wakes
from bot.store.proposing import fit_line, proposal_of
from gitops.assess import Assessment
from gitops.checks import Severity
from gitops.errors import ForgeBusyError, GitOpsError
from gitops.fit import title
from gitops.forge import Forge, Outcome, PullRequest, Review, Revision, newest
from gitops.forge import Proposed as Done
from gitops.impact import in_words
from gitops.plan import Action, Plan, diff
from gitops.pull_request import Requested, Thread, Written, write_up

OPENING = "opening a pull request"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who typed a command, where, the delivery it came by, and the fence for what it writes."""

    key: str
    person: Person
    place: Place
    fence: Fence | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An assessed change, the reason for it, and the revision of main it was made against.

    `login` is the GitHub login of who asks, where roles.yaml has it.
    """

    assessed: Assessment
    reason: str = ""
    base: Revision | None = None
    login: str = ""

    @property
    def plan(self) -> Plan:
        """What would change."""
        return self.assessed.plan

    @property
    def key(self) -> str:
        """Identity of the deployment."""
        return f"{self.plan.deployment.environment}/{self.plan.deployment.name}"


@dataclass(frozen=True, slots=True)
class Changer:
    """The ports that a change needs; `forge` gives each thread its own."""

    forge: Callable[[], Forge]
    records: Records
    speaker: Speaker
    directory: Directory
    wakes: Wakes

    def __call__(self, wanted: Wanted, asked: Asked) -> None:
        """Propose a change and say so.

        Raises:
            CheckFailedError: a check refuses it; nothing was written.
            GitOpsError: the Git host refuses.
        """
        wanted.assessed.refuse()
        if wanted.plan.action is Action.NOTHING:
            self._say_nothing_changes(wanted, asked)
            return
        card = self._card(wanted, asked)
        try:
            done = self.forge().propose(self._written(wanted, asked, card), wanted.base)
        except (BotError, GitOpsError) as error:
            self._say_not_proposed(wanted, asked, card, error)
            raise
        self._tell(wanted, done, asked, card)

    def _written(self, wanted: Wanted, asked: Asked, card: Place) -> Written:
        link = self.directory.link(card)
        thread = Thread(link, card.channel, card.thread or "")
        by, name = asked.person.id, self._name(asked.person.id)
        requested = Requested(f"slack:{by}", asked.key, wanted.reason, thread, wanted.login, name)
        return write_up(wanted.assessed, requested)

    def _name(self, person: str) -> str:
        try:
            name = self.directory.name(person)
        except ChatUnavailableError:  # the link to the thread says it, too
            return ""
        return "" if name == person else name

    def _card(self, wanted: Wanted, asked: Asked) -> Place:
        """Return where the deployment's card stands; post it where there is none yet."""
        channel = wanted.assessed.environment.slack.channel or asked.place.channel
        known, rollout = self._known(wanted), self.records.rollout(wanted.key)
        gone = known and known.removal and rollout and rollout.removed
        if known and not gone:  # another life has another card; another channel has not
            return Place(known.channel, known.card)
        if known is None and (found := self._remembered(wanted)):
            return found
        first = _first_card(wanted, asked)
        return Place(channel, self.speaker.say(Place(channel), f"card:{asked.key}", first))

    def _known(self, wanted: Wanted) -> Proposal | None:
        return next((p for p in self.records.proposals() if p.key == wanted.key), None)

    def _remembered(self, wanted: Wanted) -> Place | None:
        """Return the thread that the newest pull request carries: Redis may have been lost."""
        pull = newest(self.forge(), wanted.plan.branch)
        thread = pull.metadata.thread if pull and pull.metadata else None
        return Place(thread.channel, thread.ts) if thread and thread.ts else None

    def _say_nothing_changes(self, wanted: Wanted, asked: Asked) -> None:
        """Say so; and take a deployment up again whose record was lost."""
        pull = newest(self.forge(), wanted.plan.branch)
        text = f"{wanted.key} is on main as you ask already; nothing to propose."
        if pull and pull.review is Review.OPEN:
            text += f" Pull request #{pull.number} would change that; close it if nobody wants it."
        self.speaker.chat.whisper(asked.place, asked.person, Refused(text))
        if self._known(wanted):
            return
        if pull and pull.review is not Review.CLOSED:
            self._keep(wanted, pull, asked, self._card(wanted, asked))

    def _say_not_proposed(
        self, wanted: Wanted, asked: Asked, card: Place, error: Exception
    ) -> None:
        """Let a card that was posted for this request say that nothing came of it."""
        if self._known(wanted):
            return  # the card is of what runs; the person hears why
        # Whether it runs again by itself the worker decides; the person hears that from it.
        busy = f" yet: {error.limit} is used up" if isinstance(error, ForgeBusyError) else ""
        note = "" if busy else str(error)
        ended = replace(_first_card(wanted, asked), phase=f"not proposed{busy}", note=note)
        self.speaker.chat.update(Place(card.channel), card.thread or "", ended)

    def _tell(self, wanted: Wanted, done: Done, asked: Asked, card: Place) -> None:
        metrics.pulled(metrics.Pull(done.outcome.value))
        self._keep(wanted, done.pull, asked, card)
        key = f"{done.pull.number}:{wanted.plan.state}"
        self.speaker.say(card, f"planned:{key}", planned(wanted.assessed))
        self.speaker.say(card, f"{done.outcome}:{key}:{asked.key}", _news(wanted, done, asked))
        # GitHub's webhook may have come before the watch could know whose pull request it is.
        self.wakes.wake(done.pull.number, f"proposed:{asked.key}")
        if self._is_unseen(card, asked):
            text = f"{wanted.plan.title}: pull request #{done.pull.number}"
            notice = Elsewhere(text, done.pull.url, self.directory.link(card))
            self.speaker.chat.whisper(asked.place, asked.person, notice)

    def _is_unseen(self, card: Place, asked: Asked) -> bool:
        """Say whether who asked does not look at the card: it is elsewhere, or of long ago."""
        if card.channel != asked.place.channel:
            return True
        posted = self.speaker.posts.message(f"card:{asked.key}")
        return card.thread not in {asked.place.thread, posted}

    def _keep(self, wanted: Wanted, pull: PullRequest, asked: Asked, card: Place) -> None:
        known = self._known(wanted)
        proposal = proposal_of(
            wanted.plan.deployment,
            wanted.assessed.environment,
            state=wanted.plan.state,
            fit=wanted.assessed.fit,
            pull=pull,
            card=Thread(channel=card.channel, ts=card.thread or ""),
            requested_by=asked.person.id,
        )
        if known and known.pull_number == pull.number:  # also when another one asked for the same
            proposal = replace(proposal, requested_by=known.requested_by, glass=known.glass)
        self.records.propose(proposal, asked.fence)
        if known and known.card == card.thread:
            return  # the watcher keeps it up to date
        first = replace(_first_card(wanted, asked), phase="pull request open", pull="open")
        shown = replace(first, pull_number=pull.number, pull_url=pull.url)
        self.speaker.chat.update(Place(card.channel), card.thread or "", shown)


def planned(assessed: Assessment, *, written: bool = True) -> Planned:
    """Return what a plan means in lines that a person reads in half a minute."""
    found, changed = assessed.impact, assessed.plan
    price, currency = found.cost_per_hour, assessed.environment.currency
    cost = "" if price is None else f", {f'{price:+,.2f} {currency}'.rstrip()} an hour"
    marks = {Severity.ERROR: "refused", Severity.WARNING: "warning", Severity.WAIVED: "waived"}
    checks = [f"{marks[f.severity]}: {f.rule}: {f.text}" for f in assessed.findings]
    return Planned(
        changed.title,
        (
            f"Running groups: {in_words(found)}",
            f"GPUs: {found.gpus_before} → {found.gpus_after}{cost}",
            *((f"Fit: {title(assessed.fit)}: {assessed.fit.reason}",) if assessed.fit else ()),
            *(checks or ("Checks: all pass",)),
        ),
        diff(changed),
        written,
    )


def _news(wanted: Wanted, done: Done, asked: Asked) -> Notice:
    pull, title_, person = done.pull, wanted.plan.title, asked.person.id
    match done.outcome:
        case Outcome.OPENED:
            changed = wanted.plan
            return Proposed(title_, pull.number, pull.url, len(changed.changes), "")
        case Outcome.AMENDED:
            return Amended(title_, pull.number, pull.url, person, done.replaced)
        case Outcome.ATTACHED:
            return Attached(pull.number, pull.url, person)


def _first_card(wanted: Wanted, asked: Asked) -> Card:
    d = wanted.plan.deployment
    return Card(
        name=d.name,
        environment=d.environment,
        model=d.model,
        engine=f"{d.engine.value} {d.engine_version}",
        shape=d.shape,
        parallel=str(d.parallel),
        gpus=d.gpus,
        pull_number=0,
        pull_url="",
        requested_by=asked.person.id,
        phase=OPENING,
        fit=fit_line(wanted.assessed.fit),
    )
