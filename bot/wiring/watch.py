"""Wiring of the role `watch`: follows pull requests and clusters, and tells the threads."""

import threading

from bot import metrics
from bot.cluster.kube import KubernetesClusters
from bot.desired import FromSnapshot, Mirror
from bot.errors import StoreUnavailableError
from bot.health import Health
from bot.rollout.ages import Ages
from bot.rollout.ground import LastPublished
from bot.rollout.looks import Looks
from bot.rollout.proving import Prover
from bot.rollout.pulls import Pulls
from bot.rollout.watch import PULSE, Ports, Watcher
from bot.settings import Settings
from bot.slack.client import SlackChat
from bot.slack.directory import SlackDirectory
from bot.speaker import Speaker
from bot.store.connection import EDGE, WORKER, connect
from bot.store.leading import Leader
from bot.store.locks import RedisLocks
from bot.store.redis import RedisStore
from bot.store.shared import RedisShared
from bot.wiring.engines import engines
from bot.wiring.parts import clock
from gitops.github import GithubForge
from gitops.github.past import GithubPast
from gitops.github.reviews import GithubReviews


def run(settings: Settings, stop: threading.Event, health: Health) -> None:
    """Watch until `stop` is set; of several replicas, one at a time."""
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
            ages=Ages(metrics.watched),
        ).run(stop, lead.lost)
        health.rest("watch")
        if lead.lost.is_set():  # its threads may still read: the process ends and starts anew
            raise StoreUnavailableError("leading the watch: the lock in Redis is lost; start again")


def watched(settings: Settings) -> Ports:
    """Return everything that a watcher reaches."""
    time, redis = clock(settings), connect(settings.redis_url, WORKER)
    shared, store = RedisShared(redis), RedisStore(redis)
    pulls = Pulls(
        GithubForge.connect(settings.forge, time),
        GithubReviews.connect(settings.forge, time),
        GithubPast.connect(settings.forge, time),
        SlackDirectory.connect(settings.slack, time),
        Mirror(FromSnapshot(shared, time)).desired,
        settings.forge.branch,
        time,
    )
    main = Mirror(LastPublished(shared)).desired
    return Ports(
        KubernetesClusters(settings.kubeconfig, time, inside=settings.inside),
        main,
        Looks(pulls, time),
        store,
        shared,
        shared,
        Speaker(SlackChat.connect(settings.slack, time), store, time),
        Prover(engines(settings), main, time, settings.proof_seconds),
        time,
    )
