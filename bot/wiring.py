"""The composition root: the one module that names every adapter, a short function a role.

Adapters are imported by the role that needs them: the SDKs together take seconds to load.
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bot.errors import BotError, StoreUnavailableError
from bot.health import Health
from bot.settings import Settings
from bot.store import Lane
from bot.store.queue import RedisQueue
from bot.store.redis import RedisStore
from gitops.clock import Clock, SandboxClock, SystemClock
from gitops.errors import GitOpsError

if TYPE_CHECKING:
    from bot.commands.acting import Ask
    from bot.commands.changing import Asked
    from bot.commands.command import Ask as Question
    from bot.commands.conversation import Conversation
    from bot.commands.scene import Scene
    from bot.desired import Mirror
    from bot.rollout.watch import Ports
    from bot.speaker import Speaker
    from bot.store.shared import RedisShared

_log = logging.getLogger(__name__)

REFRESH = 20.0
"""Seconds between two readings of main; what is published may be 60 s old."""

SILENCE = 60.0
"""Seconds without a round after which a lane counts as hung; a Redis that is away costs 30."""

T = TypeVar("T")

Role = Callable[[Settings, threading.Event, Health], None]


def serve(settings: Settings, stop: threading.Event, health: Health) -> None:
    """Take what Slack and GitHub send, and queue it."""
    from bot.desired import FromSnapshot, Mirror  # noqa: PLC0415 - see the module
    from bot.slack.desk import Desk  # noqa: PLC0415 - see the module
    from bot.slack.directory import SlackDirectory  # noqa: PLC0415 - see the module
    from bot.slack.listeners import Edge  # noqa: PLC0415 - see the module
    from bot.slack.server import PATH, over_http, over_socket  # noqa: PLC0415 - see the module
    from bot.store.cancels import RedisCancels  # noqa: PLC0415 - see the module
    from bot.store.connection import EDGE, connect  # noqa: PLC0415 - see the module
    from bot.store.shared import RedisShared  # noqa: PLC0415 - see the module
    from bot.web import by_path  # noqa: PLC0415 - see the module
    from bot.web import serve as serve_http  # noqa: PLC0415 - see the module
    from bot.webhook import webhook  # noqa: PLC0415 - see the module

    time, redis, slack = clock(settings), connect(settings.redis_url, EDGE), settings.slack
    shared = RedisShared(redis)
    mirror = Mirror(FromSnapshot(shared, time))
    people = SlackDirectory.connect(slack, time, hasty=True)
    desk = Desk(mirror, people, settings.environment)
    queue, cancels = RedisQueue.connect(settings.redis_url), RedisCancels(redis)
    edge = Edge(queue, desk, cancels.cancel, time)
    paths = {} if slack.app_token else {PATH: over_http(slack, edge, time)}
    if settings.webhook_secret:
        proposals = RedisStore(redis).proposals
        paths["/github/webhook"] = webhook(
            settings.webhook_secret, settings.forge.repository, shared, proposals
        )
    if slack.app_token:
        args = (slack, edge, stop)
        threading.Thread(target=over_socket, args=args, name="socket", daemon=True).start()
    serve_http(
        by_path(paths),
        slack.host,
        slack.port,
        ready=lambda port: health.ready("serve", port=port),
        stop=stop,
        beat=lambda: health.beat("http"),
    )


def work(settings: Settings, stop: threading.Event, health: Health) -> None:
    """Run queued commands."""
    from bot.commands.lanes import Hall, Pace  # noqa: PLC0415 - see the module
    from bot.commands.worker import Worker  # noqa: PLC0415 - see the module
    from bot.desired import FromForge, Mirror  # noqa: PLC0415 - see the module
    from bot.store.claims import RedisClaims  # noqa: PLC0415 - see the module
    from bot.store.connection import WORKER, connect  # noqa: PLC0415 - see the module
    from bot.store.locks import RedisLocks  # noqa: PLC0415 - see the module
    from bot.store.shared import RedisShared  # noqa: PLC0415 - see the module
    from gitops.github import GithubForge  # noqa: PLC0415 - see the module

    time, shared = clock(settings), RedisShared(connect(settings.redis_url, WORKER))
    mirror = Mirror(FromForge(GithubForge.connect(settings.forge, time), shared, time))
    _read_main(mirror)  # before any job: the order of changes goes by what main holds
    threading.Thread(target=_refresh, args=(mirror, stop), name="main", daemon=True).start()
    talk = conversation(settings, mirror, shared)
    claims = RedisClaims.connect(settings.redis_url, settings.worker)
    locks = RedisLocks.connect(settings.redis_url)
    hall = Hall(settings.worker, claims, claims, locks, lambda lane: health.beat(lane, SILENCE))
    health.ready("work", name=settings.worker)
    paces = {Lane.CHANGE: Pace(settings.change_threads), Lane.ASK: Pace(settings.ask_threads)}
    Worker(hall, talk.chat, time, talk, talk.key_of, paces).run(stop)


def conversation(settings: Settings, mirror: "Mirror", shared: "RedisShared") -> "Conversation":
    """Return what runs a command from its text to its answer."""
    from bot.commands.acting import Actions  # noqa: PLC0415 - see the module
    from bot.commands.changing import Changer  # noqa: PLC0415 - see the module
    from bot.commands.conversation import Conversation  # noqa: PLC0415 - see the module
    from bot.commands.glass import GlassBreaker  # noqa: PLC0415 - see the module
    from bot.slack.client import SlackChat  # noqa: PLC0415 - see the module
    from bot.slack.directory import SlackDirectory  # noqa: PLC0415 - see the module
    from bot.speaker import Speaker  # noqa: PLC0415 - see the module
    from bot.store.audit import RedisAudit  # noqa: PLC0415 - see the module
    from bot.store.connection import WORKER, connect  # noqa: PLC0415 - see the module
    from gitops.github import GithubForge  # noqa: PLC0415 - see the module
    from gitops.github.past import GithubPast  # noqa: PLC0415 - see the module
    from gitops.github.reviews import GithubReviews  # noqa: PLC0415 - see the module

    time, store = clock(settings), RedisStore.connect(settings.redis_url)
    chat = SlackChat.connect(settings.slack, time)
    directory = SlackDirectory.connect(settings.slack, time)
    speaker = Speaker(chat, store, time)
    forge = _per_thread(lambda: GithubForge.connect(settings.forge, time))
    reviews = _per_thread(lambda: GithubReviews.connect(settings.forge, time))
    changer = Changer(forge, store, speaker, directory, shared)
    glass = GlassBreaker(forge, reviews, store, speaker)
    past = _per_thread(lambda: GithubPast.connect(settings.forge, time))
    actions = Actions(chat, shared, time, changer, asker(settings, store, speaker), glass, past)
    audit = RedisAudit(connect(settings.redis_url, WORKER))
    return Conversation(mirror, store, chat, directory, audit, time, actions, settings.environment)


def asker(settings: Settings, store: RedisStore, speaker: "Speaker") -> "Ask":
    """Return what asks models."""
    from bot.commands.ask import Asker  # noqa: PLC0415 - see the module
    from bot.commands.parse import Ask as Typed  # noqa: PLC0415 - see the module
    from bot.relay.openai import OpenAIEndpoint  # noqa: PLC0415 - see the module

    old = Asker(store, OpenAIEndpoint.connect(settings.engine_proxy), speaker)

    def ask(command: "Question", scene: "Scene", asked: "Asked") -> None:  # noqa: ARG001 - the port
        old(Typed(f"{command.environment}/{command.name}", command.question), asked)

    return ask


def _refresh(mirror: "Mirror", stop: threading.Event) -> None:
    """Read main again and again, so that what the others know of it is never old."""
    while not stop.wait(REFRESH):
        _read_main(mirror)


def _read_main(mirror: "Mirror") -> None:
    try:
        mirror.desired()
    except (BotError, GitOpsError) as error:  # the next reading may do better; commands say it
        _log.warning("main not read error=%s", error)


def _per_thread(make: Callable[[], T]) -> Callable[[], T]:
    """Return a function that gives each thread its own: PyGithub promises nothing between them."""
    local = threading.local()

    def get() -> T:
        if not hasattr(local, "made"):
            local.made = make()
        made: T = local.made
        return made

    return get


def watch(settings: Settings, stop: threading.Event, health: Health) -> None:
    """Watch pull requests and clusters, and tell the threads; one replica at a time."""
    from bot import metrics  # noqa: PLC0415 - see the module
    from bot.rollout.watch import PULSE, Watcher  # noqa: PLC0415 - see the module
    from bot.store.connection import EDGE  # noqa: PLC0415 - see the module
    from bot.store.leading import Leader  # noqa: PLC0415 - see the module
    from bot.store.locks import RedisLocks  # noqa: PLC0415 - see the module

    ports = watched(settings)
    leader = Leader(RedisLocks.connect(settings.redis_url, EDGE), settings.worker)
    health.ready("watch")  # also while another one leads
    with leader.hold("watch", stop) as lead:
        if lead is None:
            return
        Watcher(
            ports,
            settings.poll_seconds,
            lead.fence,
            alive=lambda: health.beat("watch", PULSE),
            heard=metrics.watched,
        ).run(stop, lead.lost)
        health.rest("watch")
        if lead.lost.is_set():  # its threads may still read: the process ends and starts anew
            raise StoreUnavailableError("leading the watch: the lock in Redis is lost; start again")


def watched(settings: Settings) -> "Ports":
    """Return everything that a watcher reaches."""
    from bot.cluster.kube import KubernetesClusters  # noqa: PLC0415 - see the module
    from bot.desired import FromSnapshot, Mirror  # noqa: PLC0415 - see the module
    from bot.relay.openai import OpenAIEndpoint  # noqa: PLC0415 - see the module
    from bot.rollout.ground import LastPublished  # noqa: PLC0415 - see the module
    from bot.rollout.proving import Prover  # noqa: PLC0415 - see the module
    from bot.rollout.pulls import Pulls  # noqa: PLC0415 - see the module
    from bot.rollout.watch import Ports  # noqa: PLC0415 - see the module
    from bot.slack.client import SlackChat  # noqa: PLC0415 - see the module
    from bot.slack.directory import SlackDirectory  # noqa: PLC0415 - see the module
    from bot.speaker import Speaker  # noqa: PLC0415 - see the module
    from bot.store.connection import WORKER, connect  # noqa: PLC0415 - see the module
    from bot.store.shared import RedisShared  # noqa: PLC0415 - see the module
    from gitops.github import GithubForge  # noqa: PLC0415 - see the module
    from gitops.github.reviews import GithubReviews  # noqa: PLC0415 - see the module

    time, store = clock(settings), RedisStore.connect(settings.redis_url)
    shared = RedisShared(connect(settings.redis_url, WORKER))
    pulls = Pulls(
        GithubForge.connect(settings.forge, time),
        GithubReviews.connect(settings.forge, time),
        SlackDirectory.connect(settings.slack, time),
        Mirror(FromSnapshot(shared, time)).desired,
        time,
    )
    return Ports(
        KubernetesClusters(settings.kubeconfig, time),
        Mirror(LastPublished(shared)).desired,
        pulls,
        store,
        shared,
        shared,
        Speaker(SlackChat.connect(settings.slack, time), store, time),
        Prover(OpenAIEndpoint.connect(settings.engine_proxy), time, settings.proof_seconds),
        time,
    )


def clock(settings: Settings) -> Clock:
    """Return the machine's clock, or the sandbox's where one is set."""
    return SandboxClock(settings.sandbox_url) if settings.sandbox_url else SystemClock()


ROLES: dict[str, Role] = {"serve": serve, "work": work, "watch": watch}
