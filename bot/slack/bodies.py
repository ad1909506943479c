"""The body of a signed request, taken apart strictly, and whether a payload is whole.

bolt's own reading takes every form that holds the word `payload` for an interaction and loses it,
keeps the last of two fields of one name, and raises on what is no JSON (slack_bolt 1.30,
request/internals.py). Shapes: docs.slack.dev, slash commands, interaction payloads, Events API.
"""

import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

import msgspec

FORM, JSON = "application/x-www-form-urlencoded", "application/json"

MOST_FIELDS = 50
"""Most fields of a form; a slash command has about 15."""


class UnreadableError(ValueError):
    """A body or a payload that Slack does not send; the text says what is wrong, not what it is."""


class _Command(msgspec.Struct):
    command: str
    team_id: str
    channel_id: str
    user_id: str
    trigger_id: str
    text: str = ""
    response_url: str = ""


class _Inner(msgspec.Struct):
    type: str


class _Event(msgspec.Struct):
    team_id: str
    event_id: str
    event: _Inner


class _User(msgspec.Struct):
    id: str


class _Action(msgspec.Struct):
    action_id: str


class _Pressed(msgspec.Struct):
    user: _User
    trigger_id: str
    actions: list[_Action]


class _View(msgspec.Struct):
    id: str
    hash: str
    callback_id: str
    private_metadata: str
    state: dict[str, Any]
    blocks: list[dict[str, Any]]


class _Sent(msgspec.Struct):
    user: _User
    view: _View


_SHAPES: Mapping[str, type[msgspec.Struct]] = {
    "event_callback": _Event,
    "block_actions": _Pressed,
    "view_submission": _Sent,
}


def payload_of(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the payload of a request: of a form its fields or what `payload` holds, else the JSON.

    Raises:
        UnreadableError: another content type, a field twice, no JSON object, or none of these.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        return _only(_object(body), "type")
    if kind != FORM:
        raise UnreadableError("the content type is none that Slack sends")
    fields = _fields(body)
    if "payload" in fields:
        return _only(_object(fields["payload"].encode()), "type")
    return _only(fields, "command", "ssl_check")


def check(payload: Mapping[str, Any]) -> None:
    """Check that a payload holds what a listener reads of it; kinds we do not know pass.

    Raises:
        UnreadableError: a part is missing, or is not what it should be.
    """
    shape = _Command if "command" in payload else _SHAPES.get(str(payload.get("type")))
    if shape is None:
        return
    try:
        msgspec.convert(payload, shape)
    except msgspec.ValidationError as error:
        raise UnreadableError(f"the payload is not whole: {error}") from error


def _only(found: dict[str, Any], *names: str) -> dict[str, Any]:
    if any(isinstance(found.get(name), str) for name in names):
        return found
    raise UnreadableError(f"neither of these is there: {', '.join(names)}")


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = urllib.parse.parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise UnreadableError("the body is no form") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise UnreadableError("a field is there twice")
    return fields


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("the body is no JSON") from error
    if not isinstance(found, dict):
        raise UnreadableError("the body is no JSON object")
    return found
