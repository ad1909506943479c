"""Signing in: with a token, or as a GitHub App with installation tokens that last an hour.

PyGithub fetches a new installation token shortly before the old one ends. Its own sleeps (0.25 s
between requests, 1 s between writes) and its blind retries are off: `gitops.github.connection`
says what is tried again. Source: docs.github.com, "Authenticating as a GitHub App installation".
"""

from github import Auth, Github, GithubIntegration
from github.Repository import Repository
from jwt import PyJWTError  # PyGithub's own; it raises these on a key it cannot read

from gitops.errors import UsageError
from gitops.settings import AppSettings, ForgeSettings

TIMEOUT = 10
"""Longest wait for one answer, in seconds."""


def sign_in(settings: ForgeSettings, timeout: int = TIMEOUT) -> Repository:
    """Return the repository, ready to be asked; an App asks which installation is its own.

    `timeout` is the longest wait for one answer, in seconds.

    Raises:
        UsageError: the App's private key cannot be read.
    """
    auth: Auth.Auth
    if settings.app:
        auth = _as_installation(settings, settings.app, timeout)
    else:
        auth = Auth.Token(settings.token)
    client = Github(
        auth=auth,
        base_url=settings.api_url,
        timeout=timeout,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
        lazy=True,
    )
    return client.get_repo(settings.repository)


def credentials(settings: ForgeSettings) -> str:
    """Return the names of the settings that sign in, for texts."""
    return "GITHUB_APP_ID and the App's private key" if settings.app else "GITHUB_TOKEN"


def _as_installation(
    settings: ForgeSettings, app: AppSettings, timeout: int
) -> Auth.AppInstallationAuth:
    signer = Auth.AppAuth(app.id, app.private_key)
    try:
        signer.create_jwt()
    except (PyJWTError, ValueError, TypeError) as error:
        raise UsageError(
            f"signing in as GitHub App {app.id}: the private key cannot be read"
            f" ({type(error).__name__}); set GITHUB_APP_PRIVATE_KEY to what GitHub gave"
        ) from error
    number = app.installation or _installation(settings, signer, timeout)
    return signer.get_installation_auth(number)


def _installation(settings: ForgeSettings, signer: Auth.AppAuth, timeout: int) -> int:
    owner, _, name = settings.repository.partition("/")
    with GithubIntegration(
        auth=signer,
        base_url=settings.api_url,
        timeout=timeout,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    ) as asking:
        return asking.get_repo_installation(owner, name).id
