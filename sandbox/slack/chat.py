"""chat.postMessage, update, postEphemeral, delete and getPermalink, after docs.slack.dev.

Text is kept as given: Slack escapes nothing itself. A post truncates at 40,000 characters,
an update refuses above 4,000.
"""

from typing import Any

from sandbox.slack.blocks import check_blocks
from sandbox.slack.calls import Call
from sandbox.slack.errors import RefusedError
from sandbox.slack.objects import message_json
from sandbox.slack.records import Ephemeral, Json, Message
from sandbox.slack.store import Store

_TRUNCATED_AT = 40_000
_MOST_OF_AN_UPDATE = 4_000
MOST_MARKDOWN = 12_000


def post_message(store: Store, call: Call) -> Json:
    """chat.postMessage; a person's id in place of a channel opens a direct message."""
    channel = store.writable(store.addressed(call.text("channel")))
    text, blocks = _content(call)
    message = Message(
        ts=store.new_ts(),
        user=store.team.bot_user,
        text=text[:_TRUNCATED_AT],
        thread_ts=call.maybe("thread_ts"),
        blocks=blocks,
        metadata=checked_metadata(call.arguments.get("metadata")),
        broadcast=call.flag("reply_broadcast"),
    )
    store.post(channel, message)
    return {"channel": channel, "ts": message.ts, "message": message_json(store, channel, message)}


def update(store: Store, call: Call) -> Json:
    """chat.update: what is not given stays, except blocks, which new text removes."""
    channel = store.known(call.text("channel"))
    if store.channels[channel].is_archived:
        raise RefusedError("is_inactive")
    message = store.message(channel, call.text("ts"))
    _check_editable(store, message)
    text, blocks = _content(call)
    if len(text) > _MOST_OF_AN_UPDATE and not call.arguments.get("markdown_text"):
        raise RefusedError("msg_too_long")
    if "metadata" in call.arguments:
        message.metadata = checked_metadata(call.arguments["metadata"]) or None
    message.text = text or message.text
    message.blocks = blocks
    message.edited += 1
    if not blocks:  # with blocks, Slack does not show a message as edited
        message.edited_ts = store.new_ts()
    return {
        "channel": channel,
        "ts": message.ts,
        "text": message.text,
        "message": message_json(store, channel, message),
    }


def post_ephemeral(store: Store, call: Call) -> Json:
    """chat.postEphemeral."""
    channel = store.writable(call.text("channel"))
    user = call.text("user")
    if user not in store.team.people or not store.is_seen_by(user, channel):
        raise RefusedError("user_not_in_channel")
    text, blocks = _content(call)
    note = Ephemeral(
        ts=store.new_ts(),
        channel=channel,
        user=user,
        text=text,
        source=call.method,
        blocks=blocks,
        thread_ts=call.maybe("thread_ts"),
    )
    store.ephemerals.append(note)
    return {"message_ts": note.ts}


def delete(store: Store, call: Call) -> Json:
    """chat.delete: a bot deletes what it wrote itself."""
    channel = store.known(call.text("channel"))
    message = store.message(channel, call.text("ts"))
    if message.user != store.team.bot_user:
        raise RefusedError("cant_delete_message")
    store.remove(channel, message.ts)
    return {"channel": channel, "ts": message.ts}


def get_permalink(store: Store, call: Call) -> Json:
    """chat.getPermalink: the address of a message; a reply's names its thread."""
    channel = store.known(call.text("channel"))
    message = store.message(channel, call.text("message_ts"))
    link = (
        f"https://{store.team.domain}.slack.com/archives/{channel}/p{message.ts.replace('.', '')}"
    )
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel}"
    return {"channel": channel, "permalink": link}


def checked_metadata(metadata: Any) -> Json | None:  # noqa: ANN401 - any JSON
    """Return metadata that has the documented form, or refuse it; an empty object is none."""
    if metadata in (None, {}):
        return None
    if not isinstance(metadata, dict):
        raise RefusedError("invalid_metadata_format")
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise RefusedError("invalid_metadata_schema")
    return metadata


def _content(call: Call) -> tuple[str, list[Json]]:
    text, markdown = call.text("text"), call.text("markdown_text")
    blocks = call.arguments.get("blocks") or []
    if markdown and (text or blocks):
        raise RefusedError("markdown_text_conflict")
    if len(markdown) > MOST_MARKDOWN:
        raise RefusedError("msg_too_long")
    check_blocks(blocks)
    if not (text or markdown or blocks):
        raise RefusedError("no_text")
    return text or markdown, blocks


def _check_editable(store: Store, message: Message) -> None:
    if message.user != store.team.bot_user:
        raise RefusedError("cant_update_message")
    if message.stream is not None:
        raise RefusedError("streaming_state_conflict")
