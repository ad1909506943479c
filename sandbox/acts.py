"""The table of acts: what people and fate may do to the worlds, by the names that all use.

Stories and the control API read this table. Each act is a method of a world; its own signature is
the type of the body. `by` is a person's name everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.acting import Act, Named
from sandbox.agent import Agent
from sandbox.cluster import Cluster
from sandbox.cluster.refusals import Refusal
from sandbox.collaboration import Collaboration
from sandbox.engine import Engine
from sandbox.github.errors import RefusedError
from sandbox.github.host import GitHub
from sandbox.people import CHANNEL, channel, person
from sandbox.slack.errors import NotThereError
from sandbox.slack.errors import RefusedError as SlackRefusedError
from sandbox.slack.settings import AppSettings
from sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class AppPages:
    """The pages on which a person sets the Slack app up."""

    slack: Workspace

    def change(self, events: tuple[str, ...] = (), *, socket_mode: bool = False) -> None:
        """Say which events the app asks for, and whether all comes over Socket Mode.

        Raises:
            ValueError: an event that is unknown, or for which the app has no scope.
        """
        url = self.slack.settings.request_url
        self.slack.configure(AppSettings(url, socket_mode, frozenset(events)))


Table = Mapping[str, Act]

_BY = Named("login", "bob")
_AUTHOR = Named("user", "alice", person)
_IN = Named("channel", CHANNEL, channel)


def on_slack(slack: Workspace) -> Table:
    """Return what people do in Slack, and what administrators do to it."""
    refused = (SlackRefusedError, NotThereError, KeyError)
    people = slack.people
    return {
        "type": Act.of(people.type, *refused, by=_AUTHOR, channel=_IN),
        "mention": Act.of(people.mention, *refused, by=_AUTHOR, channel=_IN),
        "post": Act.of(people.say, *refused, by=_AUTHOR, channel=_IN),
        "press": Act.of(people.press, *refused, by=_AUTHOR),
        "choose": Act.of(people.choose, *refused, by=_AUTHOR),
        "submit": Act.of(people.submit, *refused, by=_AUTHOR),
        "close_modal": Act.of(people.close, *refused, by=_AUTHOR),
        "stop_stream": Act.of(slack.stop_stream, *refused, by=_AUTHOR, channel=_IN),
        "delete_message": Act.of(slack.delete_message, *refused, channel=_IN),
        "change_channel": Act.of(slack.change_channel, *refused, channel=_IN),
        "app_settings": Act.of(AppPages(slack).change),
    }


def on_github(github: GitHub, people: Collaboration) -> Table:
    """Return what people do on GitHub, and GitHub's own troubles."""
    refused = (RefusedError, KeyError, RuntimeError)
    return {
        "merge": Act.of(github.merge, *refused, by=_BY),
        "close": Act.of(github.close, *refused, by=_BY),
        "reopen": Act.of(people.reopen, *refused, by=_BY),
        "review": Act.of(github.review, *refused, by=_BY),
        "ready": Act.of(github.ready, *refused, by=_BY),
        "comment": Act.of(people.comment, *refused, by=_BY),
        "check": Act.of(github.check, *refused),
        "status": Act.of(people.status, *refused, by=_BY),
        "push": Act.of(people.push, *refused, by=_BY),
        "protect": Act.of(people.protect, *refused),
        "trouble": Act.of(people.trouble, *refused),
        "hook_add": Act.of(people.hook_add, *refused),
        "hook_fault": Act.of(people.hook_fault, *refused),
        "hook_redeliver": Act.of(github.hooks.redeliver, *refused),
    }


def on_cluster(cluster: Cluster) -> Table:
    """Return what befalls the cluster; `namespace` is `default` unless said."""
    refused = (Refusal, KeyError)
    place = Named("namespace", "default")
    return {
        "kill": Act.of(cluster.kill, *refused, namespace=place),
        "oom": Act.of(cluster.oom, *refused, namespace=place),
        "evict": Act.of(cluster.evict, *refused, namespace=place),
        "image_missing": Act.of(cluster.image_missing, *refused),
        "claim_missing": Act.of(cluster.claim_missing, *refused, namespace=place),
        "never_ready": Act.of(cluster.never_ready, *refused, namespace=place),
        "cordon": Act.of(cluster.cordon, *refused),
        "shrink": Act.of(cluster.shrink, *refused),
        "lose_node": Act.of(cluster.lose_node, *refused),
        "find_node": Act.of(cluster.find_node, *refused),
        "webhook_down": Act.of(cluster.webhook_down, *refused),
        "compact": Act.of(cluster.compact, *refused),
    }


def on_engines(engine: Engine) -> Table:
    """Return what befalls the engines."""
    return {
        "engine_down": Act.of(engine.down),
        "engine_up": Act.of(engine.up),
        "engine_fault": Act.of(engine.fault),
        "engine_heal": Act.of(engine.heal),
        "engine_pace": Act.of(engine.pace),
    }


def on_agent(agent: Agent) -> Table:
    """Return what befalls the GitOps agent, and what its people ask of it."""
    return {
        "agent_sync": Act.of(agent.sync),
        "agent_fail": Act.of(agent.fail),
        "agent_repair": Act.of(agent.repair),
        "agent_pause": Act.of(agent.pause),
        "agent_resume": Act.of(agent.resume),
    }
