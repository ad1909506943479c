"""Settings of the conversation, read from the environment once; vendors' names stay as they are."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from gitops.errors import UsageError
from gitops.settings import ForgeSettings, forge_names, forge_settings, require

ROLES = ("serve", "work", "watch")
"""The roles of a process; each requires only the settings that it uses."""


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """How to speak with Slack.

    SLACK_BOT_TOKEN: of the Slack app. No default.
    SLACK_APP_TOKEN: with it `serve` uses Socket Mode and needs no signing secret. Default none.
    SLACK_SIGNING_SECRET: what Slack signs its requests with. No default without an app token.
    SLACK_API_URL: Web API address. Default https://slack.com/api/.
    LEADLINE_PLAIN_WORDS: true takes verbs in a card's thread without a mention. Default false.
    LEADLINE_HOST, LEADLINE_PORT: where Slack's requests arrive. Default 0.0.0.0:3000.
    """

    token: str = field(repr=False)
    signing_secret: str = field(default="", repr=False)
    api_url: str = "https://slack.com/api/"
    host: str = "0.0.0.0"  # noqa: S104 - in a container; the Service in front decides who reaches it
    port: int = 3000
    app_token: str = field(default="", repr=False)
    plain_words: bool = False


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """How a process shows how it is.

    LEADLINE_HEALTH_PORT: where probes and scrapes arrive, at LEADLINE_HOST. Default 8080; 0 takes a
        free one, as does a process beside a sandbox unless told otherwise.
    LEADLINE_LOG_FORMAT: text for people, json for machines. Default text.
    """

    host: str = "0.0.0.0"  # noqa: S104 - as in SlackSettings
    port: int = 8080
    log_format: str = "text"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a role of Leadline needs to start.

    REDIS_URL: the queue and the memory of threads. No default.
    GITHUB_WEBHOOK_SECRET: what GitHub signs its webhook with; without it there is no webhook, and
        pull requests are only polled. Default none.
    KUBECONFIG: cluster credentials; the pod's own when unset.
    LEADLINE_API_KEYS: folder with the API keys of deployments that name a Secret. Default none.
    LEADLINE_ASK_THROUGH: network, the engines' own addresses, or api-server, the service proxy of
        the Kubernetes API. Default network.
    LEADLINE_ENGINE_PROXY: HTTP proxy towards the engines' in-cluster addresses. Default none.
    LEADLINE_ENVIRONMENT: the environment a command means when it names none. Default example.
    LEADLINE_POLL_SECONDS: how often open pull requests are read. Default 10.
    LEADLINE_PROOF_SECONDS: how often, at least, a serving group has to answer. Default 60.
    LEADLINE_CHANGE_THREADS, LEADLINE_ASK_THREADS: jobs of a lane that run at once. Default 4, 8.
    LEADLINE_WORKER: name of this worker, of no other; a restarted one takes its own work up again.
        Default the host name.
    LEADLINE_SANDBOX_URL: control API of a sandbox that keeps the time. Default none.
    """

    slack: SlackSettings
    forge: ForgeSettings
    redis_url: str = field(repr=False)
    kubeconfig: str | None = None
    api_keys: Path | None = None
    ask_through: str = "network"
    engine_proxy: str | None = None
    environment: str = "example"
    poll_seconds: float = 10.0
    proof_seconds: float = 60.0
    worker: str = "worker"
    change_threads: int = 4
    ask_threads: int = 8
    sandbox_url: str | None = None
    webhook_secret: str = field(default="", repr=False)
    process: ProcessSettings = ProcessSettings()

    @classmethod
    def load(
        cls, environment: Mapping[str, str] = os.environ, roles: tuple[str, ...] = ROLES
    ) -> "Settings":
        """Read what the roles need; report every missing name at once.

        Raises:
            UsageError: names that are not set, or a value that cannot be one.
        """
        require(environment, *_names(environment, roles))
        return cls(
            slack=_slack(environment),
            forge=_forge(environment, roles),
            redis_url=environment["REDIS_URL"],
            kubeconfig=environment.get("KUBECONFIG"),
            api_keys=_folder(environment, "LEADLINE_API_KEYS"),
            ask_through=_ask_through(environment),
            engine_proxy=environment.get("LEADLINE_ENGINE_PROXY"),
            environment=environment.get("LEADLINE_ENVIRONMENT") or "example",
            poll_seconds=_number(environment, "LEADLINE_POLL_SECONDS", "10", float, 0.1),
            proof_seconds=_number(environment, "LEADLINE_PROOF_SECONDS", "60", float, 1.0),
            worker=environment.get("LEADLINE_WORKER") or socket.gethostname(),
            change_threads=_number(environment, "LEADLINE_CHANGE_THREADS", "4", int, 1),
            ask_threads=_number(environment, "LEADLINE_ASK_THREADS", "8", int, 1),
            sandbox_url=environment.get("LEADLINE_SANDBOX_URL"),
            webhook_secret=environment.get("GITHUB_WEBHOOK_SECRET", ""),
            process=_process(environment),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for whoever must keep them out of what is written."""
        app = self.forge.app
        found = (
            self.slack.token,
            self.slack.signing_secret,
            self.slack.app_token,
            self.webhook_secret,
            self.forge.token,
            app.private_key if app else "",
            self.redis_url.partition("@")[0].rpartition(":")[2] if "@" in self.redis_url else "",
        )
        return tuple(secret for secret in found if secret)


N = TypeVar("N", int, float)


def _names(environment: Mapping[str, str], roles: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that must be set for some roles, in the order of docs/settings.md."""
    signed = "serve" in roles and not environment.get("SLACK_APP_TOKEN")
    github = {"work", "watch"} & {*roles}
    return (
        "SLACK_BOT_TOKEN",
        *(("SLACK_SIGNING_SECRET",) if signed else ()),
        *(forge_names(environment) if github else ()),
        "REDIS_URL",
    )


def _slack(environment: Mapping[str, str]) -> SlackSettings:
    return SlackSettings(
        token=environment["SLACK_BOT_TOKEN"],
        signing_secret=environment.get("SLACK_SIGNING_SECRET", ""),
        api_url=environment.get("SLACK_API_URL") or "https://slack.com/api/",
        host=_host(environment),
        port=_number(environment, "LEADLINE_PORT", "3000", int, 0),
        app_token=environment.get("SLACK_APP_TOKEN", ""),
        plain_words=_switch(environment, "LEADLINE_PLAIN_WORDS"),
    )


def _forge(environment: Mapping[str, str], roles: tuple[str, ...]) -> ForgeSettings:
    """Return how to reach GitHub; `serve` alone never does and holds no token."""
    if roles != ("serve",):
        return forge_settings(environment)
    return ForgeSettings(environment.get("LEADLINE_GITOPS_REPOSITORY", ""), "")


def _process(environment: Mapping[str, str]) -> ProcessSettings:
    free = "0" if environment.get("LEADLINE_SANDBOX_URL") else "8080"
    log_format = environment.get("LEADLINE_LOG_FORMAT") or "text"
    if log_format not in {"text", "json"}:
        raise UsageError(f"LEADLINE_LOG_FORMAT is {log_format!r}; write text or json")
    port = _number(environment, "LEADLINE_HEALTH_PORT", free, int, 0)
    return ProcessSettings(_host(environment), port, log_format)


def _host(environment: Mapping[str, str]) -> str:
    return environment.get("LEADLINE_HOST") or "0.0.0.0"  # noqa: S104 - as in SlackSettings


def _folder(environment: Mapping[str, str], name: str) -> Path | None:
    path = environment.get(name)
    return Path(path) if path else None


def _ask_through(environment: Mapping[str, str]) -> str:
    way = environment.get("LEADLINE_ASK_THROUGH") or "network"
    if way not in {"network", "api-server"}:
        raise UsageError(f"LEADLINE_ASK_THROUGH is {way!r}; write network or api-server")
    return way


def _switch(environment: Mapping[str, str], name: str) -> bool:
    word = environment.get(name) or "false"
    if word not in {"true", "false"}:
        raise UsageError(f"{name} is {word!r}; write true or false")
    return word == "true"


def _number(
    environment: Mapping[str, str], name: str, default: str, kind: Callable[[str], N], least: N
) -> N:
    text = environment.get(name) or default
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not value >= least:
        raise UsageError(f"{name} is {text!r}; write a number, {least} or more")
    return value
