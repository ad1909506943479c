"""The state of one workspace, in memory; callers hold `lock` over each act."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sandbox.clock import Time
from sandbox.slack.errors import RefusedError
from sandbox.slack.limits import Limits
from sandbox.slack.records import Channel, Ephemeral, Json, Message, Team

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Store:
    """Channels with their messages, and the notes that single persons saw."""

    def __init__(self, time: Time, team: Team, limits: Limits) -> None:
        self.time = time
        self.team = team
        self.limits = limits
        self.lock = threading.RLock()
        self.channels: dict[str, Channel] = dict(team.channels)
        self.messages: dict[str, list[Message]] = {name: [] for name in team.channels}
        self.ephemerals: list[Ephemeral] = []
        self._last = 0

    def new_ts(self) -> str:
        """Return a time stamp that no message has and that is above all others."""
        self._last = max(self._last + 1, (self.time.now() - _EPOCH) // _MICROSECOND)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def known(self, channel: str) -> str:
        """Return the id of a channel the bot can see; a person's id opens a direct message."""
        if channel in self.team.people:
            channel = self._direct(channel)
        found = self.channels.get(channel)
        if found is None or (found.is_private and not found.is_member):
            raise RefusedError("channel_not_found")
        return channel

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
        return message

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
        }

    def _direct(self, user: str) -> str:
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
