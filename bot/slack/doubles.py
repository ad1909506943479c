"""Edge: takes a message of ours away that stands twice, once somebody presses a button on it.

Where a team withholds the history scopes, what was posted without an answer is posted again, and
nobody can look for the first one: it shows itself when it is used. The message whose time stamp was
kept stays; so does one of which nothing is kept yet, since its answer may be on the way.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import BoltRequest, BoltResponse
from slack_bolt.middleware import Middleware
from slack_sdk import WebClient

from bot.errors import BotError
from bot.slack.client import key_of, said

_log = logging.getLogger(__name__)


class Doubles(Middleware):
    """Stands before every listener; what the press asks for is done all the same.

    `kept` returns the time stamp of the message with a key.
    """

    def __init__(self, client: WebClient, kept: Callable[[str], str | None]) -> None:
        self._client = client
        self._kept = kept

    def process(
        self,
        *,
        req: BoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - bolt's signature
        next: Callable[[], BoltResponse],  # noqa: A002 - as above
    ) -> BoltResponse:
        """Look at the message of a press."""
        if req.body.get("type") == "block_actions" and (message := req.body.get("message")):
            self._look(req.body, message)
        return next()

    def _look(self, body: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        key, here = key_of(message), str(message.get("ts"))
        channel = (body.get("channel") or {}).get("id")
        if key is None or channel is None:
            return
        try:
            if self._kept(key) in {None, here}:
                return
            with said("taking a message away"):
                self._client.chat_delete(channel=channel, ts=here)
            _log.info("stood twice key=%s message=%s", key, here)
        except BotError as error:  # the next press looks again
            _log.warning("double not taken away key=%s message=%s error=%s", key, here, error)
