"""Use case: an administrator lets a pull request go without a second person, for all to see."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.chat import Place
from bot.commands import command as c
from bot.commands.changing import Asked
from bot.errors import CommandError, NotFoundError
from bot.notice import BrokeGlass
from bot.speaker import Speaker
from bot.store import Proposal, Records
from gitops.forge import Forge, Review
from gitops.reviews import Reviews, State


@dataclass(frozen=True, slots=True)
class GlassBreaker:
    """The ports that it needs; `forge` and `reviews` give each thread its own."""

    forge: Callable[[], Forge]
    reviews: Callable[[], Reviews]
    records: Records
    speaker: Speaker

    def __call__(self, command: c.BreakGlass, asked: Asked, *, asks: bool) -> None:
        """Announce it, keep that for the watch, and make our status stand on the head commit.

        `asks` says whether the environment asks for a second person now; that it did when the
        change was proposed is enough too.
        In this order nothing goes unannounced: the watch completes what a kill leaves undone.
        A commit pushed later needs a second person again, or the glass to be broken again.

        Raises:
            NotFoundError: nothing is proposed.
            CommandError: no pull request is open, it needs no second person, or somebody has let it
                go before.
            GitOpsError: the Git host refuses.
        """
        proposal = self._proposal(command, asks=asks)
        pull = self.forge().pull_request(proposal.pull_number)
        if pull.review is not Review.OPEN:
            raise CommandError(f"pull request #{pull.number} is {pull.review.value}, not open")
        if self.speaker.begin(f"glass:{asked.key}") and proposal.glass == pull.head:
            raise CommandError(
                f"pull request #{pull.number} goes without a second person already; its thread says"
                " who let it and why"
            )
        notice = BrokeGlass(pull.number, asked.person.id, command.reason)
        thread = Place(proposal.channel, proposal.card)
        self.speaker.say(thread, f"glass:{pull.number}:{pull.head}", notice)
        self.records.propose(replace(proposal, glass=pull.head), asked.fence)
        text = f"break-glass by {asked.person.id}: {command.reason}"
        self.reviews().mark(pull.head, State.SUCCESS, text)

    def _proposal(self, command: c.BreakGlass, *, asks: bool) -> Proposal:
        key = f"{command.environment}/{command.name}"
        found = next((p for p in self.records.proposals() if p.key == key), None)
        if found is None:
            raise NotFoundError(f"nothing is proposed for {key}")
        if not (asks or found.two_person):
            raise CommandError(
                f"{key} needs no second person: its environment does not ask for one"
            )
        return found
