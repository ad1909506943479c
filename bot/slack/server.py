"""Edge: how Slack's payloads reach the listeners: over HTTP or over Socket Mode.

Over HTTP the payload is read here and handed to bolt as Socket Mode hands it: bolt's own reading of
bodies loses some and breaks on others (see `bot.slack.bodies`).
"""

import http
import logging
import threading
from collections.abc import Callable, Iterable

import tenacity
from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.authorize import Authorize
from slack_bolt.middleware import Middleware

from bot import metrics
from bot.settings import SlackSettings
from bot.slack.bodies import UnreadableError, check, payload_of
from bot.slack.client import connect
from bot.slack.doubles import Doubles
from bot.slack.faults import FAULTS
from bot.slack.home import Home
from bot.slack.listeners import COMMAND, Edge
from bot.slack.signature import signed_only
from bot.web import Environ, Start, Wsgi, plain
from gitops.clock import Clock

BODY_LIMIT = 64 * 1024
"""Largest request body, in bytes; a slash command has about 500."""

PATH = "/slack/events"
"""Where Slack sends commands, interactions and events."""


STRANGER = "This Leadline belongs to another workspace; nothing was done."

LONGEST_PAUSE = 30
"""Longest pause between two tries to open Socket Mode for the first time, in seconds."""

_log = logging.getLogger(__name__)


def app(settings: SlackSettings, edge: Edge) -> App:
    """Return the bolt app: listeners only enqueue, so they run before the response."""
    client = connect(settings, hasty=True)
    made = App(
        client=client,
        signing_secret=settings.signing_secret,
        process_before_response=True,
        request_verification_enabled=False,  # `signed_only` stands before it
        token_verification_enabled=False,
        ignoring_self_events_enabled=False,  # intake leaves out what apps say
        attaching_function_token_enabled=False,  # there are no functions of workflows
        authorize=OneToken(settings.token),
        logger=_quiet(),
    )
    made.use(Gate(Home(client, edge.clock)))
    made.use(Typed(edge))
    made.use(Doubles(client, edge.kept))
    edge.register(made)
    return made


class OneToken(Authorize):
    """Gives every request our token; bolt's own asks Slack for it inside the three seconds."""

    def __init__(self, token: str) -> None:
        self._us = AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

    def __call__(self, **_: object) -> AuthorizeResult:
        """Return what every request is done with."""
        return self._us


class Gate(Middleware):
    """Stands before every listener: only payloads of our workspace and app pass."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def process(
        self,
        *,
        req: BoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - bolt's signature
        next: Callable[[], BoltResponse],  # noqa: A002 - as above
    ) -> BoltResponse | None:
        """Let a payload pass, or acknowledge it and do nothing."""
        if not self._home.is_foreign(req.body):
            return next()
        _log.warning("refused error=another workspace or app")
        return BoltResponse(status=200, body=STRANGER if "command" in req.body else "")


class Typed(Middleware):
    """Takes slash commands before bolt looks for a listener.

    For that, and for the call, bolt builds each time all 25 arguments that a listener may ask for:
    a tenth of what an acknowledgement costs, of the one payload that comes in bursts.
    """

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def process(
        self,
        *,
        req: BoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - bolt's signature
        next: Callable[[], BoltResponse],  # noqa: A002 - as above
    ) -> BoltResponse | None:
        """Answer a slash command of ours; let everything else pass."""
        if req.body.get("command") != COMMAND:
            return next()
        ack = req.context.ack
        self._edge.command(ack, req.body, req.context.client)
        return ack.response


def _quiet() -> logging.Logger:
    """Return a logger for bolt, whose own lines hold bodies of requests."""
    quiet = logging.getLogger("leadline.bolt")
    quiet.setLevel(logging.ERROR)
    return quiet


def over_http(settings: SlackSettings, edge: Edge, clock: Clock) -> Wsgi:
    """Return the app that takes Slack's signed requests, at the path that it is put at."""
    return signed_only(_read(app(settings, edge)), settings.signing_secret, clock, BODY_LIMIT)


def _read(bolt: App) -> Wsgi:
    """Return a WSGI app that reads a body and gives bolt the payload."""

    def answer(environ: Environ, start_response: Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        try:
            payload = payload_of(environ.get("CONTENT_TYPE", ""), body)
            check(payload)
        except UnreadableError as error:
            _log.warning("refused error=%s", error)
            return plain(start_response, "400 Bad Request", str(error))
        said = bolt.dispatch(BoltRequest(body=payload, mode="socket_mode"))
        status = f"{said.status} {http.HTTPStatus(said.status).phrase}"
        start_response(status, [("Content-Type", said.first_headers()["content-type"])])
        return [said.body.encode()]

    return answer


def over_socket(
    settings: SlackSettings,
    edge: Edge,
    stop: threading.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Take Slack's payloads over Socket Mode until `stop` is set.

    `ready` is told once the first connection is open; whether one is later is a metric.

    Several replicas may: Slack gives each payload to one of at most ten connections. A connection
    that breaks is slack-sdk's to open again; the first one is tried here until it is there.
    """
    handler = SocketModeHandler(app(settings, edge), settings.app_token, logger=_quiet())
    opening = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(FAULTS),
        wait=tenacity.wait_random_exponential(max=LONGEST_PAUSE),
        stop=tenacity.stop_when_event_set(stop),
        sleep=tenacity.sleep_using_event(stop),
        before_sleep=_say_unopened,
        retry_error_callback=lambda _: None,
    )
    opening(handler.client.connect_to_new_endpoint)  # an address of Slack's is for one try only
    if not stop.is_set():
        metrics.connected("socket-mode", handler.client.is_connected)
        ready()
    stop.wait()
    handler.close()  # type: ignore[no-untyped-call] # bolt has no types here


def _say_unopened(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.error("Socket Mode not open, trying again error=%s; check SLACK_APP_TOKEN", error)
