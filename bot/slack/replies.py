"""Adapter: the calls of Slack that the messages of one answer are made of.

Sources: docs.slack.dev, chat.startStream, appendStream, stopStream, postMessage, update and delete.
"""

from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.chat import Person, Place
from bot.slack.blocks import Block
from bot.slack.escaping import cut
from bot.slack.faults import reason_of, word

GONE = frozenset(
    ("channel_not_found", "is_archived", "is_inactive", "message_not_found", "not_in_channel",
     "cant_update_message", "thread_not_found", "account_inactive", "invalid_auth", "token_revoked")
)  # fmt: skip
"""Errors after which nothing more can be shown there."""

STOPPED, LIMITED, STREAMING = "stopped_by_user", "ratelimited", "streaming_state_conflict"
_NOTIFIED = 300  # characters of the text that notifications show


class AnswerThread:
    """Where an answer stands, and for whom it is. All text is Markdown that is escaped already."""

    def __init__(self, client: WebClient, place: Place, person: Person) -> None:
        self._client = client
        self._place = place
        self._person = person

    def start(self, text: str) -> str:
        """Begin a message that streams; return its time stamp."""
        answer = self._client.chat_startStream(
            channel=self._place.channel,
            thread_ts=self._place.thread or "",
            recipient_user_id=self._person.id,
            recipient_team_id=self._person.team,
            markdown_text=text,
        )
        return word(answer, "ts")

    def append(self, message: str, text: str) -> None:
        """Add to a message that streams."""
        self._client.chat_appendStream(channel=self._place.channel, ts=message, markdown_text=text)

    def stop(self, message: str, text: str = "", footer: list[Block] | None = None) -> None:
        """End a message that streams."""
        self._client.chat_stopStream(
            channel=self._place.channel,
            ts=message,
            markdown_text=text or None,
            blocks=footer or None,
        )

    def post(self, text: str, footer: list[Block] | None = None) -> str:
        """Post a message that can be edited; return its time stamp."""
        answer = self._client.chat_postMessage(
            channel=self._place.channel,
            thread_ts=self._place.thread,
            unfurl_links=False,
            unfurl_media=False,
            **_content(text, footer or []),
        )
        return word(answer, "ts")

    def edit(self, message: str, text: str, footer: list[Block] | None = None) -> None:
        """Show this in place of what a message says; one that still streams is stopped for it."""
        place: dict[str, Any] = {"channel": self._place.channel, "ts": message}
        content = _content(text, footer or [])
        try:
            self._client.chat_update(**place, **content)
        except SlackApiError as error:
            if reason_of(error) != STREAMING:
                raise
            self._client.chat_stopStream(**place)  # an earlier one was lost
            self._client.chat_update(**place, **content)

    def delete(self, message: str) -> None:
        """Take a message of ours away."""
        self._client.chat_delete(channel=self._place.channel, ts=message)


def _content(text: str, footer: list[Block]) -> dict[str, Any]:
    """Return the arguments of a message that is posted or edited as a whole."""
    said = [{"type": "markdown", "text": text}] if text.strip() else []
    return {"text": cut(text.strip(), _NOTIFIED) or "…", "blocks": [*said, *footer] or None}
