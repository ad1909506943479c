"""What a workspace holds: team, channels, messages and notes for one person.

Shapes follow docs.slack.dev: reference/events/message and reference/objects/conversation-object.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]

BOT_SCOPES = frozenset(
    {
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "users:read",
    }
)


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation and the bot's standing in it; `is_im` is a direct message."""

    name: str
    is_member: bool = True
    is_private: bool = False
    is_archived: bool = False
    is_im: bool = False


@dataclass(frozen=True, slots=True)
class Team:
    """One workspace with Leadline installed: people and channels by id, tokens and secret."""

    bot_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    people: Mapping[str, str]
    channels: Mapping[str, Channel]
    bot_scopes: frozenset[str] = BOT_SCOPES
    more_tokens: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    id: str = "T0ACME0001"
    name: str = "Acme"
    domain: str = "acme"
    bot_user: str = "U0LEADLINE"
    bot_name: str = "leadline"
    bot_id: str = "B0LEADLINE"
    app_id: str = "A0LEADLINE"

    def scopes(self, token: str) -> frozenset[str] | None:
        """Return what a token may do; None if nobody issued it."""
        return {self.bot_token: self.bot_scopes, **self.more_tokens}.get(token)


@dataclass(slots=True)
class Stream:
    """A message that is still being written: how, since when, and who stopped it."""

    touched: float
    mode: Literal["markdown_text", "chunks"] | None = None
    stopped_by: str | None = None


@dataclass(slots=True)
class Message:
    """A message in a channel; `edited` counts the updates."""

    ts: str
    user: str
    text: str
    thread_ts: str | None = None
    blocks: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    broadcast: bool = False
    edited: int = 0
    edited_ts: str | None = None
    chunks: list[Json] = field(default_factory=list)
    stream: Stream | None = None

    @property
    def is_reply(self) -> bool:
        """Say whether it stands in somebody else's thread."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def as_state(self) -> Json:
        """Return what tests look at."""
        return {
            "ts": self.ts,
            "thread_ts": self.thread_ts,
            "user": self.user,
            "text": self.text,
            "blocks": self.blocks,
            "metadata": self.metadata,
            "broadcast": self.broadcast,
            "edited": self.edited,
            "chunks": self.chunks,
            "streaming": self.stream is not None,
        }


@dataclass(slots=True)
class Ephemeral:
    """A note that one person sees; `source` is the call that brought it."""

    ts: str
    channel: str
    user: str
    text: str
    source: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
