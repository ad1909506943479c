"""A GitHub App: it signs itself in with a JWT and gets installation tokens that last an hour.

Sources: docs.github.com/rest/apps/apps and "Generating an installation access token for a GitHub
App". An App is installed on this one repository only.
"""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sandbox.clock import Time
from sandbox.github.calls import Reply
from sandbox.github.errors import RefusedError, not_found
from sandbox.github.jwt import PublicKey, claims
from sandbox.github.shapes import Json, Shapes, moment, number_of
from sandbox.github.site import Account

LIFETIME = 3600
"""Seconds an installation token is good for."""

_LEVELS = {None: 0, "read": 1, "write": 2}


@dataclass(frozen=True, slots=True)
class App:
    """An App and its installation; `public_key` is the PEM of the key it signs with."""

    id: int
    slug: str
    public_key: str
    installation: int
    permissions: Mapping[str, str] = field(
        default_factory=lambda: {
            "contents": "write",
            "metadata": "read",
            "pull_requests": "write",
            "statuses": "write",
        }
    )

    @property
    def login(self) -> str:
        """Return who it is when it acts."""
        return f"{self.slug}[bot]"


@dataclass(frozen=True, slots=True)
class _Token:
    account: Account
    until: float


class Apps:
    """At most one App, and the tokens it was given.

    What the App's client dates or judges is by the clock of its machine (PyGithub reads no other):
    JWTs are checked by `machine`, and `expires_at` is written in it, or PyGithub would ask for a
    new token before every call. A token really ends by the sandbox's own time: at rate 10 after
    six real minutes, or when a test moves the time; its client then meets a 401, as it does when
    an App's tokens are revoked.
    """

    def __init__(self, time: Time, app: App | None = None, machine: Time | None = None) -> None:
        self._time, self._machine = time, machine or Time()
        self._app = app
        self._key = PublicKey.read(app.public_key) if app else None
        self._tokens: dict[str, _Token] = {}
        self._numbers = itertools.count(1)

    @property
    def app(self) -> App | None:
        """Return the App."""
        return self._app

    def account(self, token: str) -> Account | None:
        """Return whose installation token it is, while it is good."""
        found = self._tokens.get(token)
        return found.account if found and self._time.monotonic() < found.until else None

    def signed_in(self, token: str) -> App:
        """Return the App that signed a JWT, or refuse."""
        if self._app is None or self._key is None:
            raise RefusedError(401, "A JSON web token could not be decoded")
        found = claims(token, self._key, self._machine.now().timestamp())
        if str(found.get("iss")) != str(self._app.id):
            raise RefusedError(404, "Integration not found")
        return self._app

    def new_token(self, app: App, installation: int, sent: Mapping[str, Any]) -> Reply:
        """POST /app/installations/ID/access_tokens."""
        if installation != app.installation:
            raise not_found()
        permissions = {**app.permissions, "metadata": "read"}
        asked = sent.get("permissions") or permissions
        if any(_LEVELS.get(level, 9) > _LEVELS[permissions.get(n)] for n, level in asked.items()):
            reason = "The permissions requested are not granted to this installation."
            raise RefusedError(422, reason)
        digest = hashlib.sha256(f"{app.id} {next(self._numbers)}".encode()).hexdigest()
        token, account = f"ghs_{digest[:36]}", Account(app.login, is_bot=True, permissions=asked)
        self._tokens[token] = _Token(account, self._time.monotonic() + LIFETIME)
        return Reply(201, {"token": token, **self._described(asked)})

    def _described(self, permissions: Mapping[str, str]) -> Json:
        return {
            "expires_at": moment(self._machine.now() + timedelta(seconds=LIFETIME)),
            "permissions": dict(permissions),
            "repository_selection": "selected",
        }


def app_json(app: App, shapes: Shapes) -> Json:
    """Return an App as `GET /app` shows it."""
    return {
        "id": app.id,
        "slug": app.slug,
        "node_id": f"A_{app.id}",
        "name": app.slug,
        "owner": shapes.user(shapes.place.owner),
        "html_url": f"{shapes.web}/apps/{app.slug}",
        "permissions": dict(app.permissions),
        "events": [],
        "installations_count": 1,
    }


def installation_json(app: App, shapes: Shapes) -> Json:
    """Return the installation as the App's own calls show it."""
    url = f"{shapes.api}/app/installations/{app.installation}"
    return {
        "id": app.installation,
        "account": shapes.user(shapes.place.owner),
        "repository_selection": "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{shapes.api}/installation/repositories",
        "html_url": f"{shapes.web}/settings/installations/{app.installation}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": number_of(shapes.place.owner),
        "target_type": "Organization",
        "permissions": dict(app.permissions),
        "events": [],
    }
