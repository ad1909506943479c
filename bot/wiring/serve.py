"""Wiring of the role `serve`: takes what Slack and GitHub send, and queues it."""

import functools
import threading

from bot.desired import FromSnapshot, Mirror
from bot.health import Health
from bot.settings import Settings
from bot.slack.desk import Desk
from bot.slack.directory import SlackDirectory
from bot.slack.fairness import Fairness
from bot.slack.listeners import Edge
from bot.slack.seal import Seal
from bot.slack.server import PATH, over_http, over_socket
from bot.store.audit import RedisAudit
from bot.store.cancels import RedisCancels
from bot.store.connection import EDGE, connect
from bot.store.queue import RedisQueue
from bot.store.redis import RedisStore
from bot.store.shared import RedisShared
from bot.web import by_path, serve
from bot.webhook import webhook
from bot.wiring.parts import clock


def run(settings: Settings, stop: threading.Event, health: Health) -> None:
    """Serve until `stop` is set."""
    time, redis, slack = clock(settings), connect(settings.redis_url, EDGE), settings.slack
    shared = RedisShared(redis)
    people = SlackDirectory.connect(slack, time, hasty=True)
    store = RedisStore(redis)
    desk = Desk(Mirror(FromSnapshot(shared, time)), people, store, settings.environment)
    queue, cancel = RedisQueue.connect(settings.redis_url), RedisCancels(redis).cancel
    proposals = store.proposals
    seal, audit = Seal.of(slack.token), RedisAudit(redis)
    plain = proposals if slack.plain_words else None
    edge = Edge(queue, desk, cancel, time, seal, audit, Fairness(time), plain, store.message)
    paths = {} if slack.app_token else {PATH: over_http(slack, edge, time)}
    if settings.webhook_secret:
        paths["/github/webhook"] = webhook(
            settings.webhook_secret, settings.forge.repository, shared, proposals
        )

    def begin(port: int) -> None:
        """Be ready once all that brings commands is open; over Socket Mode that takes Slack."""
        ready = functools.partial(health.ready, "serve", port=port)
        if not slack.app_token:
            ready()
            return
        args = (slack, edge, stop, ready)
        threading.Thread(target=over_socket, args=args, name="socket", daemon=True).start()

    serve(
        by_path(paths),
        slack.host,
        slack.port,
        ready=begin,
        stop=stop,
        beat=lambda: health.beat("http"),
    )
