"""What a workspace holds: team, channels, messages, notes for one person, modals and files.

Shapes follow docs.slack.dev: reference/events/message, reference/objects/conversation-object,
reference/views and reference/objects/file-object.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]

APP_SCOPES = frozenset({"connections:write"})
"""What the app-level token may do: open Socket Mode connections, nothing else."""

BOT_SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "usergroups:read",
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
    """One workspace with Leadline installed: people, groups and channels by id, tokens, secret.

    `deactivated` names people whose accounts were closed. An empty `app_token` opens nothing.
    """

    bot_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    people: Mapping[str, str]
    channels: Mapping[str, Channel]
    bot_scopes: frozenset[str] = BOT_SCOPES
    more_tokens: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    app_token: str = field(default="", repr=False)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deactivated: frozenset[str] = frozenset()
    id: str = "T0ACME0001"
    name: str = "Acme"
    domain: str = "acme"
    bot_user: str = "U0LEADLINE"
    bot_name: str = "leadline"
    bot_id: str = "B0LEADLINE"
    app_id: str = "A0LEADLINE"

    def scopes(self, token: str) -> frozenset[str] | None:
        """Return what a token may do; None if nobody issued it."""
        issued = {self.bot_token: self.bot_scopes, **self.more_tokens}
        if self.app_token:
            issued[self.app_token] = APP_SCOPES
        return issued.get(token)


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
    files: list[str] = field(default_factory=list)
    is_tombstone: bool = False

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
            "files": self.files,
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


@dataclass(slots=True)
class View:
    """A modal on one person's screen: what the app sent, and what the person filled in.

    `values` is keyed by block and action, as Slack's `state.values` is; `errors` by block.
    """

    id: str
    user: str
    content: Json
    hash: str
    values: dict[str, dict[str, Json]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def as_state(self) -> Json:
        """Return what tests look at."""
        return {
            "id": self.id,
            "user": self.user,
            "hash": self.hash,
            "values": self.values,
            "errors": self.errors,
            **self.content,
        }


@dataclass(slots=True)
class File:
    """A file on its way or shared; `content` is None until its bytes have come."""

    id: str
    name: str
    size: int
    ticket: str
    title: str = ""
    content: bytes | None = None
    channels: list[str] = field(default_factory=list)

    def as_state(self) -> Json:
        """Return what tests look at; bytes that are no UTF-8 are replaced."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": self.size,
            "channels": self.channels,
            "content": None if self.content is None else self.content.decode("utf-8", "replace"),
        }
