"""Wiring of the engines: how those of each cluster are reached, for questions and for proofs."""

import functools
from collections.abc import Callable

from bot.relay import Engines
from bot.relay.keys import MountedKeys, NoKeys
from bot.relay.openai import OpenAIEndpoint
from bot.relay.routes import KEY_IS_LOST, NoWay, out_of_reach
from bot.settings import Settings


def engines(settings: Settings) -> Callable[[str], Engines]:
    """Return what gives the engines of a kubeconfig's context; "" is Leadline's own cluster.

    Only there do the engines' own addresses lead to them. From a laptop nothing is its own cluster,
    unless LEADLINE_ENGINE_PROXY or a tunnel leads there: `network` says that one does.
    """

    @functools.cache
    def of(context: str) -> Engines:
        if not context and (settings.inside or settings.ask_through == "network"):
            own = OpenAIEndpoint.connect(settings.engine_proxy)
            return Engines(own, MountedKeys(settings.api_keys))
        if settings.ask_through == "network":
            why = out_of_reach(context)
            return Engines(OpenAIEndpoint(NoWay(why)), NoKeys(why))
        from bot.cluster.proxying import ServiceProxy  # noqa: PLC0415 - the SDK, for this way only

        through = OpenAIEndpoint.through(ServiceProxy(settings.kubeconfig, context))
        return Engines(through, NoKeys(KEY_IS_LOST))

    return of
