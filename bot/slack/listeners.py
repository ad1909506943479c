"""Edge: Slack's requests become jobs. A listener only writes to the queue and returns.

Only what Slack binds to the moment is answered here, from memory: which form opens, its line on
fit, and what is wrong with its fields.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.chat import Person
from bot.errors import BotError, QueueFullError, StoreUnavailableError, StoreUncertainError
from bot.slack import forms, intake
from bot.slack.desk import BARE, Desk, Opened
from bot.slack.escaping import escape, quote
from bot.slack.forms import Origin
from bot.slack.wording import text
from bot.store import Job, Queue
from gitops.clock import Clock
from gitops.errors import GitOpsError

KINDS = ("deploy", "update", "undeploy", "ask")
"""The forms."""

FOLLOWED = ("model", "engine", "environment", "tensor")
"""Fields whose change brings the line on fit up to date."""

Body = Mapping[str, Any]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether a job was new, or why it was not kept."""

    fresh: bool
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """What listeners reach. `cancel` stops the answer of a question."""

    queue: Queue
    desk: Desk
    cancel: Callable[[str], None]
    clock: Clock

    def register(self, app: App) -> None:
        """Register every listener of the app; each payload that Slack sends us has one."""
        app.command("/llm")(self._command)
        app.event("app_mention")(self._mention)
        for act in (*KINDS, "status"):
            app.action(f"leadline:{act}")(self._button(act))
        app.action("leadline:cancel")(self._cancel)
        for field in FOLLOWED:
            app.action(field)(self._follow)
        for kind in KINDS:
            app.view(f"leadline:{kind}")(self._sent(kind))

    def _command(self, ack: Ack, body: Body, client: WebClient) -> None:
        job = intake.of_command(body, self.clock.now())
        if found := BARE.match(job.text):
            kind, name = found[1] or found[2], found[3] or ""
            ack(self._open(kind, name, job, body["trigger_id"], client))
            return
        kept = self._put(job)
        shown = f":hourglass_flowing_sand: {quote('/llm ' + job.text)} (ref {job.id})"
        ack(kept.refusal or (shown if kept.fresh else ""))

    def _mention(self, ack: Ack, body: Body) -> None:
        ack()
        if job := intake.of_mention(body, self.clock.now()):
            self._put(job)

    def _button(self, act: str) -> Callable[..., None]:
        def press(ack: Ack, body: Body, client: WebClient) -> None:
            ack()
            name = body["actions"][0]["value"]
            job = intake.of_button(body, f"{act} {name}", self.clock.now())
            if act == "status":
                line = self._put(job).refusal
            else:
                line = self._open(act, name, job, body["trigger_id"], client)
            if line:
                self._whisper(job, line, client)

        return press

    def _cancel(self, ack: Ack, body: Body) -> None:
        ack()
        try:
            self.cancel(body["actions"][0]["value"])
        except StoreUnavailableError as error:
            _log.warning("cancel lost error=%s", error)

    def _follow(self, ack: Ack, body: Body, client: WebClient) -> None:
        ack()
        view = body["view"]
        kind, origin = view["callback_id"].rpartition(":")[2], forms.origin_of(view)
        line = self.desk.fit(kind, forms.values_of(view), _person(body), origin)
        shown = forms.with_fit(view, line)
        client.views_update(view_id=view["id"], hash=view["hash"], view=shown)

    def _sent(self, kind: str) -> Callable[..., None]:
        def send(ack: Ack, body: Body) -> None:
            view, person = body["view"], _person(body)
            values, origin = forms.values_of(view), forms.origin_of(view)
            try:
                faults = self.desk.faults(kind, values, person, origin)
                typed = "" if faults else self.desk.command(kind, values, person, origin)
            except (BotError, GitOpsError) as error:
                faults, typed = {_first_field(view): str(error)[:300]}, ""
            if not faults:
                job = intake.of_form(body, typed, origin, self.clock.now())
                refusal = self._put(job).refusal
                faults = {_first_field(view): refusal} if refusal else {}
            if faults:
                ack(response_action="errors", errors=faults)
            else:
                ack()

        return send

    def _open(self, kind: str, name: str, job: Job, trigger: str, client: WebClient) -> str:
        """Open a form, or return why not."""
        person, origin = Person(job.person, job.team), Origin(job.channel, job.thread)
        try:
            opened = self.desk.form(kind, name, person, origin)
        except (BotError, GitOpsError) as error:
            return escape(str(error))
        return self._show(opened, trigger, client)

    def _show(self, opened: Opened, trigger: str, client: WebClient) -> str:
        if opened.denied:
            return text(opened.denied)
        try:
            client.views_open(trigger_id=trigger, view=opened.view or {})
        except (SlackClientError, OSError) as error:
            _log.warning("form not opened error=%s", type(error).__name__)
            return "The form could not be opened in time; type the command again."
        return ""

    def _put(self, job: Job) -> Kept:
        """Queue a job."""
        try:
            fresh = self.queue.put(job)
        except (StoreUnavailableError, QueueFullError) as error:
            _log.warning("refused ref=%s error=%s", job.id, error)
            return Kept(fresh=False, refusal=_refusal(error))
        _log.info("queued ref=%s way=%s fresh=%s", job.id, job.origin, fresh)
        return Kept(fresh)

    def _whisper(self, job: Job, line: str, client: WebClient) -> None:
        try:
            client.chat_postEphemeral(
                channel=job.channel, user=job.person, thread_ts=job.thread, text=line
            )
        except (SlackClientError, OSError) as error:
            _log.warning("unsaid ref=%s error=%s", job.id, type(error).__name__)


def _person(body: Body) -> Person:
    user = body["user"]
    return Person(user["id"], str(user.get("team_id") or body["team"]["id"]))


def _first_field(view: Body) -> str:
    """Return the block id of a form's first field: where an error stands that is about none."""
    return next(str(block["block_id"]) for block in view["blocks"] if block["type"] == "input")


def _refusal(error: StoreUnavailableError | QueueFullError) -> str:
    if isinstance(error, QueueFullError):
        return "Too many commands wait already; nothing was done. Try again in a few minutes."
    if isinstance(error, StoreUncertainError):
        return "Your command may not have been kept. If nothing follows in a minute, try again."
    return "Leadline cannot take commands now; nothing was done. Try again in a minute."
