"""What a call of Slack may raise: its refusals, and what a broken answer does to slack-sdk.

slack-sdk lets through what Python's HTTP client and its JSON reader meet: a body that is cut, a
status line that is none, a coding that nobody knows, a list where an object should be.
"""

import http.client

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

BROKEN = (OSError, http.client.HTTPException)
"""No answer, or one that broke off: the call may have been carried out."""

FAULTS = (SlackClientError, *BROKEN, AttributeError, LookupError, TypeError, ValueError)
"""All that a call may raise."""

_EXPECTED = (SlackClientError, *BROKEN)


def reason_of(error: BaseException) -> str:
    """Return Slack's own word for a refusal; nothing where it gave none that can be read.

    Where the body is no JSON, slack-sdk puts all of it there.
    """
    if not isinstance(error, SlackApiError):
        return ""
    data = error.response if isinstance(error.response, dict) else error.response.data
    said = str(data.get("error") or "") if isinstance(data, dict) else ""
    return said if said.isidentifier() else ""


def word(answer: SlackResponse, name: str) -> str:
    """Return a text that an answer must hold, such as the time stamp of what was posted.

    Raises:
        ValueError: it does not, so the answer is none of Slack's.
    """
    found = answer[name]
    if not isinstance(found, str) or not found:
        raise ValueError(f"the answer holds no {name}")
    return found


def is_odd(error: BaseException) -> bool:
    """Say whether an answer was of another shape than Slack's, or we have a bug: to be logged."""
    return not isinstance(error, _EXPECTED)
