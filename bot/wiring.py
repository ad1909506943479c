"""The composition root: the one module that names every adapter, a short function a role.

Adapters are imported by the role that needs them: the SDKs together take seconds to load.
"""

import logging
import threading
from collections.abc import Callable

from bot.settings import Settings
from bot.store.redis import RedisStore
from gitops.catalog import Catalog
from gitops.clock import Clock, SandboxClock, SystemClock

_log = logging.getLogger(__name__)

Role = Callable[[Settings, threading.Event], None]


def web(settings: Settings, stop: threading.Event) -> None:  # noqa: ARG001 - one signature a role
    """Take Slack's requests and queue them."""
    from bot.slack.server import serve  # noqa: PLC0415 - see the module

    serve(
        settings.slack,
        RedisStore.connect(settings.redis_url),
        clock(settings),
        lambda port: _log.info("ready role=web port=%s", port),
    )


def worker(settings: Settings, stop: threading.Event) -> None:
    """Run queued commands."""
    from bot.commands.ask import Asker  # noqa: PLC0415 - see the module
    from bot.commands.deploy import Deployer  # noqa: PLC0415 - see the module
    from bot.commands.desired import MainBranch  # noqa: PLC0415 - see the module
    from bot.commands.worker import Worker  # noqa: PLC0415 - see the module
    from bot.relay.openai import OpenAIEndpoint  # noqa: PLC0415 - see the module
    from bot.slack.client import SlackChat  # noqa: PLC0415 - see the module
    from bot.speaker import Speaker  # noqa: PLC0415 - see the module
    from gitops.github import GithubForge  # noqa: PLC0415 - see the module
    from gitops.proposing import Proposer  # noqa: PLC0415 - see the module

    time, store = clock(settings), RedisStore.connect(settings.redis_url)
    chat = SlackChat.connect(settings.slack, time)
    speaker = Speaker(chat, store, time)
    forge = GithubForge.connect(settings.forge)
    proposer = Proposer(Catalog.load(), MainBranch(forge, settings.environment))
    deployer = Deployer(proposer, forge, store, speaker)
    asker = Asker(store, OpenAIEndpoint.connect(settings.engine_proxy), speaker)
    _log.info("ready role=worker name=%s", settings.worker)
    Worker(settings.worker, store, chat, deployer, asker).run(stop)


def watch(settings: Settings, stop: threading.Event) -> None:
    """Watch pull requests and the cluster, and tell the threads."""
    from bot.cluster.kube import KubernetesCluster  # noqa: PLC0415 - see the module
    from bot.relay.openai import OpenAIEndpoint  # noqa: PLC0415 - see the module
    from bot.rollout.watch import Ports, Watcher  # noqa: PLC0415 - see the module
    from bot.slack.client import SlackChat  # noqa: PLC0415 - see the module
    from bot.speaker import Speaker  # noqa: PLC0415 - see the module
    from gitops.github import GithubForge  # noqa: PLC0415 - see the module

    time, store = clock(settings), RedisStore.connect(settings.redis_url)
    ports = Ports(
        KubernetesCluster.connect(settings.kubeconfig, time),
        GithubForge.connect(settings.forge),
        store,
        Speaker(SlackChat.connect(settings.slack, time), store, time),
        OpenAIEndpoint.connect(settings.engine_proxy),
        time,
    )
    _log.info("ready role=watch")
    Watcher(ports, settings.poll_seconds).run(stop)


def clock(settings: Settings) -> Clock:
    """Return the machine's clock, or the sandbox's where one is set."""
    return SandboxClock(settings.sandbox_url) if settings.sandbox_url else SystemClock()


ROLES: dict[str, Role] = {"web": web, "worker": worker, "watch": watch}
