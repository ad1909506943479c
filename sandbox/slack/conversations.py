"""conversations.history, .replies, .info and .open, after docs.slack.dev.

History goes from the newest to the oldest and leaves replies out unless they were broadcast;
replies go from the oldest to the newest, and the parent opens the first page.
"""

import base64
import binascii
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from sandbox.slack.calls import Call
from sandbox.slack.errors import RefusedError
from sandbox.slack.objects import channel_json, message_json
from sandbox.slack.records import Json, Message
from sandbox.slack.store import Store

_MOST_USERS = 8


def history(store: Store, call: Call) -> Json:
    """conversations.history."""
    channel = store.joined(call.text("channel"))
    seen = [m for m in store.messages[channel] if not m.is_reply or m.broadcast]
    inside = _window(call)
    window = [m for m in reversed(seen) if inside(m.ts)]
    return _page(store, call, channel, window, call.number("limit", 100, 999))


def replies(store: Store, call: Call) -> Json:
    """conversations.replies."""
    channel = store.joined(call.text("channel"))
    parent, *rest = store.thread(channel, call.text("ts"))
    inside = _window(call)
    window = [parent, *(m for m in rest if inside(m.ts))]
    return _page(store, call, channel, window, call.number("limit", 1000, 1000))


def info(store: Store, call: Call) -> Json:
    """conversations.info."""
    return {"channel": channel_json(store, store.known(call.text("channel")))}


def open_direct(store: Store, call: Call) -> Json:
    """conversations.open with one person: a direct message; with more it is refused here."""
    users = [name for name in call.text("users").split(",") if name]
    if not users and not call.maybe("channel"):
        raise RefusedError("users_list_not_supplied")
    if len(users) > _MOST_USERS:
        raise RefusedError("too_many_users")
    if len(users) > 1:
        raise RefusedError("method_not_supported_for_channel_type")
    channel = _direct(store, users[0]) if users else _resumed(store, call.text("channel"))
    whole = call.flag("return_im")
    return {"channel": channel_json(store, channel) if whole else {"id": channel}}


def _direct(store: Store, user: str) -> str:
    if user not in store.team.people:
        raise RefusedError("user_not_found")
    if user in store.team.deactivated:
        raise RefusedError("user_disabled")
    return store.direct(user)


def _resumed(store: Store, channel: str) -> str:
    if not store.channels[store.known(channel)].is_im:
        raise RefusedError("method_not_supported_for_channel_type")
    return channel


def _window(call: Call) -> Callable[[str], bool]:
    oldest, latest = _bound(call, "oldest", 0), _bound(call, "latest", 10**12)
    if call.flag("inclusive"):
        return lambda ts: oldest <= Decimal(ts) <= latest
    return lambda ts: oldest < Decimal(ts) < latest


def _bound(call: Call, name: str, otherwise: int) -> Decimal:
    try:
        found = Decimal(call.maybe(name) or otherwise)
    except InvalidOperation as error:
        raise RefusedError(f"invalid_ts_{name}") from error
    if not found.is_finite():
        raise RefusedError(f"invalid_ts_{name}")
    return found


def _page(store: Store, call: Call, channel: str, window: list[Message], limit: int) -> Json:
    start = _position(call, window)
    page, left = window[start : start + limit], window[start + limit :]
    metadata = call.flag("include_all_metadata")
    found: Json = {
        "messages": [message_json(store, channel, m, with_metadata=metadata) for m in page],
        "has_more": bool(left),
    }
    if left:
        found["response_metadata"] = {"next_cursor": _cursor(left[0].ts)}
    return found


def _cursor(ts: str) -> str:
    return base64.b64encode(f"next_ts:{ts}".encode()).decode()


def _position(call: Call, window: list[Message]) -> int:
    cursor = call.maybe("cursor")
    if cursor is None:
        return 0
    try:
        ts = base64.b64decode(cursor, validate=True).decode().removeprefix("next_ts:")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RefusedError("invalid_cursor") from error
    for number, message in enumerate(window):
        if message.ts == ts:
            return number
    raise RefusedError("invalid_cursor")
