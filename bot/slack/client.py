"""Adapter: the Chat port over Slack's Web API, through slack-sdk."""

import contextlib
import itertools
import logging
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bot import metrics
from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.notice import BROADCAST, Notice
from bot.settings import SlackSettings
from bot.slack.blocks import Block, blocks
from bot.slack.faults import FAULTS, is_odd, reason_of, word
from bot.slack.pacing import Budget, Pacing
from bot.slack.retrying import handlers, hasty_handlers
from bot.slack.seal import Seal
from bot.slack.streaming import SlackStream
from bot.slack.wording import text
from gitops.clock import Clock

EVENT_TYPE = "leadline"
"""Metadata type of our messages; the payload carries the key that finds them again."""

NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel"})
"""Errors of a channel that Leadline is not in."""

NO_ANSWER = "no answer"

AWAY = frozenset(
    (NO_ANSWER, "account_inactive", "fatal_error", "internal_error", "invalid_auth", "not_authed",
     "request_timeout", "service_unavailable", "token_expired", "token_revoked")
)  # fmt: skip
"""What means that Slack does not serve us; any other refusal, such as of one channel, is an answer.
"""

INVITE = "_Leadline is not in this channel: type `/invite @leadline`._"

PAGES = 5
"""Most history pages read to find a message of ours, 100 messages each."""

TIMEOUT, HASTE = 10, 1
"""Seconds for an answer where nobody waits, and within a person's three seconds."""

_log = logging.getLogger(__name__)


def connect(settings: SlackSettings, *, hasty: bool = False) -> WebClient:
    """Return a client for the settings; a 429 is waited out for up to a minute, twice.

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
        self._seal = Seal.of(client.token or "")

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
                blocks=self._blocks(notice),
                metadata=_metadata(key),
                unfurl_links=False,
                unfurl_media=False,
            )
            return word(answer, "ts")

    def find(self, place: Place, key: str, since: datetime) -> Sequence[str]:
        """Look for messages of ours by their key; see the port.

        Where the team withholds the history scopes nothing is found: the message may then stand
        twice.
        """
        with said("reading the history"):
            try:
                return sorted(self._found(place, key, since))
            except SlackApiError as error:
                if reason_of(error) != "missing_scope":
                    raise
        _log.warning("history not read channel=%s error=missing_scope", place.channel)
        return ()

    def update(self, place: Place, message: str, notice: Notice | None) -> None:
        """Edit a message of ours in place, or take it away; see the port."""
        if notice is None:
            with said("taking a message away"):
                self._client.chat_delete(channel=place.channel, ts=message)
            return
        with said("editing"):
            self._client.chat_update(
                channel=place.channel, ts=message, text=text(notice), blocks=self._blocks(notice)
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
                    blocks=self._blocks(notice),
                )
            except SlackApiError as error:
                if reason_of(error) not in NOT_THERE or not self._may_answer(place):
                    raise
                self._answer(place, notice)

    def _blocks(self, notice: Notice) -> list[Block]:
        return self._seal.buttons(blocks(notice))

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
            blocks=[*self._blocks(notice), _said(INVITE)],
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

    def _found(self, place: Place, key: str, since: datetime) -> Iterator[str]:
        for page in itertools.islice(self._history(place, since), PAGES):
            for message in page["messages"]:
                if key_of(message) == key:
                    yield message["ts"]

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


def key_of(message: Mapping[str, Any]) -> str | None:
    """Return the key that a message of ours carries."""
    metadata = message.get("metadata") or {}
    payload: Mapping[str, str] = metadata.get("event_payload") or {}
    return payload.get("key") if metadata.get("event_type") == EVENT_TYPE else None


def _said(line: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": line}}


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


@contextlib.contextmanager
def said(act: str) -> Iterator[None]:
    """Turn slack-sdk's errors into ours, with the act that the call was for."""
    try:
        yield
    except FAULTS as error:
        reason = reason_of(error) or NO_ANSWER
        if is_odd(error):
            _log.warning("unreadable answer of Slack act=%s", act, exc_info=error)
        metrics.answered("slack", up=reason not in AWAY)
        raise ChatUnavailableError(f"{act} in Slack: {reason}{_advice(reason)}") from error
    else:
        metrics.answered("slack", up=True)


def _advice(reason: str) -> str:
    advice = {
        NO_ANSWER: "; try again in a minute",
        "not_in_channel": "; type /invite @leadline in the channel",
        "channel_not_found": "; type /invite @leadline in the channel",
        "invalid_auth": "; check SLACK_BOT_TOKEN",
        "missing_scope": "; reinstall the app with the scopes of the manifest",
    }
    return advice.get(reason, "")
