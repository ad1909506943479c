"""The state of one workspace, in memory; callers hold `lock` over each act."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sandbox.clock import Time
from sandbox.slack.errors import RefusedError
from sandbox.slack.limits import Limits
from sandbox.slack.records import Channel, Ephemeral, File, Json, Message, Team, View
from sandbox.slack.triggers import Triggers

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Store:
    """Channels with their messages, notes and modals that single persons saw, and files.

    `base_url` is where the HTTP server stands, `new_socket_url` gives one Socket Mode address, and
    `on_post` is told of each new message.
    """

    def __init__(self, time: Time, team: Team, limits: Limits) -> None:
        self.time = time
        self.team = team
        self.limits = limits
        self.lock = threading.RLock()
        self.channels: dict[str, Channel] = dict(team.channels)
        self.messages: dict[str, list[Message]] = {name: [] for name in team.channels}
        self.ephemerals: list[Ephemeral] = []
        self.views: list[View] = []  # those on a screen, the newest last
        self.files: dict[str, File] = {}
        self.triggers = Triggers(time, limits.trigger_life, team.id)
        self.base_url = ""
        self.new_socket_url: Callable[[], str] | None = None
        self.on_post: Callable[[str, Message], None] = lambda _channel, _message: None
        self._numbers = itertools.count(1)
        self._last = 0

    def new_ts(self) -> str:
        """Return a time stamp that no message has and that is above all others."""
        self._last = max(self._last + 1, (self.time.now() - _EPOCH) // _MICROSECOND)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def new_id(self, letter: str) -> str:
        """Return an id that nothing has: a letter and a number, such as `V00000003`."""
        return f"{letter}{next(self._numbers):08d}"

    def known(self, channel: str) -> str:
        """Return the id of a channel the bot can see; a person's id is none."""
        found = self.channels.get(channel)
        if found is None or (found.is_private and not found.is_member):
            raise RefusedError("channel_not_found")
        return channel

    def addressed(self, channel: str) -> str:
        """Return where a message goes that may be addressed to a person: to a direct message."""
        return self.direct(channel) if channel in self.team.people else channel

    def joined(self, channel: str) -> str:
        """Return the id of a channel the bot is in."""
        channel = self.known(channel)
        if not self.channels[channel].is_member:
            raise RefusedError("not_in_channel")
        return channel

    def writable(self, channel: str) -> str:
        """Return the id of a channel the bot may post to."""
        channel = self.joined(channel)
        if self.channels[channel].is_archived:
            raise RefusedError("is_archived")
        return channel

    def message(self, channel: str, ts: str, otherwise: str = "message_not_found") -> Message:
        """Return one message, or refuse."""
        for message in self.messages[channel]:
            if message.ts == ts:
                return message
        raise RefusedError(otherwise)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Return the parent and its replies, oldest first; `ts` may be any message of it."""
        found = self.message(channel, ts, otherwise="thread_not_found")
        root = found.thread_ts or found.ts
        return [m for m in self.messages[channel] if root in (m.ts, m.thread_ts)]

    def post(self, channel: str, message: Message) -> Message:
        """Append a message; its thread must exist."""
        if message.thread_ts is not None:
            parent = self.thread(channel, message.thread_ts)[0]
            message.thread_ts = parent.ts
        self.messages[channel].append(message)
        self.on_post(channel, message)
        return message

    def remove(self, channel: str, ts: str) -> None:
        """Delete a message; one with replies stays as a tombstone, as in Slack."""
        message = self.message(channel, ts)
        if any(m.is_reply and m.thread_ts == ts for m in self.messages[channel]):
            message.text, message.user = "This message was deleted.", "USLACKBOT"
            message.blocks, message.metadata, message.is_tombstone = [], None, True
        else:
            self.messages[channel].remove(message)

    def is_seen_by(self, user: str, channel: str) -> bool:
        """Say whether a person can be in a channel: of direct messages, only in their own."""
        return not self.channels[channel].is_im or channel == f"D{user[1:]}"

    def change(self, channel: str, *, is_member: bool, is_archived: bool) -> None:
        """Change the bot's standing in a channel."""
        found = self.channels[channel]
        self.channels[channel] = replace(found, is_member=is_member, is_archived=is_archived)

    def snapshot(self) -> Json:
        """Return everything as builtins."""
        return {
            "channels": {
                name: {
                    "name": channel.name,
                    "messages": [m.as_state() for m in self.messages[name]],
                }
                for name, channel in self.channels.items()
            },
            "ephemerals": [_ephemeral(note) for note in self.ephemerals],
            "views": [view.as_state() for view in self.views],
            "files": [file.as_state() for file in self.files.values()],
        }

    def direct(self, user: str) -> str:
        """Return the id of the direct message with a person, opened if need be."""
        channel = f"D{user[1:]}"
        if channel not in self.channels:
            self.channels[channel] = Channel(name=user, is_im=True)
            self.messages[channel] = []
        return channel


def _ephemeral(note: Ephemeral) -> Json:
    return {
        "ts": note.ts,
        "channel": note.channel,
        "user": note.user,
        "text": note.text,
        "blocks": note.blocks,
        "thread_ts": note.thread_ts,
        "source": note.source,
    }
