"""Adapter: the Chat port over Slack's Web API, through slack-sdk."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import Footer, Notice
from bot.settings import SlackSettings
from bot.slack.blocks import blocks
from bot.slack.escaping import inert
from bot.slack.wording import text
from gitops.clock import Clock

EVENT_TYPE = "leadline"
"""Metadata type of our messages; the payload carries the key that finds them again."""

FLUSH_SECONDS = 1.0
"""An answer is sent at most this often; Slack allows 100 appends a minute and workspace."""

FLUSH_CHARACTERS = 2_000
"""An answer is sent when so much waits; one append takes at most 12,000 characters."""

PAGES = 5
"""Most history pages read to find a message of ours, 100 messages each."""


class SlackChat:
    """A workspace, seen through the bot's token."""

    def __init__(self, client: WebClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    @classmethod
    def connect(cls, settings: SlackSettings, clock: Clock) -> "SlackChat":
        """Return a chat for the settings; a 429 is waited out as long as Slack asks, twice."""
        client = WebClient(token=settings.token, base_url=settings.api_url, timeout=10)
        client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
        return cls(client, clock)

    def post(self, place: Place, key: str, notice: Notice) -> str:
        """Post a notice with its key as metadata; see the port."""
        with _said("posting"):
            answer = self._client.chat_postMessage(
                channel=place.channel,
                thread_ts=place.thread,
                text=text(notice),
                blocks=blocks(notice),
                metadata=_metadata(key),
                unfurl_links=False,
                unfurl_media=False,
            )
        return str(answer["ts"])

    def find(self, place: Place, key: str, since: datetime) -> str | None:
        """Look for a message of ours by its key; see the port."""
        with _said("reading the history"):
            for number, page in enumerate(self._history(place, since), 1):
                for message in page["messages"]:
                    if message.get("metadata", {}).get("event_payload", {}).get("key") == key:
                        return str(message["ts"])
                if number == PAGES:
                    break
        return None

    def update(self, place: Place, message: str, notice: Notice) -> None:
        """Edit a message of ours in place."""
        with _said("editing"):
            self._client.chat_update(
                channel=place.channel, ts=message, text=text(notice), blocks=blocks(notice)
            )

    def whisper(self, place: Place, person: Person, notice: Notice) -> None:
        """Tell one person something nobody else sees."""
        with _said("answering"):
            self._client.chat_postEphemeral(
                channel=place.channel, user=person.id, text=text(notice), thread_ts=place.thread
            )

    @contextlib.contextmanager
    def stream(self, place: Place, person: Person) -> Iterator["SlackStream"]:
        """Open a growing message in a thread; see the port."""
        with _said("starting an answer"):
            started = self._client.chat_startStream(
                channel=place.channel,
                thread_ts=place.thread or "",
                recipient_user_id=person.id,
                recipient_team_id=person.team,
            )
        stream = SlackStream(self._client, place.channel, str(started["ts"]), self._clock)
        try:
            yield stream
        finally:
            stream.close()

    def _history(self, place: Place, since: datetime) -> Any:  # noqa: ANN401 - slack-sdk's pages
        since_ts = f"{since.timestamp() - 60:.6f}"  # Slack's clock and ours may differ
        if place.thread:
            return self._client.conversations_replies(
                channel=place.channel,
                ts=place.thread,
                oldest=since_ts,
                limit=100,
                include_all_metadata=True,
            )
        return self._client.conversations_history(
            channel=place.channel, oldest=since_ts, limit=100, include_all_metadata=True
        )


class SlackStream:
    """One streaming message; text is gathered and sent in bites that Slack's limits allow."""

    def __init__(self, client: WebClient, channel: str, message: str, clock: Clock) -> None:
        self._client = client
        self._channel = channel
        self._message = message
        self._clock = clock
        self._waiting = ""
        self._sent_at = clock.monotonic()
        self._closed = False

    def append(self, text: str) -> None:
        """Gather text; send it when a second has passed or much is waiting."""
        self._waiting += text
        late = self._clock.monotonic() - self._sent_at >= FLUSH_SECONDS
        if self._waiting and (late or len(self._waiting) >= FLUSH_CHARACTERS):
            self._flush()

    def end(self, footer: Footer) -> None:
        """Send what is left and close with the footer."""
        if self._waiting:
            self._flush()
        with _said("ending an answer"):
            self._client.chat_stopStream(
                channel=self._channel, ts=self._message, blocks=blocks(footer)
            )
        self._closed = True

    def close(self) -> None:
        """Close the message if `end` did not: a stream left open would look alive."""
        if not self._closed:
            with _said("ending an answer"):
                self._client.chat_stopStream(channel=self._channel, ts=self._message)

    def _flush(self) -> None:
        with _said("appending to an answer"):
            self._client.chat_appendStream(
                channel=self._channel, ts=self._message, markdown_text=inert(self._waiting)
            )
        self._waiting, self._sent_at = "", self._clock.monotonic()


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


@contextlib.contextmanager
def _said(act: str) -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        reason = error.response.get("error", "unknown error")
        raise ChatUnavailableError(f"{act} in Slack: {reason}{_advice(str(reason))}") from error
    except (SlackClientError, OSError) as error:
        raise ChatUnavailableError(f"{act} in Slack: no answer; try again in a minute") from error


def _advice(reason: str) -> str:
    advice = {
        "not_in_channel": "; type /invite @leadline in the channel",
        "channel_not_found": "; type /invite @leadline in the channel",
        "invalid_auth": "; check SLACK_BOT_TOKEN",
        "missing_scope": "; reinstall the app with the scopes of the manifest",
    }
    return advice.get(reason, "")
