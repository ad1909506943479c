"""What a person chooses or types, as Slack writes it into actions and `state.values`.

Source: docs.slack.dev/reference/interaction-payloads/block_actions-payload and the element pages of
reference/block-kit/block-elements (initial values). Elements that ask the app for their options
(external selects), rich text and files cannot be filled in here.
"""

import re
from typing import Any

from sandbox.slack.blocks import elements_of
from sandbox.slack.errors import NotThereError
from sandbox.slack.inputs import TYPED
from sandbox.slack.records import Json, View

_ONE_OPTION = frozenset({"static_select", "overflow", "radio_buttons"})
_OPTIONS = frozenset({"multi_static_select", "checkboxes"})
_BY_KIND = {
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
_INITIAL = {
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "value": "initial_value",
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_URL = re.compile(r"https?://\S+\Z")


def key_of(element: Json) -> str | None:
    """Return where Slack writes an element's value; None for a button and what is not known."""
    kind = element.get("type")
    if kind in TYPED:
        return "value"
    if kind in _ONE_OPTION:
        return "selected_option"
    if kind in _OPTIONS:
        return "selected_options"
    return _BY_KIND.get(str(kind))


def chosen(element: Json, value: Any) -> Json:  # noqa: ANN401 - a string, or a list of them
    """Return `{key: value}` for what a person enters.

    Raises:
        NotThereError: no such option, or an element nobody can fill in here.
    """
    key = key_of(element)
    if key is None:
        raise NotThereError(f"{element.get('action_id')} is a {element.get('type')}: not fillable")
    if key == "selected_option":
        return {key: _option(element, value)}
    if key == "selected_options":
        return {key: [_option(element, each) for each in _listed(value)]}
    return {key: _listed(value) if key.endswith("s") else str(value)}


def initial_values(blocks: list[Json]) -> dict[str, dict[str, Json]]:
    """Return the values that a modal begins with, by block and action."""
    values: dict[str, dict[str, Json]] = {}
    for block in blocks:
        for element in elements_of(block):
            key, action = key_of(element), element.get("action_id")
            if key is None or action is None:
                continue
            start = element.get(_INITIAL.get(key, key.replace("selected", "initial")))
            empty: list[Json] | None = [] if key.endswith("s") else None
            field: Json = {"type": element["type"], key: empty if start is None else start}
            values.setdefault(block["block_id"], {})[action] = field
    return values


def pressed(element: Json, value: str | None) -> Json:
    """Return what a press adds to the action: the half of feedback buttons that was meant.

    Raises:
        NotThereError: the element is not pressed but chosen from or typed into.
    """
    kind = element["type"]
    if kind in ("button", "icon_button"):
        return {}
    if kind == "feedback_buttons":
        halves = [element["positive_button"], element["negative_button"]]
        for half in halves:
            if half.get("value") == value:
                return {"text": half["text"], "value": value}
        offered = ", ".join(str(half.get("value")) for half in halves)
        raise NotThereError(f"say which feedback button: the values are {offered}")
    raise NotThereError(f"{element.get('action_id')} is a {kind}: choose instead of pressing")


def fill(view: View, block_id: str, element: Json, entered: Json) -> None:
    """Put what a person entered into a modal's state."""
    field = {"type": element["type"], **entered}
    view.values.setdefault(block_id, {})[str(element.get("action_id"))] = field
    view.errors.pop(block_id, None)


def complaints(view: View) -> dict[str, str]:
    """Return what the person's own Slack says of fields before it sends a modal, by block."""
    found = {}
    for block in view.content["blocks"]:
        if block["type"] == "input":
            element, values = block["element"], view.values.get(block["block_id"], {})
            field = values.get(str(element.get("action_id")), {})
            if words := _complaint(block, element, field):
                found[block["block_id"]] = words
    return found


def _complaint(block: Json, element: Json, field: Json) -> str | None:
    """Of these texts the first is common knowledge; the others are guesses."""
    value = field.get(key_of(element) or "")
    if value in (None, "", []):
        return None if block.get("optional") else "Please complete this required field."
    if element["type"] == "plain_text_input":
        return _length(element, str(value))
    shapes = {"number_input": _NUMBER, "email_text_input": _EMAIL, "url_text_input": _URL}
    shape = shapes.get(element["type"])
    if shape and not shape.match(str(value)):
        return f"Enter a valid {element['type'].partition('_')[0]}."
    return None


def _length(element: Json, text: str) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(text) < least:
        return f"Enter at least {least} characters."
    return f"Enter at most {most} characters." if len(text) > most else None


def _listed(value: Any) -> list[str]:  # noqa: ANN401 - a string, or a list of them
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


def _option(element: Json, value: Any) -> Json:  # noqa: ANN401 - a string
    groups = element.get("option_groups") or []
    options = [*(element.get("options") or []), *(o for g in groups for o in g["options"])]
    for option in options:
        if value in (option.get("value"), option["text"]["text"]):
            return dict(option)
    offered = ", ".join(str(option.get("value")) for option in options)
    raise NotThereError(f"{element.get('action_id')} has no option {value}; it has {offered}")
