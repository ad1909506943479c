"""Adapter: the Chat port over Slack's Web API, through slack-sdk."""

import contextlib
import logging
import urllib.parse
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bot import metrics
from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import BROADCAST, Notice
from bot.settings import SlackSettings
from bot.slack.blocks import Block, blocks
from bot.slack.pacing import Budget, Pacing
from bot.slack.retrying import handlers, hasty_handlers
from bot.slack.streaming import SlackStream
from bot.slack.wording import text
from gitops.clock import Clock

EVENT_TYPE = "leadline"
"""Metadata type of our messages; the payload carries the key that finds them again."""

NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel"})
"""Errors of a channel that Leadline is not in."""

INVITE = "_Leadline is not in this channel: type `/invite @leadline`._"

PAGES = 5
"""Most history pages read to find a message of ours, 100 messages each."""

TIMEOUT, HASTE = 10, 1
"""Seconds for an answer where nobody waits, and within a person's three seconds."""

_log = logging.getLogger(__name__)


def connect(settings: SlackSettings, *, hasty: bool = False) -> WebClient:
    """Return a client for the settings; a 429 is waited out as long as Slack asks, twice.

    A hasty one is for a person's three seconds: it neither waits nor tries again for long.
    """
    return WebClient(
        token=settings.token,
        base_url=settings.api_url,
        timeout=HASTE if hasty else TIMEOUT,
        retry_handlers=hasty_handlers() if hasty else handlers(),
    )


class SlackChat:
    """A workspace, seen through the bot's token."""

    def __init__(self, client: WebClient, clock: Clock, budget: Budget | None = None) -> None:
        self._client = client
        self._clock = clock
        self._pacing = Pacing(clock, budget)

    @classmethod
    def connect(
        cls, settings: SlackSettings, clock: Clock, budget: Budget | None = None
    ) -> "SlackChat":
        """Return a chat for the settings; `budget` counts answers' calls for all processes."""
        return cls(connect(settings), clock, budget)

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
        """Look for a message of ours by its key; see the port.

        Where the team withholds the history scopes nothing is found: the message may then stand
        twice.
        """
        with said("reading the history"):
            try:
                return self._found(place, key, since)
            except SlackApiError as error:
                if error.response.get("error") != "missing_scope":
                    raise
        _log.warning("history not read channel=%s error=missing_scope", place.channel)
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
        client = WebhookClient(place.answer_url or "", timeout=TIMEOUT, retry_handlers=handlers())
        answer = client.send(
            text=f"{text(notice)}\n{INVITE}",
            blocks=[*blocks(notice), _said(INVITE)],
            response_type="ephemeral",
        )
        if answer.status_code != HTTPStatus.OK:
            raise ChatUnavailableError(
                f"answering in Slack: {answer.status_code}; type /invite @leadline in the channel"
            )

    @contextlib.contextmanager
    def stream(self, place: Place, person: Person) -> Iterator[SlackStream]:
        """Open a growing message in a thread; see the port."""
        stream = SlackStream(self._client, place, person, self._clock, self._pacing)
        try:
            yield stream
        finally:
            stream.close()

    def _found(self, place: Place, key: str, since: datetime) -> str | None:
        for number, page in enumerate(self._history(place, since), 1):
            for message in page["messages"]:
                if _key(message) == key:
                    return str(message["ts"])
            if number == PAGES:
                break
        return None

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


def _key(message: dict[str, Any]) -> str | None:
    """Return the key that a message of ours carries."""
    payload: dict[str, str] = (message.get("metadata") or {}).get("event_payload") or {}
    return payload.get("key")


def _said(line: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": line}}


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


@contextlib.contextmanager
def said(act: str) -> Iterator[None]:
    """Turn slack-sdk's errors into ours, with the act that the call was for."""
    with metrics.reaching("slack"):
        try:
            yield
        except SlackApiError as error:
            reason = str(error.response.get("error", "unknown error"))
            raise ChatUnavailableError(f"{act} in Slack: {reason}{_advice(reason)}") from error
        except (SlackClientError, OSError) as error:
            raise ChatUnavailableError(
                f"{act} in Slack: no answer; try again in a minute"
            ) from error


def _advice(reason: str) -> str:
    advice = {
        "not_in_channel": "; type /invite @leadline in the channel",
        "channel_not_found": "; type /invite @leadline in the channel",
        "invalid_auth": "; check SLACK_BOT_TOKEN",
        "missing_scope": "; reinstall the app with the scopes of the manifest",
    }
    return advice.get(reason, "")
