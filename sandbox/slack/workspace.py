"""A Slack workspace with Leadline in it: the state, the server, and the acts of its people."""

from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from sandbox.clock import Time
from sandbox.journal import Journal
from sandbox.serving import World
from sandbox.slack import files, streams
from sandbox.slack.acts import People
from sandbox.slack.commands import Commands, Typed
from sandbox.slack.delivery import Courier, Delivery, Kind, Parcel
from sandbox.slack.events import Events
from sandbox.slack.interactions import Interactions
from sandbox.slack.limits import Limits
from sandbox.slack.records import Json, Team
from sandbox.slack.responses import Responses
from sandbox.slack.settings import AppSettings
from sandbox.slack.sockets import Sockets
from sandbox.slack.store import Store
from sandbox.slack.troubles import Trouble
from sandbox.slack.webapi import WebApi

_API = "/api/"
_RESPOND = "/respond/"


class Workspace:
    """One workspace. Set `base_url` to the server's address before delivering commands.

    `people` act in it; `sockets` are the Socket Mode connections of its app.
    """

    def __init__(
        self, time: Time, journal: Journal, team: Team, limits: Limits | None = None
    ) -> None:
        self._journal = journal
        self._store = Store(time, team, limits or Limits.none())
        self._api = WebApi(self._store, journal)
        self._responses = Responses(self._store, journal)
        self.sockets = Sockets(team.app_id, journal)
        self.courier = Courier(self._store, self.sockets)
        self._events = Events(self._store, self.courier, journal)
        self._commands = Commands(self._store, self._responses, journal, self.courier)
        interactions = Interactions(self._store, journal, self.courier)
        self.people = People(
            self._store, journal, self._commands, interactions, self._events, self._responses
        )
        self._store.on_post = self._events.posted

    @property
    def base_url(self) -> str:
        """The address of this workspace's HTTP server, without a slash at the end."""
        return self._store.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self._store.base_url = url

    @property
    def settings(self) -> AppSettings:
        """How the app is reached, and the events it asked for."""
        return self.people.settings

    def configure(self, settings: AppSettings) -> None:
        """Change how the app is reached; HTTP and Socket Mode run the same acts.

        Raises:
            ValueError: an event that is unknown, or for which the app has no scope.
        """
        settings.check(self._store.team.bot_scopes)
        if self.settings.socket_mode and not settings.socket_mode:
            self.sockets.disconnect("link_disabled")
        self.people.settings = self._events.settings = settings

    def verify_request_url(self) -> bool:
        """Send the request URL a `url_verification`; return whether its challenge came back.

        Source: docs.slack.dev/reference/events/url_verification.
        """
        challenge = self._store.new_id("challenge-")
        payload = {"token": "verification-token-of-old", "type": "url_verification"}
        parcel = Parcel("events_api", payload | {"challenge": challenge})
        delivery = self.courier.carry(parcel, self.settings)
        ok = not delivery.failure and challenge in delivery.body
        self._journal.add("slack", "url.verified", ok=ok, status=delivery.status)
        return ok

    def start(self, socket_port: int = 0) -> None:
        """Open Socket Mode on loopback (port 0: a free one) and begin to deliver events."""
        self.sockets.start(socket_port)
        self._store.new_socket_url = self.sockets.new_url
        self._events.start()

    def stop(self) -> None:
        """Close the connections and deliver no more events."""
        self._store.new_socket_url = None
        self.sockets.stop()
        self._events.stop()

    def world(self) -> World:
        """Return the server of this workspace."""
        return World("slack", call_of, self.answer)

    def answer(self, request: Request) -> Response:
        """Answer one request: a Web API method, a response URL or an upload address."""
        if request.path.startswith(_API):
            return self._api.answer(request, request.path.removeprefix(_API))
        if request.path.startswith(_RESPOND) and request.method == "POST":
            return self._responses.answer(request, request.path.removeprefix(_RESPOND))
        if request.path.startswith(files.UPLOAD) and request.method == "POST":
            return files.receive(self._store, request, request.path.removeprefix(files.UPLOAD))
        self._journal.add("slack", call_of(request), ok=False, error="not_found")
        return Response("not_found", 404, mimetype="text/plain")

    def state(self) -> Json:
        """Return channels with messages, ephemerals, views, files and responses, as builtins."""
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
        typed = Typed(command, text, user_id, channel_id)
        return self._commands.send(typed, AppSettings(request_url=url))

    def deliver(self, kind: Kind, payload: Json) -> Delivery:
        """Send the app a payload of the caller's making, signed: a replay, or a forgery."""
        return self.courier.carry(Parcel(kind, payload), self.settings)

    def signed_headers(self, body: bytes) -> dict[str, str]:
        """Return the headers that Slack would send with this body."""
        return self.courier.signed_headers(body)

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Json:
        """Let a person post a message; return it as in `state()`."""
        return self.people.post(text, user, channel, thread_ts).as_state()

    def delete_message(self, channel: str, ts: str) -> None:
        """Let an administrator delete a message."""
        with self._store.lock:
            self._store.remove(channel, ts)
        self._journal.add("slack", "message.deleted", ok=True, channel=channel, ts=ts)

    def trouble(
        self,
        call: str,
        error: str,
        nth: int = 1,
        times: int = 1,
        *,
        has_acted: bool = False,
        retry_after: int = 0,
    ) -> None:
        """Let the nth call of a method (a regular expression) be refused; see `Trouble`."""
        with self._store.lock:
            self._api.troubles.arm(Trouble(call, error, nth, times, has_acted, retry_after))

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
    """Name a request: the method of the Web API, `respond` or `upload`."""
    if request.path.startswith(_API):
        return request.path.removeprefix(_API)
    if request.path.startswith(_RESPOND):
        return "respond"
    if request.path.startswith(files.UPLOAD):
        return "upload"
    return f"{request.method} {request.path}"
