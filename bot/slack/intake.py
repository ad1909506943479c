"""Pure: Slack's payloads as jobs: whatever people use, a job is the text one would have typed.

The id of a job comes from the delivery, so that the same delivery twice is one job. Source:
docs.slack.dev, slash commands, app_mention, message, block_actions and view_submission payloads.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.commands.verbs import EXAMPLES
from bot.slack.forms import Origin
from bot.store import Job, Lane
from bot.store import Origin as Way

Payload = Mapping[str, Any]

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<(?:https?://|mailto:|tel:)([^|>]*)\|([^>]*)>|<((?:https?://|mailto:)[^|>]*)>")

DOUBLE = 5
"""Presses of one button by one person within so many seconds are one."""
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
    if not _by_person(body):
        return None
    return _of_event(body, _said_to(_us(body), event.get("text") or ""), at)


def of_plain(body: Payload, at: datetime) -> Job | None:
    """Return the job of a reply that starts with a verb; None for any other message.

    Whether its thread is one of ours is left to who knows. A message that mentions us arrives as
    app_mention too, and is taken there; what has a subtype is an edit, a file or a notice of
    Slack's.
    """
    event, us = body["event"], _us(body)
    said, thread = event.get("text") or "", event.get("thread_ts")
    if event.get("subtype") or not _by_person(body) or thread in {None, "", event.get("ts")}:
        return None
    if any(us in {None, found[1]} for found in _MENTION.finditer(said)):
        return None
    job = _of_event(body, said.strip(), at)
    return job if _verb(job.text) in EXAMPLES else None


def of_button(body: Payload, text: str, at: datetime) -> Job:
    """Return the job of a button whose press means a command; a double click is one press."""
    pressed, person = body["actions"][0], body["user"]["id"]
    message = (body.get("container") or {}).get("message_ts", "")
    moment = int(float(pressed.get("action_ts") or at.timestamp())) // DOUBLE
    key = f"{_team(body)}:{person}:{message}:{text}:{moment}"
    url = body.get("response_url")
    return _job(key, text, body["user"]["id"], _team(body), place_of(body), at, Way.BUTTON, url)


def of_form(body: Payload, text: str, origin: Origin, at: datetime) -> Job:
    """Return the job of a form that was sent; a form is sent once."""
    key = f"{_team(body)}:{body['view']['id']}"
    return _job(key, text, body["user"]["id"], _team(body), origin, at, Way.MODAL)


def place_of(body: Payload, name: str = "") -> Origin:
    """Return where a button was pressed: the channel, and the thread if the message is a reply.

    The card is a root itself: what one person is told of it stands in the channel, beside it.
    """
    channel = (body.get("channel") or body.get("container") or {}).get("id") or (
        body.get("container") or {}
    ).get("channel_id", "")
    container, message = body.get("container") or {}, body.get("message") or {}
    thread = message.get("thread_ts") or container.get("thread_ts")
    own = message.get("ts") or container.get("message_ts")
    return Origin(channel, thread if thread != own else None, name)


def unescaped(text: str) -> str:
    """Return text as it was typed: Slack sends `&`, `<` and `>` as entities."""
    for entity, character in _ESCAPES:
        text = text.replace(entity, character)
    return text


def _us(body: Payload) -> str | None:
    """Return our own user, whom an event was delivered for."""
    found = body.get("authorizations") or [{}]
    user: str | None = found[0].get("user_id")
    return user


def _by_person(body: Payload) -> bool:
    event = body["event"]
    return not event.get("bot_id") and event.get("user") not in {None, "", _us(body)}


def _of_event(body: Payload, said: str, at: datetime) -> Job:
    """Return the job of a message with what was said to us in it."""
    event = body["event"]
    place = Origin(event["channel"], event.get("thread_ts"))
    team = event.get("user_team") or event.get("team") or body["team_id"]
    key = f"{body['team_id']}:{body['event_id']}"
    return _job(key, unescaped(_typed(said)), event["user"], team, place, at, Way.MENTION)


def _verb(text: str) -> str:
    """Return the first word, parted as the grammar parts it."""
    return text.replace("\u00a0", " ").strip().partition(" ")[0]


def _said_to(us: str | None, text: str) -> str:
    """Return the words after our mention; those before it where none follow."""
    found = [m for m in _MENTION.finditer(text) if us in {None, m[1]}]
    if not found:
        return text.strip()
    before, after = text[: found[0].start()].strip(), text[found[0].end() :].strip()
    return after or before


def _typed(text: str) -> str:
    """Return a message's text without the links that Slack makes of what was typed."""
    return _LINK.sub(lambda m: m[2] if m[2] is not None else m[3], text)


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
    text = text.encode("utf-8", "replace").decode()  # JSON may name half a character
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
