"""Block Kit elements and text objects: docs.slack.dev/reference/block-kit, elements and objects.

Checked to the end: buttons, selects, overflow, checkboxes, radio buttons, confirm dialogs.
"""

from collections.abc import Iterator
from typing import Any

Flaw = tuple[str, str]  # JSON pointer, reason

_BUTTON_STYLES = ("primary", "danger")
_MOST_OPTIONS = {
    "static_select": 100,
    "multi_static_select": 100,
    "overflow": 5,
    "checkboxes": 10,
    "radio_buttons": 10,
}
_BY_NAME_ONLY = frozenset(
    {
        "image",
        "users_select",
        "conversations_select",
        "channels_select",
        "external_select",
        "multi_users_select",
        "multi_conversations_select",
        "multi_channels_select",
        "multi_external_select",
        "datepicker",
        "timepicker",
        "datetimepicker",
        "workflow_button",
        "icon_button",
        "feedback_buttons",
    }
)


def check_text(text: object, most: int, at: str, *, plain: bool = False) -> Iterator[Flaw]:
    """Yield what is wrong with a text object."""
    if not isinstance(text, dict):
        yield at, "missing required field: text object"
        return
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if text.get("type") not in kinds:
        yield f"{at}/type", f"must be one of {', '.join(kinds)}"
    words = text.get("text")
    if not isinstance(words, str) or not words:
        yield f"{at}/text", "must be more than 0 characters"
    elif len(words) > most:
        yield f"{at}/text", f"must be less than {most + 1} characters"


def check_width(thing: dict[str, Any], name: str, most: int, at: str) -> Iterator[Flaw]:
    """Yield a flaw if a string of `thing` is too long."""
    if len(str(thing.get(name, ""))) > most:
        yield f"{at}/{name}", f"must be less than {most + 1} characters"


def check_element(element: object, at: str) -> Iterator[Flaw]:
    """Yield what is wrong with an interactive element."""
    if not isinstance(element, dict) or "type" not in element:
        yield at, "missing required field: type"
        return
    yield from check_width(element, "action_id", 255, at)
    if "confirm" in element:
        yield from _confirm(element["confirm"], f"{at}/confirm")
    kind = element["type"]
    if kind == "button":
        yield from _button(element, at)
    elif kind in _MOST_OPTIONS:
        yield from _options(element, at)
    elif kind not in _BY_NAME_ONLY:
        yield f"{at}/type", f"unsupported type: {kind}"


def _button(element: dict[str, Any], at: str) -> Iterator[Flaw]:
    yield from check_text(element.get("text"), 75, f"{at}/text", plain=True)
    yield from check_width(element, "value", 2000, at)
    yield from check_width(element, "url", 3000, at)
    if element.get("style", "primary") not in _BUTTON_STYLES:
        yield f"{at}/style", f"must be one of {', '.join(_BUTTON_STYLES)}"


def _options(element: dict[str, Any], at: str) -> Iterator[Flaw]:
    options, most = element.get("options"), _MOST_OPTIONS[element["type"]]
    if not options and not element.get("option_groups"):
        yield f"{at}/options", "no fewer than 1 items allowed"
    elif len(options or []) > most:
        yield f"{at}/options", f"no more than {most} items allowed"
    for number, option in enumerate(options or []):
        yield from check_text(option.get("text"), 75, f"{at}/options/{number}/text")
        yield from check_width(option, "value", 150, f"{at}/options/{number}")


def _confirm(dialog: dict[str, Any], at: str) -> Iterator[Flaw]:
    for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        if name in dialog or name in ("title", "text"):
            yield from check_text(dialog.get(name), most, f"{at}/{name}", plain=name != "text")
