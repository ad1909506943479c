"""Environment files: for each real client, the variables that lead it to a sandbox.

Sources: git-config(1) (GIT_CONFIG_COUNT, url.BASE.insteadOf); curl(1) (`http_proxy` in lower
case only, `no_proxy`); the openai client's README (OPENAI_BASE_URL, OPENAI_API_KEY). There is
none for gh: it speaks TLS with every host but its makers' own test host.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from sandbox.people import OWNER_TOKEN, TEAM
from sandbox.worlds import Sandbox

_LEADLINE = "environment"
_EXAMPLE = "qwen3-32b-sglang"  # the deployment of the guide, as `deploy qwen3-32b sglang` names it


def write(made: Sandbox) -> Mapping[str, Path]:
    """Write the files into the sandbox's folder and return them by client."""
    variables = {
        "leadline": made.environment,
        "slack": _slack(f"{made.addresses['slack']}/api/"),
        "git": _git(made.addresses["github"]),
        "kubectl": {"KUBECONFIG": str(made.folder / "kubeconfig-admin")},
        "curl": {**_people(made.addresses), **_proxy(made.addresses["engine"])},
        "openai": {**_openai(), **_proxy(made.addresses["engine"])},
    }
    return {client: _write(made.folder, client, one) for client, one in variables.items()}


def _write(folder: Path, client: str, variables: Mapping[str, str]) -> Path:
    file = folder / (_LEADLINE if client == "leadline" else f"{_LEADLINE}.{client}")
    lines = [f"export {key}={shlex.quote(value)}" for key, value in sorted(variables.items())]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _slack(api: str) -> dict[str, str]:
    return {
        "SLACK_API_URL": api,
        "SLACK_BOT_TOKEN": TEAM.bot_token,
        "SLACK_APP_TOKEN": TEAM.app_token,
        "SLACK_SIGNING_SECRET": TEAM.signing_secret,
    }


def _git(github: str) -> dict[str, str]:
    """Let `git clone https://github.com/acme/gitops.git` mean the sandbox, as bob."""
    scheme, _, host = github.partition("://")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{scheme}://x-access-token:{OWNER_TOKEN}@{host}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "bob",
        "GIT_AUTHOR_EMAIL": "bob@users.noreply.github.com",
        "GIT_COMMITTER_NAME": "bob",
        "GIT_COMMITTER_EMAIL": "bob@users.noreply.github.com",
    }


def _people(addresses: Mapping[str, str]) -> dict[str, str]:
    return {
        "GITHUB_API_URL": addresses["github"],
        "GITHUB_TOKEN": OWNER_TOKEN,
        "KUBERNETES_URL": addresses["admin"],
        "SLACK_API_URL": f"{addresses['slack']}/api/",
        "LEADLINE_SANDBOX_URL": addresses["control"],
    }


def _openai() -> dict[str, str]:
    url = f"http://{_EXAMPLE}-leader.default.svc:8000/v1"
    return {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}


def _proxy(engine: str) -> dict[str, str]:
    """Lead in-cluster host names to the engines, and leave the other servers alone."""
    return {"http_proxy": engine, "no_proxy": "127.0.0.1,localhost"}
