"""Pure: Slack's payloads as jobs: whatever people use, a job is the text one would have typed.

The id of a job comes from the delivery, so that the same delivery twice is one job. Source:
docs.slack.dev, slash commands, app_mention, block_actions and view_submission payloads.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.slack.forms import Origin
from bot.store import Job, Lane
from bot.store import Origin as Way

Payload = Mapping[str, Any]

_MENTION = re.compile(r"\s*<@[UW][A-Z0-9]+(\|[^>]*)?>\s*")
_ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def of_command(body: Payload, at: datetime) -> Job:
    """Return the job of a slash command."""
    return _job(
        f"{body['team_id']}:{body['trigger_id']}",
        unescaped(body.get("text") or ""),
        body["user_id"],
        body["team_id"],
        Origin(body["channel_id"]),
        at,
        Way.SLASH,
        body.get("response_url"),
    )


def of_mention(body: Payload, at: datetime) -> Job | None:
    """Return the job of a message that mentions the app; None for messages of apps."""
    event = body["event"]
    if event.get("bot_id") or not event.get("user"):
        return None
    place = Origin(event["channel"], event.get("thread_ts"))
    team = event.get("user_team") or event.get("team") or body["team_id"]
    said = unescaped(_MENTION.sub(" ", event.get("text") or "", count=1).strip())
    key = f"{body['team_id']}:{body['event_id']}"
    return _job(key, said, event["user"], team, place, at, Way.MENTION)


def of_button(body: Payload, text: str, at: datetime) -> Job:
    """Return the job of a button whose press means a command."""
    key = f"{_team(body)}:{body['trigger_id']}"
    url = body.get("response_url")
    return _job(key, text, body["user"]["id"], _team(body), place_of(body), at, Way.BUTTON, url)


def of_form(body: Payload, text: str, origin: Origin, at: datetime) -> Job:
    """Return the job of a form that was sent; a form is sent once."""
    key = f"{_team(body)}:{body['view']['id']}"
    return _job(key, text, body["user"]["id"], _team(body), origin, at, Way.MODAL)


def place_of(body: Payload, name: str = "") -> Origin:
    """Return where a button was pressed: the channel, and the thread if the message is in one."""
    channel = (body.get("channel") or body.get("container") or {}).get("id") or (
        body.get("container") or {}
    ).get("channel_id", "")
    message = body.get("message") or {}
    return Origin(channel, message.get("thread_ts"), name)


def unescaped(text: str) -> str:
    """Return text as it was typed: Slack sends `&`, `<` and `>` as entities."""
    for entity, character in _ESCAPES:
        text = text.replace(entity, character)
    return text


def _team(body: Payload) -> str:
    return str(body["user"].get("team_id") or body["team"]["id"])


def _job(  # noqa: PLR0913, PLR0917 - the eight things that a delivery says
    key: str,
    text: str,
    person: str,
    team: str,
    origin: Origin,
    at: datetime,
    way: Way,
    response_url: str | None = None,
) -> Job:
    return Job(
        id=hashlib.sha256(key.encode()).hexdigest()[:12],
        lane=Lane.ASK if text.split(maxsplit=1)[:1] == ["ask"] else Lane.CHANGE,
        text=text,
        person=person,
        team=team,
        channel=origin.channel,
        thread=origin.thread,
        at=at,
        origin=way,
        response_url=response_url,
    )
