"""Edge: how Slack's payloads reach the listeners: over HTTP or over Socket Mode."""

import logging
import threading
from typing import cast

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from bot.settings import SlackSettings
from bot.slack.listeners import Edge
from bot.slack.signature import signed_only
from bot.web import Wsgi
from gitops.clock import Clock

BODY_LIMIT = 64 * 1024
"""Largest request body, in bytes; a slash command has about 500."""

PATH = "/slack/events"
"""Where Slack sends commands, interactions and events."""


def app(settings: SlackSettings, edge: Edge) -> App:
    """Return the bolt app: listeners only enqueue, so they run before the response."""
    made = App(
        client=WebClient(token=settings.token, base_url=settings.api_url),
        signing_secret=settings.signing_secret,
        process_before_response=True,
        request_verification_enabled=False,  # `signed_only` stands before it
        token_verification_enabled=False,
        authorize=lambda: AuthorizeResult(  # bolt's own asks Slack inside the three seconds
            enterprise_id=None, team_id=None, bot_token=settings.token
        ),
        logger=_quiet(),
    )
    edge.register(made)
    return made


def _quiet() -> logging.Logger:
    """Return a logger for bolt, whose own lines hold bodies of requests."""
    quiet = logging.getLogger("leadline.bolt")
    quiet.setLevel(logging.ERROR)
    return quiet


def over_http(settings: SlackSettings, edge: Edge, clock: Clock) -> Wsgi:
    """Return the app that takes Slack's signed requests, at the path that it is put at."""
    handler = SlackRequestHandler(app(settings, edge), path=PATH)
    return signed_only(cast("Wsgi", handler), settings.signing_secret, clock, BODY_LIMIT)


def over_socket(settings: SlackSettings, edge: Edge, stop: threading.Event) -> None:
    """Take Slack's payloads over Socket Mode until `stop` is set.

    Several replicas may: Slack gives each payload to one of at most ten connections.
    """
    handler = SocketModeHandler(app(settings, edge), settings.app_token, logger=_quiet())
    handler.connect()  # type: ignore[no-untyped-call] # bolt has no types here
    stop.wait()
    handler.close()  # type: ignore[no-untyped-call] # as above
