"""What is followed is found again where Redis has lost it: from main and from pull requests.

Main, and the open pull requests, say which deployments there are; the newest pull request of each
carries the thread of its card. What is past counts as told. A pull request's text is people's to
edit, so what it says of another deployment, what does not look like a place in Slack, or is the
card of another one, leads nowhere; who asked, and for what, is rather read from our own commits.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.desired import Desired
from bot.rollout.reviewing import Looked, review
from bot.store import Proposal, Rollout
from bot.store.proposing import proposal_of
from gitops.assess import fit_of
from gitops.deployment import ModelDeployment
from gitops.errors import InvalidRequestError
from gitops.forge import PullRequest, Review
from gitops.overlay import read, state_of
from gitops.pull_request import REQUESTER_TRAILER, STATE_TRAILER, Thread

RELIST = timedelta(minutes=10)
"""How often open pull requests are listed; the first time at once. A call for each 30 of them."""

RETRY = timedelta(minutes=1)
"""How soon they are listed again when no answer came."""

_REQUESTER = re.compile(r"slack:([UW][A-Z0-9]+)")
_CHANNEL, _TS = re.compile(r"[CGD][A-Z0-9]+"), re.compile(r"\d+\.\d+")

Name = tuple[str, str]
"""Environment and name of a deployment."""

Cards = Collection[tuple[str, str]]
"""Channels and time stamps of the cards of what is followed."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A deployment that nobody follows, as of a commit of main."""

    environment: str
    name: str
    commit: str

    @property
    def key(self) -> str:
        """Identity of the deployment, as of its proposal."""
        return f"{self.environment}/{self.name}"

    @property
    def branch(self) -> str:
        """The one branch of the deployment's pull requests."""
        return f"llm/{self.key}"

    @property
    def folder(self) -> str:
        """Folder of its overlay."""
        return f"overlays/{self.key}"


@dataclass(frozen=True, slots=True)
class Traced:
    """What the Git host has of a lost deployment: its newest pull request, None when it has none.

    `trailers` are those of our own commits on it, oldest first; `files` what an open one would
    have main hold in the deployment's folder.
    """

    lost: Lost
    looked: Looked | None = None
    trailers: Sequence[Mapping[str, str]] = ()
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Strays:
    """The deployments of all open pull requests of Leadline's."""

    names: Sequence[Name]


@dataclass(frozen=True, slots=True)
class Recalled:
    """A deployment that is followed again."""

    proposal: Proposal
    rollout: Rollout


def name_of(pull: PullRequest) -> Name | None:
    """Return which deployment a pull request is about, where its branch and its text agree."""
    said = pull.metadata
    if said is None or pull.branch != f"llm/{said.environment}/{said.name}":
        return None
    return said.environment, said.name


def rebuild(desired: Desired, traced: Traced, taken: Cards, now: datetime) -> Recalled | None:
    """Return what leads back to the card; None where it does not, or to one that is `taken`.

    Reviews, checks and the end of the pull request count as told. Where main holds the deployment
    so does what the cluster shows first (`recalled`). When it was merged is not known any more:
    `now` stands for it.

    Raises:
        InvalidRequestError: its llm.yaml or its environment makes no sense.
    """
    lost, looked, copy = traced.lost, traced.looked, desired.copy
    if looked is None:
        return None
    main, head = _held(lost, copy.files(lost.folder)), _held(lost, traced.files)
    shown = head or main
    thread, people = _leads_back(lost, looked.pull, traced.trailers)
    if shown is None or thread is None or (thread.channel, thread.ts) in taken or not people:
        return None
    environment = copy.environment(lost.environment)
    proposal = proposal_of(
        shown.deployment,
        environment,
        state=head.state if head else _told(traced, looked.pull, shown),
        fit=fit_of(shown.deployment, environment, copy.catalog()),
        pull=looked.pull,
        card=thread,
        requested_by=people[-1],
    )
    return Recalled(proposal, _rollout(looked, main, people, now))


@dataclass(frozen=True, slots=True)
class _Held:
    """A deployment as some files have it, and the desired state that they put into the cluster."""

    deployment: ModelDeployment
    state: str


def _held(lost: Lost, files: Mapping[str, str]) -> _Held | None:
    source = f"{lost.folder}/llm.yaml"
    if source not in files:
        return None
    deployment = read(files[source], source)
    if deployment.folder != lost.folder:
        raise InvalidRequestError(f"{source}: is about {deployment.folder}; make them equal")
    return _Held(deployment, state_of(deployment, files))


def _rollout(looked: Looked, main: _Held | None, people: Sequence[str], now: datetime) -> Rollout:
    pull = looked.pull
    told = review(Rollout(pull.number, pull.review.value), looked, now).rollout
    return replace(
        told,
        closes=int(pull.review is Review.CLOSED),
        requesters=tuple(people),
        applied=main.state if main else "",
        recalled=main is not None,
    )


def _leads_back(
    lost: Lost, pull: PullRequest, trailers: Sequence[Mapping[str, str]]
) -> tuple[Thread | None, Sequence[str]]:
    """Return the thread and who asked, where the text is sound and about this deployment."""
    said = pull.metadata
    if said is None or said.thread is None or name_of(pull) != (lost.environment, lost.name):
        return None, ()
    told = [each.get(REQUESTER_TRAILER, "") for each in trailers] or [said.requester]
    people = [found[1] for found in map(_REQUESTER.fullmatch, told) if found]
    sound = _CHANNEL.fullmatch(said.thread.channel) and _TS.fullmatch(said.thread.ts)
    return said.thread if sound else None, people


def _told(traced: Traced, pull: PullRequest, main: _Held) -> str:
    """Return the desired state of a pull request that was not read, or that leaves no files."""
    if pull.review is Review.MERGED:
        return main.state
    told = traced.trailers[-1].get(STATE_TRAILER, "") if traced.trailers else ""
    return told or (pull.metadata.state if pull.metadata else "")


@dataclass(slots=True)
class Recalling:
    """Which deployments were asked for at which commit of main, and how often.

    One question a call; what was answered is not asked again before main moves on, and what
    failed waits for those that have failed less often.
    """

    _answered: dict[Name, str] = field(default_factory=dict)
    _tries: dict[Name, int] = field(default_factory=dict)
    _strays: Sequence[Name] = ()
    _list_at: datetime | None = None

    def lists(self, now: datetime) -> bool:
        """Say whether open pull requests are to be listed; if so, count that as asked."""
        if self._list_at and now < self._list_at:
            return False
        self._list_at = now + RETRY
        return True

    def take(self, strays: Strays, now: datetime) -> None:
        """Take note of which open pull requests there are."""
        self._strays, self._list_at = strays.names, now + RELIST

    def next(self, desired: Desired, known: Collection[str]) -> Lost | None:
        """Return one deployment to trace: of main or of an open pull request, and not `known`."""
        commit = desired.revision.commit
        there = dict.fromkeys([*desired.copy.deployments(), *self._strays])
        open_ = [
            name
            for name in there
            if "/".join(name) not in known and self._answered.get(name) != commit
        ]
        if not open_:
            return None
        name = min(open_, key=lambda each: self._tries.get(each, 0))
        self._tries[name] = self._tries.get(name, 0) + 1
        return Lost(*name, commit)

    def recall(
        self, traced: Traced, desired: Desired, taken: Cards, now: datetime
    ) -> Recalled | None:
        """Return a traced deployment, if its pull request leads back to a card that is not `taken`.

        One that leads back and then is not kept is asked for again.

        Raises:
            InvalidRequestError: its llm.yaml or its environment makes no sense.
        """
        name = (traced.lost.environment, traced.lost.name)
        self._answered[name] = traced.lost.commit
        recalled = rebuild(desired, traced, taken, now)
        if recalled:
            del self._answered[name]
        return recalled
