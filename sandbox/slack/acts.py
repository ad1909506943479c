"""What people do in Slack: type, mention, press, choose, submit and close.

Each act finds its target as a person would, is refused when that is not there, and returns what the
person then saw. Whether it travels over HTTP or Socket Mode is a matter of the app's settings.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sandbox.journal import Journal
from sandbox.slack.commands import Commands, Typed
from sandbox.slack.delivery import Delivery
from sandbox.slack.errors import NotThereError
from sandbox.slack.events import Events
from sandbox.slack.fields import chosen, complaints, fill, pressed
from sandbox.slack.interactions import Interactions
from sandbox.slack.payloads import Spot, action, block_actions, view_closed, view_submission
from sandbox.slack.records import Json, Message, View
from sandbox.slack.responses import Responses
from sandbox.slack.settings import AppSettings
from sandbox.slack.store import Store
from sandbox.slack.targets import (
    check_channel,
    check_person,
    element_of,
    field_of,
    spot_of,
    view_of,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person saw after an act.

    `status` is the app's HTTP status, 0 if it did not answer, -1 if nothing had to be sent.
    `notes` are texts only this person sees, `errors` stand under fields of the modal by block id,
    `words` is what Slack itself said, and `view` is the modal on the screen now. `ts` is the
    message that the act posted.
    """

    status: int = -1
    notes: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    words: str = ""
    view: str = ""
    ts: str = ""

    def as_json(self) -> Json:
        """Return it as builtins."""
        return asdict(self)


class People:
    """The people of one workspace. `settings` says how the app is reached."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        commands: Commands,
        interactions: Interactions,
        events: Events,
        responses: Responses,
    ) -> None:
        self.settings = AppSettings()
        self._store = store
        self._journal = journal
        self._commands = commands
        self._interactions = interactions
        self._events = events
        self._responses = responses

    def type(self, text: str, user: str, channel: str) -> Seen:
        """Type in the message box: `/command words`; words without a command get the first one.

        Raises:
            NotThereError: no such person or channel, or the app has no such command.
        """
        check_person(self._store, user)
        check_channel(self._store, user, channel)
        command, _, words = text.partition(" ")
        if not command.startswith("/"):
            command, words = min(self.settings.commands), text
        if command not in self.settings.commands:
            raise NotThereError(
                f"{command} is not a command; there is {', '.join(self.settings.commands)}"
            )
        before = self._notes(user)
        delivery = self._commands.send(Typed(command, words, user, channel), self.settings)
        return self._seen(user, before, delivery)

    def mention(self, text: str, user: str, channel: str, thread: str | None = None) -> Seen:
        """Post a message that begins with the app's name, and wait for the app to be told.

        Raises:
            NotThereError: no such person, channel or thread.
        """
        return self.say(f"<@{self._store.team.bot_user}> {text}", user, channel, thread)

    def say(self, text: str, user: str, channel: str, thread: str | None = None) -> Seen:
        """Post a message and wait for the app to be told, if it asked for such events.

        Raises:
            NotThereError: no such person, channel or thread.
        """
        check_person(self._store, user)
        check_channel(self._store, user, channel, thread)
        before = self._notes(user)
        message = self.post(text, user, channel, thread)
        told = self._events.first_deliveries(message.ts)
        return self._seen(user, before, told[0] if told else None, ts=message.ts)

    def post(self, text: str, user: str, channel: str, thread: str | None = None) -> Message:
        """Post a message and wait for nobody."""
        with self._store.lock:
            message = Message(self._store.new_ts(), user, text, thread)
            self._store.post(channel, message)
        said = {"channel": channel, "ts": message.ts, "thread_ts": thread}
        self._journal.add("slack", "message.said", ok=True, user=user, text=text, **said)
        return message

    def press(self, message: str, action_id: str, user: str, value: str | None = None) -> Seen:
        """Press a button in a message, a note or a modal, named by time stamp or view id.

        Raises:
            NotThereError: no such message, or no such button in it, or none with that value.
        """
        check_person(self._store, user)
        with self._store.lock:
            spot = spot_of(self._store, user, message)
            found = element_of(spot, action_id, value)
            button = pressed(found.element, value)
            done = action(self._store, found.element, found.block_id, button)
        return self._used(user, spot, done)

    def choose(self, view: str, action_id: str, value: object, user: str) -> Seen:
        """Choose an option, or type into a field and press enter, in a message or a modal.

        The app hears of it unless the field stands in an input block without `dispatch_action`.

        Raises:
            NotThereError: no such field or option.
        """
        check_person(self._store, user)
        with self._store.lock:
            spot = spot_of(self._store, user, view)
            found = field_of(spot, action_id)
            entered = chosen(found.element, value)
            if isinstance(spot.holder, View):
                fill(spot.holder, found.block_id, found.element, entered)
            if found.block["type"] == "input" and not found.block.get("dispatch_action"):
                return self._seen(user, self._notes(user), None)
            done = action(self._store, found.element, found.block_id, entered)
        return self._used(user, spot, done)

    def submit(self, view: str, values: Mapping[str, object], user: str) -> Seen:
        """Fill in fields, by action id or block id, and press the modal's submit button.

        Raises:
            NotThereError: no such modal on the screen, no submit button, no such field or option.
        """
        check_person(self._store, user)
        with self._store.lock:
            shown = view_of(self._store, user, view)
            if not shown.content.get("submit"):
                raise NotThereError(f"modal {shown.id} has no submit button")
            spot = spot_of(self._store, user, shown.id)
            for name, value in values.items():
                found = field_of(spot, name)
                fill(shown, found.block_id, found.element, chosen(found.element, value))
            shown.errors = complaints(shown)
            if shown.errors:
                return self._seen(user, self._notes(user), None)
            before, payload = self._notes(user), view_submission(self._store, user, shown)
        delivery = self._interactions.send(payload, self.settings)
        words = self._interactions.answer_submission(shown, delivery)
        return self._seen(user, before, delivery, words)

    def close(self, view: str, user: str) -> Seen:
        """Close a modal; the app hears of it if the modal says `notify_on_close`."""
        check_person(self._store, user)
        with self._store.lock:
            shown = view_of(self._store, user, view)
            every = bool(shown.content.get("clear_on_close"))
            payload = view_closed(self._store, user, shown, is_cleared=every)
        self._interactions.remove(shown, all_of_them=every)
        before, delivery = self._notes(user), None
        if shown.content.get("notify_on_close"):
            delivery = self._interactions.send(payload, self.settings)
        return self._seen(user, before, delivery)

    def _used(self, user: str, spot: Spot, done: Json) -> Seen:
        before, url = self._notes(user), ""
        if not isinstance(spot.holder, View):
            made = self._responses.open(user, spot.channel, spot.holder)
            url = f"{self._store.base_url}/respond/{made.id}"
        with self._store.lock:
            payload = block_actions(self._store, user, spot, done, url)
        delivery = self._interactions.send(payload, self.settings)
        return self._seen(user, before, delivery, delivery.failure)

    def _notes(self, user: str) -> list[str]:
        with self._store.lock:
            return [note.ts for note in self._store.ephemerals if note.user == user]

    def _seen(
        self,
        user: str,
        before: list[str],
        delivery: Delivery | None,
        words: str = "",
        ts: str = "",
    ) -> Seen:
        with self._store.lock:
            mine = [note for note in self._store.ephemerals if note.user == user]
            views = [view for view in self._store.views if view.user == user]
            return Seen(
                status=-1 if delivery is None else delivery.status,
                notes=tuple(note.text for note in mine if note.ts not in before),
                errors=dict(views[-1].errors) if views else {},
                words=words,
                view=views[-1].id if views else "",
                ts=ts,
            )
