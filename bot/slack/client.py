"""Adapter: the Chat port over Slack's Web API, through slack-sdk."""

import contextlib
import urllib.parse
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.webhook import WebhookClient

from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import BROADCAST, Footer, Notice
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

NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel"})
"""Errors of a channel that Leadline is not in."""

PAGES = 5
"""Most history pages read to find a message of ours, 100 messages each."""


def connect(settings: SlackSettings) -> WebClient:
    """Return a client for the settings; a 429 is waited out as long as Slack asks, twice."""
    client = WebClient(token=settings.token, base_url=settings.api_url, timeout=10)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
    return client


class SlackChat:
    """A workspace, seen through the bot's token."""

    def __init__(self, client: WebClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    @classmethod
    def connect(cls, settings: SlackSettings, clock: Clock) -> "SlackChat":
        """Return a chat for the settings; no call is made yet."""
        return cls(connect(settings), clock)

    def post(self, place: Place, key: str, notice: Notice) -> str:
        """Post a notice with its key as metadata; see the port."""
        with said("posting"):
            answer = self._client.chat_postMessage(
                channel=place.channel,
                thread_ts=place.thread,
                reply_broadcast=place.thread is not None and isinstance(notice, BROADCAST),
                text=text(notice),
                blocks=blocks(notice),
                metadata=_metadata(key),
                unfurl_links=False,
                unfurl_media=False,
            )
        return str(answer["ts"])

    def find(self, place: Place, key: str, since: datetime) -> str | None:
        """Look for a message of ours by its key; see the port."""
        with said("reading the history"):
            for number, page in enumerate(self._history(place, since), 1):
                for message in page["messages"]:
                    if message.get("metadata", {}).get("event_payload", {}).get("key") == key:
                        return str(message["ts"])
                if number == PAGES:
                    break
        return None

    def update(self, place: Place, message: str, notice: Notice) -> None:
        """Edit a message of ours in place."""
        with said("editing"):
            self._client.chat_update(
                channel=place.channel, ts=message, text=text(notice), blocks=blocks(notice)
            )

    def whisper(self, place: Place, person: Person, notice: Notice) -> None:
        """Tell one person something nobody else sees, also where Leadline is not in the channel."""
        with said("answering"):
            try:
                self._client.chat_postEphemeral(
                    channel=place.channel,
                    user=person.id,
                    thread_ts=place.thread,
                    text=text(notice),
                    blocks=blocks(notice),
                )
            except SlackApiError as error:
                if error.response.get("error") not in NOT_THERE or not self._may_answer(place):
                    raise
                self._answer(place, notice)

    def _may_answer(self, place: Place) -> bool:
        """Say whether a response URL is Slack's: it came from outside, so its host is checked."""
        url = urllib.parse.urlsplit(place.answer_url or "")
        ours = urllib.parse.urlsplit(self._client.base_url)
        slack = (url.scheme, url.hostname) == ("https", "hooks.slack.com")
        return slack or (url.scheme, url.netloc) == (ours.scheme, ours.netloc)

    def _answer(self, place: Place, notice: Notice) -> None:
        invite = f"{text(notice)}\n_Leadline is not in this channel: type `/invite @leadline`._"
        client = WebhookClient(place.answer_url or "", timeout=10)
        answer = client.send(text=invite, response_type="ephemeral")
        if answer.status_code != HTTPStatus.OK:
            raise ChatUnavailableError(
                f"answering in Slack: {answer.status_code}; type /invite @leadline in the channel"
            )

    @contextlib.contextmanager
    def stream(self, place: Place, person: Person) -> Iterator["SlackStream"]:
        """Open a growing message in a thread; see the port."""
        with said("starting an answer"):
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
        with said("ending an answer"):
            self._client.chat_stopStream(
                channel=self._channel, ts=self._message, blocks=blocks(footer)
            )
        self._closed = True

    def close(self) -> None:
        """Close the message if `end` did not: a stream left open would look alive."""
        if not self._closed:
            with said("ending an answer"):
                self._client.chat_stopStream(channel=self._channel, ts=self._message)

    def _flush(self) -> None:
        with said("appending to an answer"):
            self._client.chat_appendStream(
                channel=self._channel, ts=self._message, markdown_text=inert(self._waiting)
            )
        self._waiting, self._sent_at = "", self._clock.monotonic()


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


@contextlib.contextmanager
def said(act: str) -> Iterator[None]:
    """Turn slack-sdk's errors into ours, with the act that the call was for."""
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
