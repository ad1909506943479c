"""Messages, channels, people, modals and files as the Web API and payloads send them.

Sources: docs.slack.dev, the answers of conversations.history, conversations.replies,
conversations.info, users.info and views.open; reference/objects.
"""

from sandbox.slack.records import File, Json, Message, View
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
    if message.files:
        found["files"] = [file_json(store, store.files[file]) for file in message.files]
        found["upload"] = False
    if message.is_tombstone:
        found["subtype"] = "tombstone"
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


def person_json(store: Store, user: str) -> Json:
    """Return one person, as users.info does."""
    name = store.team.people[user]
    return {
        "id": user,
        "team_id": store.team.id,
        "name": name,
        "real_name": name.title(),
        "deleted": user in store.team.deactivated,
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "profile": {
            "real_name": name.title(),
            "display_name": name,
            "email": f"{name}@{store.team.domain}.test",
            "team": store.team.id,
        },
        "is_admin": False,
        "is_owner": False,
        "is_restricted": False,
        "is_bot": False,
        "is_app_user": False,
    }


def view_json(store: Store, view: View) -> Json:
    """Return one modal, as views.open and the payloads of interactions do."""
    given = view.content
    return {
        "id": view.id,
        "team_id": store.team.id,
        "type": "modal",
        "blocks": given["blocks"],
        "private_metadata": given.get("private_metadata", ""),
        "callback_id": given.get("callback_id", ""),
        "state": {"values": view.values},
        "hash": view.hash,
        "title": given["title"],
        "clear_on_close": bool(given.get("clear_on_close")),
        "notify_on_close": bool(given.get("notify_on_close")),
        "close": given.get("close"),
        "submit": given.get("submit"),
        "previous_view_id": None,
        "root_view_id": view.id,
        "app_id": store.team.app_id,
        "external_id": given.get("external_id", ""),
        "app_installed_team_id": store.team.id,
        "bot_id": store.team.bot_id,
    }


def file_json(store: Store, file: File) -> Json:
    """Return one file; its private URL is for show, nothing answers there."""
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title or file.name,
        "size": file.size,
        "user": store.team.bot_user,
        "mode": "hosted",
        "url_private": f"https://files.slack.com/files-pri/{store.team.id}-{file.id}/{file.name}",
        "channels": file.channels,
    }
