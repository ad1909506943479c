"""Edge: the HTTP server that Slack's requests arrive at."""

import logging
from collections.abc import Callable
from typing import cast

from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from waitress.server import create_server

from bot.settings import SlackSettings
from bot.slack.listeners import register
from bot.slack.signature import Wsgi, signed_only
from bot.store import Queue
from gitops.clock import Clock

BODY_LIMIT = 64 * 1024
"""Largest request body, in bytes; a slash command has about 500."""

THREADS = 16
"""Threads that answer requests; each is busy for about a millisecond."""

CONNECTIONS = 1000
"""Most open connections."""


def app(settings: SlackSettings, queue: Queue) -> App:
    """Return the bolt app: listeners only enqueue, so they run before the response."""
    quiet = logging.getLogger("leadline.bolt")
    quiet.setLevel(logging.ERROR)  # bolt's own lines hold bodies of requests
    made = App(
        client=WebClient(token=settings.token, base_url=settings.api_url),
        signing_secret=settings.signing_secret,
        process_before_response=True,
        request_verification_enabled=False,  # `signed_only` stands before it
        token_verification_enabled=False,
        authorize=lambda: AuthorizeResult(  # bolt's own asks Slack inside the three seconds
            enterprise_id=None, team_id=None, bot_token=settings.token
        ),
        logger=quiet,
    )
    register(made, queue)
    return made


def serve(
    settings: SlackSettings, queue: Queue, clock: Clock, ready: Callable[[int], None]
) -> None:
    """Serve until the process ends; `ready` is told the port once it is open."""
    handler = SlackRequestHandler(app(settings, queue), path="/slack/events")
    server = create_server(
        signed_only(cast("Wsgi", handler), settings.signing_secret, clock),
        host=settings.host,
        port=settings.port,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        max_request_body_size=BODY_LIMIT,
        ident="leadline",
    )
    ready(getattr(server, "effective_port", settings.port))  # port 0 becomes a real one
    server.run()
