"""A Slack workspace with Leadline in it: the state, the server, and the acts of its people."""

from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from sandbox.clock import Time
from sandbox.journal import Journal
from sandbox.serving import World
from sandbox.slack import streams
from sandbox.slack.delivery import Deliveries, Delivery, Typed
from sandbox.slack.limits import Limits
from sandbox.slack.records import Json, Message, Team
from sandbox.slack.responses import Responses
from sandbox.slack.store import Store
from sandbox.slack.webapi import WebApi

_API = "/api/"
_RESPOND = "/respond/"


class Workspace:
    """One workspace. Set `base_url` to the server's address before delivering commands."""

    def __init__(
        self, time: Time, journal: Journal, team: Team, limits: Limits | None = None
    ) -> None:
        self.base_url = ""
        self._journal = journal
        self._store = Store(time, team, limits or Limits.none())
        self._api = WebApi(self._store, journal)
        self._responses = Responses(self._store, journal)
        self.deliveries = Deliveries(self._store, self._responses, journal)

    def world(self) -> World:
        """Return the server of this workspace."""
        return World("slack", call_of, self.answer)

    def answer(self, request: Request) -> Response:
        """Answer one request: a Web API method or a response URL."""
        if request.path.startswith(_API):
            return self._api.answer(request, request.path.removeprefix(_API))
        if request.path.startswith(_RESPOND) and request.method == "POST":
            return self._responses.answer(request, request.path.removeprefix(_RESPOND))
        self._journal.add("slack", call_of(request), ok=False, error="not_found")
        return Response("not_found", 404, mimetype="text/plain")

    def state(self) -> Json:
        """Return channels with messages, ephemerals and responses, as builtins."""
        with self._store.lock:
            return {**self._store.snapshot(), "responses": self._responses.snapshot()}

    def messages(self, channel: str, wanted: Callable[[Json], bool] = lambda _: True) -> list[Json]:
        """Return a channel's messages that are wanted, as in `state()`, oldest first."""
        with self._store.lock:
            shown = [message.as_state() for message in self._store.messages[channel]]
        return [message for message in shown if wanted(message)]

    def deliver_command(
        self, url: str, text: str, user_id: str, channel_id: str, command: str = "/llm"
    ) -> Delivery:
        """Type a slash command: POST it signed to the app's URL, waiting three real seconds."""
        if not self.base_url:
            raise RuntimeError("set Workspace.base_url first: response URLs start with it")
        return self.deliveries.send(url, Typed(command, text, user_id, channel_id), self.base_url)

    def signed_headers(self, body: bytes) -> dict[str, str]:
        """Return the headers that Slack would send with this body."""
        return self.deliveries.signed_headers(body)

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Json:
        """Let a person post a message; return it as in `state()`."""
        with self._store.lock:
            message = Message(self._store.new_ts(), user, text, thread_ts)
            shown = self._store.post(channel, message).as_state()
        said = {"channel": channel, "ts": message.ts, "thread_ts": thread_ts}
        self._journal.add("slack", "message.said", ok=True, user=user, text=text, **said)
        return shown

    def delete_message(self, channel: str, ts: str) -> None:
        """Let an administrator delete a message."""
        with self._store.lock:
            self._store.messages[channel].remove(self._store.message(channel, ts))
        self._journal.add("slack", "message.deleted", ok=True, channel=channel, ts=ts)

    def change_channel(
        self, channel: str, *, is_member: bool = True, is_archived: bool = False
    ) -> None:
        """Kick the bot out of a channel or archive it, and back."""
        with self._store.lock:
            self._store.change(channel, is_member=is_member, is_archived=is_archived)
        now = {"is_member": is_member, "is_archived": is_archived}
        self._journal.add("slack", "channel.changed", ok=True, channel=channel, **now)

    def stop_stream(self, user: str, channel: str, ts: str) -> None:
        """Let the person who reads a stream press stop."""
        with self._store.lock:
            streams.stop_by_person(self._store, channel, ts, user)
        self._journal.add("slack", "stream.stopped", ok=True, user=user, channel=channel, ts=ts)


def call_of(request: Request) -> str:
    """Name a request: the method of the Web API, or `respond`."""
    if request.path.startswith(_API):
        return request.path.removeprefix(_API)
    if request.path.startswith(_RESPOND):
        return "respond"
    return f"{request.method} {request.path}"
