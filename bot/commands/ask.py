"""Use case: a question goes to the leader Service and the answer streams into a thread."""

from dataclasses import dataclass

from bot.chat import Place, Stream
from bot.commands.deploy import Asked
from bot.commands.parse import Ask
from bot.errors import CommandError, EngineUnavailableError, NotFoundError
from bot.notice import Asked as AskedNotice
from bot.notice import Footer
from bot.relay import Endpoint, Piece, Question
from bot.speaker import Speaker
from bot.store import Proposal, Records
from gitops.names import printable


@dataclass(frozen=True, slots=True)
class Asker:
    """The ports that a question needs."""

    records: Records
    endpoint: Endpoint
    speaker: Speaker

    def __call__(self, ask: Ask, asked: Asked) -> None:
        """Ask and show the answer as it comes.

        Raises:
            NotFoundError: no deployment of that name.
            CommandError: a worker died with this question; an answer is never asked for twice.
            EngineUnavailableError: nothing came; once text is shown, the thread says where it ends.
        """
        if not self.speaker.begin(asked.key):
            raise CommandError("your question was interrupted; ask again")
        proposal = self._find(ask.name)
        host = f"{proposal.name}-leader.{proposal.namespace}.svc"
        model = self.endpoint.model(host)  # before anything is posted: refuses when nobody listens
        question = AskedNotice(asked.person.id, proposal.name, ask.question.prompt)
        root = self.speaker.say(asked.place, f"ask:{asked.key}", question)
        thread = Place(asked.place.channel, root)
        with self.speaker.chat.stream(thread, asked.person) as stream:
            stream.end(self._relay(stream, host, model, ask.question))

    def _relay(self, stream: Stream, host: str, model: str, question: Question) -> Footer:
        """Pass the answer on as it comes; a stream that breaks keeps what came."""
        clock = self.speaker.clock
        start = clock.monotonic()
        first, last = 0.0, Piece()
        try:
            for piece in self.endpoint.stream(host, model, question):
                first = first or clock.monotonic() - start
                stream.append(piece.text)
                last = piece
        except EngineUnavailableError as error:
            last = Piece(finish=f"broken off: {error}")
        return _footer(model, first, clock.monotonic() - start, last)

    def _find(self, name: str) -> Proposal:
        found = [p for p in self.records.proposals() if name in {p.name, p.key}]
        if len(found) > 1:
            keys = ", ".join(sorted(p.key for p in found))
            raise NotFoundError(
                f"{printable(name)} is in several environments; write one of {keys}"
            )
        if not found:
            raise NotFoundError(f"no deployment {printable(name)}; deploy it first")
        return found[0]


def _footer(model: str, first: float, total: float, last: Piece) -> Footer:
    rest = total - first
    speed = last.tokens / rest if rest > 0 else 0.0
    return Footer(model, first, last.tokens, speed, last.finish)
