"""Settings of the conversation, read from the environment once; vendors' names stay as they are."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops.settings import ForgeSettings, forge_settings, require


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """How to speak with Slack.

    SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET: of the Slack app. No default.
    SLACK_API_URL: Web API address. Default https://slack.com/api/.
    LEADLINE_HOST, LEADLINE_PORT: where Slack's requests arrive. Default 0.0.0.0:3000.
    """

    token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    api_url: str = "https://slack.com/api/"
    host: str = "0.0.0.0"  # noqa: S104 - in a container; the Service in front decides who reaches it
    port: int = 3000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a role of Leadline needs to start.

    REDIS_URL: the queue and the memory of threads. No default.
    KUBECONFIG: cluster credentials; the pod's own when unset.
    LEADLINE_ENGINE_PROXY: HTTP proxy towards the engines' in-cluster addresses. Default none.
    LEADLINE_ENVIRONMENT: the environment a command means when it names none. Default example.
    LEADLINE_POLL_SECONDS: how often open pull requests are read. Default 10.
    LEADLINE_WORKER: name of this worker; a restarted worker takes its own work up again.
        Default the host name.
    LEADLINE_SANDBOX_URL: control API of a sandbox that keeps the time. Default none.
    """

    slack: SlackSettings
    forge: ForgeSettings
    redis_url: str = field(repr=False)
    kubeconfig: str | None = None
    engine_proxy: str | None = None
    environment: str = "example"
    poll_seconds: float = 10.0
    worker: str = "worker"
    sandbox_url: str | None = None

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read all settings; report every missing name at once.

        Raises:
            UsageError: names that are not set.
        """
        require(
            environment,
            "SLACK_BOT_TOKEN",
            "SLACK_SIGNING_SECRET",
            "GITHUB_TOKEN",
            "LEADLINE_GITOPS_REPOSITORY",
            "REDIS_URL",
        )
        return cls(
            slack=_slack(environment),
            forge=forge_settings(environment),
            redis_url=environment["REDIS_URL"],
            kubeconfig=environment.get("KUBECONFIG"),
            engine_proxy=environment.get("LEADLINE_ENGINE_PROXY"),
            environment=environment.get("LEADLINE_ENVIRONMENT", "example"),
            poll_seconds=float(environment.get("LEADLINE_POLL_SECONDS", "10")),
            worker=environment.get("LEADLINE_WORKER", socket.gethostname()),
            sandbox_url=environment.get("LEADLINE_SANDBOX_URL"),
        )


def _slack(environment: Mapping[str, str]) -> SlackSettings:
    return SlackSettings(
        token=environment["SLACK_BOT_TOKEN"],
        signing_secret=environment["SLACK_SIGNING_SECRET"],
        api_url=environment.get("SLACK_API_URL", "https://slack.com/api/"),
        host=environment.get("LEADLINE_HOST", "0.0.0.0"),  # noqa: S104 - as in SlackSettings
        port=int(environment.get("LEADLINE_PORT", "3000")),
    )
