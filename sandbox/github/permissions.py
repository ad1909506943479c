"""Pure: what an installation token must be allowed for each call.

Source: docs.github.com/rest/authentication/permissions-required-for-github-apps.
"""

import re
from collections.abc import Mapping

from sandbox.github.errors import RefusedError

_NEEDED = (
    (r"GET commits/.+/check-runs", ("checks",)),
    (r"(GET commits/.+/status(es)?)|(\S+ statuses/.+)", ("statuses",)),
    (r"PUT pulls/\d+/merge", ("contents",)),
    (r"\S+ pulls.*", ("pull_requests",)),
    (r"\S+ issues/.+", ("issues", "pull_requests")),
    (r"\S+ hooks.*", ("repository_hooks",)),
    (r"\S+ (git/|contents|commits|branches|compare/).*", ("contents",)),
)


def check(permissions: Mapping[str, str] | None, method: str, below: str) -> None:
    """Refuse a call below the repository that the token may not make; None may make all."""
    if permissions is None:
        return
    for pattern, names in _NEEDED:
        if re.fullmatch(pattern, f"{method} {below}"):
            good = ("read", "write") if method == "GET" else ("write",)
            if not any(permissions.get(name) in good for name in names):
                raise _refused(names, good[0])
            return


def _refused(names: tuple[str, ...], level: str) -> RefusedError:
    headers = {"X-Accepted-GitHub-Permissions": "; ".join(f"{name}={level}" for name in names)}
    return RefusedError(403, "Resource not accessible by integration", headers=headers)
