"""Edge: Slack's requests become jobs. A listener only writes to the queue and returns.

Only what Slack binds to the moment is answered here, from memory: which form opens, its line on
fit, and what is wrong with its fields.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.audit import Audit
from bot.chat import Person, Place
from bot.commands.account import Account, entry_of
from bot.errors import BotError, QueueFullError, StoreUnavailableError
from bot.notice import Usage
from bot.slack import forms, intake
from bot.slack.cancelling import Ended, Running, cancelled
from bot.slack.client import SlackChat
from bot.slack.desk import BARE, Desk, Opened
from bot.slack.escaping import our_words, quote
from bot.slack.fairness import Fairness
from bot.slack.faults import FAULTS, reason_of
from bot.slack.forms import Origin
from bot.slack.seal import Seal
from bot.slack.untaken import TOO_MANY, UNSEALED, refusal_of
from bot.slack.wording import text
from bot.store import Job, Proposal, Queue
from gitops.clock import Clock
from gitops.errors import GitOpsError

KINDS = ("deploy", "update", "undeploy", "ask")
"""The forms."""

FOLLOWED = ("model", "engine", "environment", "replicas", "tensor", "gpus", "context")
"""Fields whose change brings the line on fit up to date."""

COMMAND, EVENT = "/llm", "app_mention"
"""What the app's manifest asks Slack for."""

PLAIN = "message"
"""The event of what people say without a mention; only listened to where a team wants that."""

FORGED = Ended("refused", "not sealed by us")
"""What the audit log keeps of a button or a form whose seal does not hold."""

Body = Mapping[str, Any]

_ANY = re.compile("")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether a job was new, or why it was not kept."""

    fresh: bool
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """What listeners reach. `cancel` stops the answer of a question; `seal` knows what is ours.

    With `proposals`, which say whose thread is a card's, verbs are taken there without a mention.
    `kept` knows the time stamp of the message with a key.
    """

    queue: Queue
    desk: Desk
    cancel: Callable[[str], None]
    clock: Clock
    seal: Seal
    audit: Audit
    fairness: Fairness
    proposals: Callable[[], Iterable[Proposal]] | None = None
    kept: Callable[[str], str | None] = lambda key: None  # noqa: ARG005 - of none

    def register(self, app: App) -> None:
        """Register every listener of the app; each payload that Slack sends us has one.

        Slash commands do not come this far: `bot.slack.server` hands them to `command`.
        """
        app.event(EVENT)(self._mention)
        if self.proposals:
            app.event(PLAIN)(self._plain(self.proposals))
        for act in (*KINDS, "status"):
            app.action(f"leadline:{act}")(self._button(act))
        app.action("leadline:cancel")(self._cancel)
        for field in FOLLOWED:
            app.action(field)(self._follow)
        for kind in KINDS:
            app.view(f"leadline:{kind}")(self._sent(kind))
        for others in (app.event, app.action, app.view, app.shortcut, app.command):
            others(_ANY)(_nothing)  # unanswered, Slack would send it again or show an error

    def command(self, ack: Ack, body: Body, client: WebClient) -> None:
        """Queue a slash command and acknowledge it, or open the form that it asks for."""
        job = intake.of_command(body, self.clock.now())
        if found := BARE.match(job.text):
            kind, name = found[1] or found[2], found[3] or ""
            ack(self._open(kind, name, job, body["trigger_id"], client))
            return
        kept = self._put(job)
        shown = f":hourglass_flowing_sand: {quote('/llm ' + job.text)} (ref {job.id})"
        ack(kept.refusal or (shown if kept.fresh else ""))

    def _mention(self, ack: Ack, body: Body, client: WebClient) -> None:
        ack()
        job = intake.of_mention(body, self.clock.now())
        if job and (refusal := self._put(job).refusal):
            self._whisper(job, refusal, client)

    def _plain(self, proposals: Callable[[], Iterable[Proposal]]) -> Callable[..., None]:
        def hear(ack: Ack, body: Body, client: WebClient) -> None:
            ack()
            job = intake.of_plain(body, self.clock.now())
            if job and _in_thread(job, proposals) and (refusal := self._put(job).refusal):
                self._whisper(job, refusal, client)

        return hear

    def _button(self, act: str) -> Callable[..., None]:
        def press(ack: Ack, body: Body, client: WebClient) -> None:
            ack()
            name = self.seal.pressed(body["actions"][0])
            job = intake.of_button(body, f"{act} {name}" if name else act, self.clock.now())
            if name is None:
                self._note(job, act, FORGED)
                line = f"This button is {UNSEALED} Type `/llm {act} NAME`."
            elif act == "status":
                line = self._put(job).refusal
            else:
                line = self._open(act, name, job, body["trigger_id"], client)
            if line:
                self._whisper(job, line, client)

        return press

    def _cancel(self, ack: Ack, body: Body, client: WebClient) -> None:
        ack()
        value = self.seal.pressed(body["actions"][0])
        job = intake.of_button(body, "cancel", self.clock.now())
        if value is None:
            self._note(job, "cancel", FORGED)
            self._whisper(job, f"This button is {UNSEALED}", client)
            return
        running = Running.of(value)
        ended = cancelled(running, job, self.desk, self.cancel)
        self._note(job, "cancel", ended, running)
        if ended.line:
            self._whisper(job, ended.line, client)

    def _follow(self, ack: Ack, body: Body, client: WebClient) -> None:
        ack()
        view = body["view"]
        kind, metadata = view["callback_id"].rpartition(":")[2], self.seal.origin(view)
        if metadata is None:  # sending the form says so
            return
        origin = forms.origin_of(metadata)
        line = self.desk.fit(kind, forms.values_of(view), _person(body), origin)
        shown = forms.with_fit(view, line)
        try:
            client.views_update(view_id=view["id"], hash=view["hash"], view=shown)
        except FAULTS as error:  # a later change has been shown, or will be
            _log.info("fit not shown error=%s", type(error).__name__)

    def _sent(self, kind: str) -> Callable[..., None]:
        def send(ack: Ack, body: Body) -> None:
            view = body["view"]
            try:
                faults = self._queue_form(kind, body)
            except StoreUnavailableError as error:
                faults = {"": refusal_of(error)}
            except (BotError, GitOpsError) as error:
                faults = {"": str(error)[:300]}
            if faults:
                ack(response_action="errors", errors=_on_fields(view, faults))
            else:
                ack()

        return send

    def _queue_form(self, kind: str, body: Body) -> dict[str, str]:
        """Queue what a filled form means; or return what is wrong with it, by field."""
        view, person = body["view"], _person(body)
        metadata = self.seal.origin(view)
        if metadata is None:
            job = intake.of_form(body, kind, Origin(""), self.clock.now())
            self._note(job, kind, FORGED)
            return {"": f"This form is {UNSEALED} Close it and type the command."}
        values, origin = forms.values_of(view), forms.origin_of(metadata)
        if faults := self.desk.faults(kind, values, person, origin):
            return faults
        typed = self.desk.command(kind, values, person, origin)
        refusal = self._put(intake.of_form(body, typed, origin, self.clock.now())).refusal
        return {"": refusal} if refusal else {}

    def _open(self, kind: str, name: str, job: Job, trigger: str, client: WebClient) -> str:
        """Open a form, or return why not."""
        person, origin = Person(job.person, job.team), Origin(job.channel, job.thread)
        try:
            opened = self.desk.form(kind, name, person, origin)
        except (BotError, GitOpsError) as error:
            return _line_of(error)
        return self._show(opened, trigger, client)

    def _show(self, opened: Opened, trigger: str, client: WebClient) -> str:
        if opened.denied or opened.view is None:
            return text(opened.denied) if opened.denied else ""
        try:
            client.views_open(trigger_id=trigger, view=self.seal.form(opened.view))
        except FAULTS as error:
            reason = reason_of(error)
            _log.warning("form not opened error=%s", reason or type(error).__name__)
            if reason == "exchanged_trigger_id":  # the same delivery again: its form stands
                return ""
            return "The form could not be opened in time; type the command again."
        return ""

    def _put(self, job: Job) -> Kept:
        """Queue a job, unless its person has sent too many of late."""
        if not self.fairness.take(job.person):
            _log.warning("refused ref=%s person=%s error=too many commands", job.id, job.person)
            return Kept(fresh=False, refusal=TOO_MANY)
        try:
            fresh = self.queue.put(job)
        except (StoreUnavailableError, QueueFullError) as error:
            _log.warning("refused ref=%s error=%s", job.id, error)
            return Kept(fresh=False, refusal=refusal_of(error))
        if not fresh:  # what is new is logged by the worker that takes it
            _log.info("had already ref=%s way=%s", job.id, job.origin)
        return Kept(fresh)

    def _note(self, job: Job, act: str, ended: Ended, running: Running | None = None) -> None:
        """Keep in the audit log what ends here; everything else is noted by its worker."""
        account, detail = Account(act), ended.line
        if running:
            account = Account(act, running.environment, running.name)
            detail = f"answer {running.key}"
        entry = entry_of(job, account, self.clock.now(), ended.outcome, detail)
        self.audit.record(entry)

    def _whisper(self, job: Job, line: str, client: WebClient) -> None:
        place = Place(job.channel, job.thread, job.response_url)
        try:
            chat = SlackChat(client, self.clock)
            chat.whisper(place, Person(job.person, job.team), Usage(line))
        except BotError as error:
            _log.warning("unsaid ref=%s error=%s", job.id, error)


def _person(body: Body) -> Person:
    user = body["user"]
    return Person(user["id"], str(user.get("team_id") or body["team"]["id"]))


def _line_of(error: BotError | GitOpsError) -> str:
    """Return what a person is told; of a Redis that is away the same as for every other verb."""
    return refusal_of(error) if isinstance(error, StoreUnavailableError) else our_words(str(error))


def _in_thread(job: Job, proposals: Callable[[], Iterable[Proposal]]) -> bool:
    """Say whether a job was typed in the thread of a card; what cannot be known is not."""
    try:
        return any((p.channel, p.card) == (job.channel, job.thread) for p in proposals())
    except StoreUnavailableError as error:  # nobody spoke to us for certain, so nobody is told
        _log.warning("unheard ref=%s error=%s", job.id, error)
        return False


def _on_fields(view: Body, faults: Mapping[str, str]) -> dict[str, str]:
    """Return faults by fields that the form has; one that is about none stands on the first."""
    fields = [str(block["block_id"]) for block in view["blocks"] if block["type"] == "input"]
    return {field if field in fields else fields[0]: text for field, text in faults.items()}


def _nothing(ack: Ack) -> None:
    """Acknowledge what asks for nothing of ours."""
    ack()
