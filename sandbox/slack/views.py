"""Messages and channels as the Web API sends them.

Source: docs.slack.dev, conversations.history, conversations.replies and conversations.info.
"""

from sandbox.slack.records import Json, Message
from sandbox.slack.store import Store


def message_json(
    store: Store, channel: str, message: Message, *, with_metadata: bool = True
) -> Json:
    """Return one message."""
    team = store.team
    found: Json = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": team.id,
    }
    if message.user == team.bot_user:
        found |= {"bot_id": team.bot_id, "app_id": team.app_id}
    if message.blocks:
        found["blocks"] = message.blocks
    if message.edited_ts:
        found["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.metadata and with_metadata:
        found["metadata"] = message.metadata
    return found | _threading(store, channel, message)


def _threading(store: Store, channel: str, message: Message) -> Json:
    if message.is_reply:
        parent = store.message(channel, str(message.thread_ts))
        more = {"subtype": "thread_broadcast"} if message.broadcast else {}
        return {"thread_ts": parent.ts, "parent_user_id": parent.user, **more}
    replies = [m for m in store.messages[channel] if m.is_reply and m.thread_ts == message.ts]
    if not replies:
        return {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": sorted({m.user for m in replies}),
        "latest_reply": replies[-1].ts,
    }


def channel_json(store: Store, channel: str) -> Json:
    """Return one channel."""
    found = store.channels[channel]
    return {
        "id": channel,
        "name": found.name,
        "name_normalized": found.name,
        "is_channel": not found.is_im and not found.is_private,
        "is_group": found.is_private,
        "is_im": found.is_im,
        "is_private": found.is_private or found.is_im,
        "is_archived": found.is_archived,
        "is_member": found.is_member,
        "context_team_id": store.team.id,
    }
