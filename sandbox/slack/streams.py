"""chat.startStream, chat.appendStream and chat.stopStream, after their pages on docs.slack.dev.

A stream has one mode, `markdown_text` or `chunks`, set by the first content; it ends with
stopStream, by the person who reads it, or after `Limits.stream_idle` seconds without an append.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sandbox.slack.blocks import check_blocks
from sandbox.slack.calls import Call
from sandbox.slack.chat import MOST_MARKDOWN, checked_metadata
from sandbox.slack.errors import RefusedError
from sandbox.slack.objects import message_json
from sandbox.slack.records import Json, Message, Stream
from sandbox.slack.store import Store

_CHUNKS = {  # each kind and what it needs: docs.slack.dev/reference/block-kit, streaming chunks
    "markdown_text": ("text",),
    "task_update": ("id", "title", "status"),
    "plan_update": ("title",),
    "blocks": ("blocks",),
}
_STATES = ("pending", "in_progress", "complete", "error")
_MOST_BLOCKS = 50  # of all chunks of a stream together; stopStream has as many of its own


@dataclass(frozen=True, slots=True)
class Content:
    """What one call adds to a stream, and in which mode."""

    mode: Literal["markdown_text", "chunks"]
    chunks: list[Json]


def start(store: Store, call: Call) -> Json:
    """chat.startStream; a channel needs to know for whom the text is."""
    channel = store.writable(call.text("channel"))
    if not store.channels[channel].is_im:
        _check_recipient(store, call)
    content = _content(call)
    stream = Stream(touched=store.time.monotonic())
    message = Message(
        ts=store.new_ts(),
        user=store.team.bot_user,
        text="",
        thread_ts=call.text("thread_ts"),
        stream=stream,
    )
    if content:
        _write(message, stream, content)
    store.post(channel, message)
    return {"channel": channel, "ts": message.ts}


def append(store: Store, call: Call) -> Json:
    """chat.appendStream."""
    channel, message, stream = _streaming(store, call)
    if stream.stopped_by:
        raise RefusedError("stopped_by_user")
    content = _content(call)
    if content is None:
        raise RefusedError("markdown_text_or_chunks_required")
    _write(message, stream, content)
    stream.touched = store.time.monotonic()
    return {"channel": channel, "ts": message.ts}


def stop(store: Store, call: Call) -> Json:
    """chat.stopStream."""
    channel, message, stream = _streaming(store, call)
    blocks = call.arguments.get("blocks") or []
    _check_count(blocks)
    check_blocks(blocks)
    metadata = checked_metadata(call.arguments.get("metadata"))
    if content := _content(call):
        _write(message, stream, content)
    message.blocks, message.metadata, message.stream = blocks, metadata, None
    shown = message_json(store, channel, message)
    return {"channel": channel, "ts": message.ts, "message": shown}


def stop_by_person(store: Store, channel: str, ts: str, user: str) -> None:
    """Let the person who reads a stream stop it."""
    stream = store.message(channel, ts).stream
    if stream is None:
        raise RefusedError("message_not_in_streaming_state")
    stream.stopped_by = user


def _check_recipient(store: Store, call: Call) -> None:
    for name in ("recipient_user_id", "recipient_team_id"):
        if not call.maybe(name):
            raise RefusedError(f"missing_{name}")
    if call.text("recipient_user_id") not in store.team.people:
        raise RefusedError("user_not_found")
    if call.text("recipient_team_id") != store.team.id:
        raise RefusedError("team_not_found")


def _streaming(store: Store, call: Call) -> tuple[str, Message, Stream]:
    channel = store.writable(call.text("channel"))
    message = store.message(channel, call.text("ts"))
    if message.user != store.team.bot_user:
        raise RefusedError("message_not_owned_by_app")
    stream = message.stream
    if stream is None or store.time.monotonic() - stream.touched > store.limits.stream_idle:
        message.stream = None
        raise RefusedError("message_not_in_streaming_state")
    return channel, message, stream


def _content(call: Call) -> Content | None:
    markdown, chunks = call.text("markdown_text"), call.arguments.get("chunks")
    if markdown and chunks:
        raise RefusedError("cannot_provide_both_markdown_text_and_chunks")
    if markdown:
        chunks = [{"type": "markdown_text", "text": markdown}]
    if not chunks:
        return None
    _check_chunks(chunks)
    return Content("markdown_text" if markdown else "chunks", chunks)


def _check_chunks(chunks: Any) -> None:  # noqa: ANN401 - any JSON
    if not isinstance(chunks, list):
        raise RefusedError("invalid_chunks")
    if any(not isinstance(c, dict) or c.get("type") not in _CHUNKS for c in chunks):
        raise RefusedError("invalid_chunks")
    if sum(len(str(c.get("text", ""))) for c in chunks) > MOST_MARKDOWN:
        raise RefusedError("msg_too_long")
    for chunk in chunks:
        if any(chunk.get(name) is None for name in _CHUNKS[chunk["type"]]):
            raise RefusedError("invalid_chunks")
        if chunk["type"] == "task_update" and chunk["status"] not in _STATES:
            raise RefusedError("invalid_chunks")
        if chunk["type"] == "blocks":
            check_blocks(chunk["blocks"])


def _check_count(blocks: Any) -> None:  # noqa: ANN401 - any JSON
    if isinstance(blocks, list) and len(blocks) > _MOST_BLOCKS:
        raise RefusedError("msg_blocks_too_many")


def _write(message: Message, stream: Stream, content: Content) -> None:
    if stream.mode not in (None, content.mode):
        raise RefusedError("streaming_mode_mismatch")
    stream.mode = content.mode
    blocks = [b for c in (*message.chunks, *content.chunks) for b in c.get("blocks") or []]
    _check_count(blocks)
    for chunk in content.chunks:
        if chunk["type"] == "markdown_text":
            message.text += str(chunk.get("text", ""))
        else:
            message.chunks.append(chunk)
