"""Use case: a question goes to the leader Service and the answer streams into a thread."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot import metrics
from bot.chat import Place, Stream
from bot.commands import command as c
from bot.commands.answer import Answer
from bot.commands.changing import Asked
from bot.commands.scene import Scene
from bot.commands.seats import Seats
from bot.commands.seats import Taken as Seated
from bot.errors import (
    ChatUnavailableError,
    CommandError,
    EngineAbsentError,
    EngineBrokenError,
    EngineUnavailableError,
    QueueFullError,
    StoreUnavailableError,
)
from bot.notice import Asked as AskedNotice
from bot.notice import Card
from bot.relay import CANCELLED, Call, Cancels, Endpoint, Engines, Question
from bot.speaker import Speaker
from bot.store import Cards
from gitops.deployment import ModelDeployment

INTERRUPTED = "your question was interrupted; ask again"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """How a deployment is asked: through which endpoint, at which host, with which API key."""

    endpoint: Endpoint
    host: str
    call: Call
    served: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """The ports that a question needs; `engines` gives those of a kubeconfig's context."""

    speaker: Speaker
    engines: Callable[[str], Engines]
    cancels: Cancels
    cards: Cards
    seats: Seats

    def __call__(self, command: c.Ask, scene: Scene, asked: Asked) -> None:
        """Ask and show the answer as it comes.

        Raises:
            CommandError: a worker died with this question; an answer is never asked for twice.
            QueueFullError: too many questions run already.
            EngineAbsentError: nobody listens, with what the pods wait for.
            EngineUnavailableError: nothing came; once the question is shown, its thread says why.
        """
        if not self.speaker.begin(asked.key):
            raise CommandError(INTERRUPTED)
        deployment = scene.desired.copy.deployment(command.name, command.environment)
        context = scene.sight.environment(deployment.environment).context
        key = f"{deployment.environment}/{deployment.name}"
        try:
            with self.seats.taken(asked.person.id, key, asked.key) as seated:
                way = self._way(deployment, context)
                model = self._model(way, key)
                self._answer(command, way, model, asked, seated)
        except (QueueFullError, EngineUnavailableError):
            metrics.asked(metrics.Answer.REFUSED)
            raise

    def _way(self, deployment: ModelDeployment, context: str) -> Way:
        secret, place = deployment.api_key_secret, deployment.environment
        engines = self.engines(context)
        api_key = engines.keys.key(place, deployment.name, secret) if secret else ""
        host = f"{deployment.name}-leader.{deployment.namespace}.svc"
        return Way(engines.endpoint, host, Call(api_key), deployment.served_model_name)

    def _answer(self, command: c.Ask, way: Way, model: str, asked: Asked, seated: Seated) -> None:
        """Post the question, and stream the answer below it."""
        speaker = self.speaker
        prompt, where = command.question.prompt, command.environment or ""
        notice = AskedNotice(asked.person.id, command.name, prompt, asked.key, where)
        root = speaker.say(asked.place, f"ask:{asked.key}", notice)
        thread = Place(asked.place.channel, asked.place.thread or root)
        try:
            with speaker.chat.stream(thread, asked.person) as stream:
                watched = replace(way.call, cancelled=self._cancelled(asked, stream, seated))
                asking = replace(way, call=watched)
                answer = relay(speaker, stream, asking, model, command.question)
                count(answer)
                stream.end(answer.footer(way.served))
        finally:
            self._take_button_back(asked.place, root, replace(notice, cancel=""))
        if command.raw:
            speaker.say(thread, f"raw:{asked.key}", answer.raw(command.question))

    def _model(self, way: Way, key: str) -> str:
        try:
            return way.endpoint.model(way.host, way.call.api_key, way.served)
        except EngineAbsentError as error:
            raise self._absent(key, error) from error

    def _cancelled(self, asked: Asked, stream: Stream, seated: Seated) -> Callable[[], bool]:
        """Return what says that nobody waits any more; it also keeps the seats."""

        def cancelled() -> bool:
            seated.keep()
            try:
                return not stream.wanted() or self.cancels.cancelled(asked.key)
            except StoreUnavailableError as error:
                _log.warning("cancel unknown ref=%s error=%s", asked.key, error)
                return False

        return cancelled

    def _take_button_back(self, place: Place, root: str, notice: AskedNotice) -> None:
        try:
            self.speaker.chat.update(place, root, notice)
        except ChatUnavailableError as error:  # pressing it later does no harm
            _log.warning("button left message=%s error=%s", root, error)

    def _absent(self, key: str, error: EngineAbsentError) -> EngineAbsentError:
        """Say what the pods wait for, where the watcher knows."""
        try:
            card = self.cards.cards().get(key)
        except StoreUnavailableError:  # the line is good without it
            card = None
        waits = waiting(card) if card else ""
        return EngineAbsentError(f"{key} does not answer yet: {waits}") if waits else error


def waiting(card: Card) -> str:
    """Return what a deployment's pods wait for as its card shows it; nothing if they are ready."""
    ranks = [
        f"{'leader' if rank.index == 0 else f'worker {rank.index}'} of group {group.index}"
        f" {rank.state}"
        for group in card.groups
        for rank in group.ranks
        if not rank.ready
    ]
    if card.groups and not ranks:
        return ""
    return ", ".join([card.phase, *ranks[:6]]) + (f"; {card.note}" if card.note else "")


def relay(speaker: Speaker, stream: Stream, way: Way, model: str, question: Question) -> Answer:
    """Pass an answer on as it comes; one that breaks off keeps what came.

    Where nothing had come when the connection went, such as with a leader that was replaced, it is
    asked once more: another group may answer.
    """
    clock = speaker.clock
    answer = Answer(model, clock.monotonic())
    try:
        try:
            _pass_on(speaker, stream, way, question, answer)
        except (EngineAbsentError, EngineBrokenError) as error:
            if answer.first is not None:
                raise
            _log.info("asking again host=%s error=%s", way.host, error)
            _pass_on(speaker, stream, way, question, answer)
    except EngineUnavailableError as error:
        answer.broken = str(error)
    answer.ended = clock.monotonic()
    return answer


def _pass_on(
    speaker: Speaker, stream: Stream, way: Way, question: Question, answer: Answer
) -> None:
    asked = way.endpoint.stream(way.host, answer.model, question, way.call)
    with contextlib.closing(asked) as pieces:
        for piece in pieces:
            if answer.first is None:
                answer.first = speaker.clock.monotonic()
            answer.take(piece)
            if piece.folds:
                stream.fold()
            elif piece.text and not piece.thought:
                stream.append(piece.text)


def count(answer: Answer) -> None:
    """Count an answer that ended."""
    outcome = metrics.Answer.BROKEN if answer.broken else metrics.Answer.ANSWERED
    if answer.last.finish == CANCELLED:
        outcome = metrics.Answer.CANCELLED
    first = None if answer.first is None else answer.first - answer.begun
    metrics.asked(outcome, first, answer.last.prompt_tokens, answer.last.tokens)
