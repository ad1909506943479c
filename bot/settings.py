"""Settings of the conversation, read from the environment once; vendors' names stay as they are."""

import os
import socket
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitops.settings import ForgeSettings, Reading, read_forge

ROLES = ("serve", "work", "watch")
"""The roles of a process; each requires only the settings that it uses."""

PORTS = 65_535
"""Largest port there is."""

MOST_THREADS = 200
"""Most jobs of a lane at once: as many connections to engines as a process opens."""

LONGEST = 3600.0
"""Longest time between two looks or proofs, in seconds; with more, cards say nothing of now."""


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
    KUBERNETES_SERVICE_HOST: Kubernetes sets it in each pod; there, environments without a context
        are of the pod's own cluster.
    LEADLINE_ASK_THROUGH: network, the engines' own addresses, or api-server, the proxy of the
        Kubernetes API for whatever is not in the pod's own cluster. Default network.
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
    inside: bool = False
    api_keys: Path | None = None
    ask_through: str = "network"
    engine_proxy: str | None = field(default=None, repr=False)
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
        """Read what the roles need.

        Raises:
            UsageError: names that are not set, or values that cannot be one; all of them at once.
        """
        reading = Reading(environment)
        found = _read(reading, roles)
        reading.finish()
        return found

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
            *_passwords(self.redis_url),
            *_passwords(self.engine_proxy or ""),
        )
        return tuple(secret for secret in found if secret)


def _read(reading: Reading, roles: tuple[str, ...]) -> Settings:
    slack = _slack(reading, roles)
    forge = _forge(reading, roles)
    reading.require("REDIS_URL")
    return Settings(
        slack=slack,
        forge=forge,
        redis_url=_redis_url(reading),
        kubeconfig=reading.text("KUBECONFIG") or None,
        inside=_inside(reading),
        api_keys=_folder(reading, "LEADLINE_API_KEYS"),
        ask_through=reading.word("LEADLINE_ASK_THROUGH", "network", ("network", "api-server")),
        engine_proxy=reading.address("LEADLINE_ENGINE_PROXY") or None,
        environment=reading.text("LEADLINE_ENVIRONMENT", "example"),
        poll_seconds=reading.number("LEADLINE_POLL_SECONDS", "10", 0.1, LONGEST),
        proof_seconds=reading.number("LEADLINE_PROOF_SECONDS", "60", 1.0, LONGEST),
        worker=reading.text("LEADLINE_WORKER") or socket.gethostname(),
        change_threads=reading.number("LEADLINE_CHANGE_THREADS", "4", 1, MOST_THREADS),
        ask_threads=reading.number("LEADLINE_ASK_THREADS", "8", 1, MOST_THREADS),
        sandbox_url=reading.address("LEADLINE_SANDBOX_URL") or None,
        webhook_secret=reading.secret("GITHUB_WEBHOOK_SECRET"),
        process=_process(reading),
    )


def _slack(reading: Reading, roles: tuple[str, ...]) -> SlackSettings:
    reading.require("SLACK_BOT_TOKEN")
    if "serve" in roles and not reading.text("SLACK_APP_TOKEN"):
        reading.require("SLACK_SIGNING_SECRET")
    return SlackSettings(
        token=reading.secret("SLACK_BOT_TOKEN"),
        signing_secret=reading.secret("SLACK_SIGNING_SECRET"),
        api_url=reading.address("SLACK_API_URL", "https://slack.com/api") + "/",
        host=_host(reading),
        port=reading.number("LEADLINE_PORT", "3000", 0, PORTS),
        app_token=reading.secret("SLACK_APP_TOKEN"),
        plain_words=reading.word("LEADLINE_PLAIN_WORDS", "false", ("true", "false")) == "true",
    )


def _forge(reading: Reading, roles: tuple[str, ...]) -> ForgeSettings:
    """Return how to reach GitHub; `serve` alone never does and holds no token."""
    if roles != ("serve",):
        return read_forge(reading)
    return ForgeSettings(reading.text("LEADLINE_GITOPS_REPOSITORY"), "")


def _process(reading: Reading) -> ProcessSettings:
    free = "0" if reading.text("LEADLINE_SANDBOX_URL") else "8080"
    port = reading.number("LEADLINE_HEALTH_PORT", free, 0, PORTS)
    log_format = reading.word("LEADLINE_LOG_FORMAT", "text", ("text", "json"))
    return ProcessSettings(_host(reading), port, log_format)


def _host(reading: Reading) -> str:
    return reading.text("LEADLINE_HOST", "0.0.0.0")  # noqa: S104 - as in SlackSettings


def _folder(reading: Reading, name: str) -> Path | None:
    path = reading.text(name)
    return Path(path) if path else None


def _inside(reading: Reading) -> bool:
    """Say whether this is a pod of a cluster; beside a sandbox, the sandbox's cluster counts."""
    kubernetes, sandbox = "KUBERNETES_SERVICE_HOST", "LEADLINE_SANDBOX_URL"
    return bool(reading.text(kubernetes)) and not reading.text(sandbox)


def _redis_url(reading: Reading) -> str:
    """Return the address of Redis; it may hold a password, so a wrong one is not shown."""
    found = reading.text("REDIS_URL")
    if found and not _is_redis(found):
        reading.wrong("REDIS_URL is no address of Redis; write it as redis://:PASSWORD@HOST:6379/0")
    return found


def _is_redis(url: str) -> bool:
    """Say whether redis-py can read an address; of a database that is no number it takes 0."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return bool(parts.path)
    database = parts.path.strip("/")
    known = parts.scheme in {"redis", "rediss"} and port != 0
    return known and "://" in url and (not database or database.isdigit())


def _passwords(url: str) -> tuple[str, ...]:
    """Return the password in an address, as its client reads it and as it stands there."""
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.parse_qs(parts.query).get("password", [])
    named = parts.password or ""
    return (named, urllib.parse.unquote(named), *query)
