"""What GitHub's refusals mean: the error to raise, and whether to look again first.

Sources: docs.github.com/rest, "Troubleshooting the REST API" and "Rate limits for the REST API"
(403 or 429, Retry-After or X-RateLimit-Reset, else at least a minute); of the 422s, the texts that
updaters of repositories meet and retry (dependabot-core, `pull_request_creator/github.rb`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import requests
from github import GithubException

from gitops.errors import ConflictError, ForgeBusyError, ForgeUnavailableError, GitOpsError

UNKNOWN_WAIT = 60.0
"""Seconds to wait where GitHub names no time: at least a minute, it says."""

LONGEST_WAIT = 3600.0
"""Seconds after which every limit of GitHub's has room again."""

PRIMARY, SECONDARY = "GitHub's hourly limit on requests", "GitHub's secondary rate limit"
"""What people read of its primary limit, and of those that it calls secondary."""

_RACES = (
    "reference already exists",
    "reference does not exist",
    "reference update failed",
    "not a fast forward",
    "tree sha does not exist",
    "a pull request already exists",
    "base branch was modified",
)
"""Refusals of a race lost, or of an object GitHub has not spread yet: a second look decides."""

_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """The error to raise at last; `again` is whether a second look may do better.

    `renew` asks for new credentials first.
    """

    error: GitOpsError
    again: bool = False
    renew: bool = False


def judge(
    act: str, found: GithubException | requests.RequestException, signed_by: str, now: datetime
) -> Judged:
    """Say what a failed call means; `signed_by` names the settings that sign in."""
    if isinstance(found, requests.RequestException):
        name = type(found).__name__
        text = f"{act} on GitHub: no answer ({name}); try again in a minute"
        return Judged(ForgeUnavailableError(text), again=True)
    said = _said(found)
    text = f"{act} on GitHub: {found.status} {said}".rstrip()
    if (wait := _wait(found, said, now)) is not None:
        hourly = _is_spent(found, said) and "secondary rate limit" not in said.lower()
        limit = PRIMARY if hourly else SECONDARY
        return Judged(ForgeBusyError(text, wait, limit), again=True)
    if found.status in (409, 422):
        return _conflict(text, found.status, said)
    advice = {
        401: f"check {signed_by}",
        403: f"check what {signed_by} may do, and whether the repository is archived",
        404: "check LEADLINE_GITOPS_REPOSITORY",
    }.get(found.status, "try again in a minute")
    return Judged(
        ForgeUnavailableError(f"{text}; {advice}"),
        again=found.status >= _SERVER_ERROR,
        renew=found.status == 401,  # noqa: PLR2004 - HTTP
    )


def _conflict(text: str, status: int, said: str) -> Judged:
    low = said.lower()
    if "no commits between" in low:
        return Judged(ConflictError(f"{text}; main already has it, so there is nothing to propose"))
    # GitHub sometimes says no more than this, and takes the same call a moment later.
    bare = low == "validation failed"
    raced = status == 409 or bare or any(race in low for race in _RACES)  # noqa: PLR2004 - HTTP
    return Judged(ConflictError(f"{text}; look at the branch and its pull requests"), again=raced)


def _said(found: GithubException) -> str:
    """Return GitHub's own words: the message, and what it says of single fields."""
    if not isinstance(found.data, dict):
        return ""
    more = [each.get("message") for each in _dicts(found.data.get("errors"))]
    return ": ".join(str(part) for part in (found.data.get("message"), *more) if part)


def _dicts(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _wait(found: GithubException, said: str, now: datetime) -> float | None:
    """Return the seconds that a limit asks for; None where no limit is hit."""
    if found.status not in (403, 429):
        return None
    headers, low = found.headers or {}, said.lower()
    if (asked := _number(headers.get("retry-after"))) is not None:
        return min(asked, LONGEST_WAIT)
    if _is_spent(found, said):
        reset = _number(headers.get("x-ratelimit-reset"))
        left = UNKNOWN_WAIT if reset is None else reset - now.timestamp()
        return min(max(left, 1.0), LONGEST_WAIT)
    limited = found.status == 429 or "secondary rate limit" in low or "abuse detection" in low  # noqa: PLR2004 - HTTP
    return UNKNOWN_WAIT if limited else None


def _is_spent(found: GithubException, said: str) -> bool:
    """Say whether the hour's requests are used up."""
    spent = (found.headers or {}).get("x-ratelimit-remaining") == "0"
    return spent or said.lower().startswith("api rate limit exceeded")


def _number(header: str | None) -> float | None:
    return float(header) if header and header.isascii() and header.isdigit() else None
