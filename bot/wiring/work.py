"""Wiring of the role `work`: runs commands, and publishes what main holds."""

import logging
import threading
from collections.abc import Callable

from bot.commands.acting import Actions
from bot.commands.ask import Asking
from bot.commands.changing import Changer
from bot.commands.conversation import Conversation
from bot.commands.glass import GlassBreaker
from bot.commands.pace import Pace
from bot.commands.seats import Seats
from bot.commands.worker import Worker
from bot.desired import FromForge, Mirror
from bot.errors import BotError
from bot.health import Health
from bot.rollout.ground import LastPublished
from bot.settings import Settings
from bot.slack.client import SlackChat
from bot.slack.directory import SlackDirectory
from bot.speaker import Speaker
from bot.store import Lane
from bot.store.audit import RedisAudit
from bot.store.budgets import RedisBudgets
from bot.store.cancels import RedisCancels
from bot.store.claims import RedisClaims
from bot.store.connection import WORKER, connect
from bot.store.holding import Hall
from bot.store.locks import RedisLocks
from bot.store.redis import RedisStore
from bot.store.shared import RedisShared
from bot.wiring.engines import engines
from bot.wiring.parts import clock, per_thread
from gitops.clock import Clock
from gitops.errors import GitOpsError
from gitops.github import GithubForge
from gitops.github.past import GithubPast
from gitops.github.reviews import GithubReviews

REFRESH = 20.0
"""Seconds between two readings of main; what is published may be 60 s old."""

SILENCE = 60.0
"""Seconds without a round after which a lane counts as hung; a Redis that is away costs 30."""

READING = 90.0
"""Seconds within which a reading of main ends; a GitHub that does not answer costs about 55."""

_log = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event, health: Health) -> None:
    """Work until `stop` is set."""
    time, shared = clock(settings), RedisShared(connect(settings.redis_url, WORKER))
    mirror = Mirror(FromForge(GithubForge.connect(settings.forge, time), shared, time))
    _read_main(mirror)  # before any job: the order of changes goes by what main holds
    args = (mirror, time, lambda: health.beat("main", READING))
    threading.Thread(target=_refresh, args=args, name="main", daemon=True).start()
    talk = conversation(settings, mirror, shared)
    claims = RedisClaims.connect(settings.redis_url, settings.worker)
    locks = RedisLocks.connect(settings.redis_url)
    hall = Hall(settings.worker, claims, claims, locks, lambda lane: health.beat(lane, SILENCE))
    health.ready("work", name=settings.worker)
    paces = {Lane.CHANGE: Pace(settings.change_threads), Lane.ASK: Pace(settings.ask_threads)}
    audit = RedisAudit(connect(settings.redis_url, WORKER))
    Worker(hall, talk.chat, audit, time, talk, talk.key_of, paces).run(stop)


def conversation(settings: Settings, mirror: Mirror, shared: RedisShared) -> Conversation:
    """Return what runs a command from its text to its answer."""
    time, redis = clock(settings), connect(settings.redis_url, WORKER)
    store = RedisStore(redis)
    chat = SlackChat.connect(settings.slack, time, RedisBudgets(redis, time))
    directory = SlackDirectory.connect(settings.slack, time)
    speaker = Speaker(chat, store, time)
    forge = per_thread(lambda: GithubForge.connect(settings.forge, time))
    reviews = per_thread(lambda: GithubReviews.connect(settings.forge, time))
    actions = Actions(
        chat,
        shared,
        time,
        Changer(forge, store, speaker, directory, shared),
        asking(settings, speaker, shared),
        GlassBreaker(forge, reviews, store, speaker),
        per_thread(lambda: GithubPast.connect(settings.forge, time)),
        directory,
    )
    last = Mirror(LastPublished(shared)).desired
    return Conversation(mirror, store, chat, directory, actions, settings.environment, last, time)


def asking(settings: Settings, speaker: Speaker, shared: RedisShared) -> Asking:
    """Return what asks models."""
    cancels = RedisCancels(connect(settings.redis_url, WORKER))
    seats = Seats(RedisLocks.connect(settings.redis_url))
    return Asking(speaker, engines(settings), cancels, shared, seats)


def _refresh(mirror: Mirror, time: Clock, beat: Callable[[], None]) -> None:
    """Read main again and again, so that what the others know of it is never old."""
    while True:
        beat()
        time.sleep(REFRESH)
        beat()
        _read_main(mirror)


def _read_main(mirror: Mirror) -> None:
    """Publish main; the next reading may do better than one that fails, and commands say it."""
    try:
        mirror.desired()
    except (BotError, GitOpsError) as error:
        _log.warning("main not read error=%s", error)
    except Exception:  # noqa: BLE001 - without this thread nobody would know main for good
        _log.exception("main not read")
