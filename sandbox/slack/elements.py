"""Block Kit elements and text objects: docs.slack.dev/reference/block-kit, elements and objects.

Checked to the end: buttons, static selects, overflow, checkboxes, radio buttons, confirm dialogs,
and the elements of inputs (`inputs.py`). The others are known by name and place.
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
_MOST_GROUPS = 100
SELECTS = frozenset(
    {
        f"{many}{source}_select"
        for many in ("", "multi_")
        for source in ("static", "users", "conversations", "channels", "external")
    }
)
PICKERS = frozenset({"datepicker", "timepicker", "datetimepicker"})
IN_A_ROW = SELECTS | PICKERS | {"button", "checkboxes", "overflow", "radio_buttons"}
"""What an actions block may hold; `workflow_button` goes beside a section too."""


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


def check_count(items: object, least: int, most: int, at: str) -> Iterator[Flaw]:
    """Yield a flaw if a list is none, or has too few or too many items."""
    if not isinstance(items, list) or len(items) < least:
        yield at, f"no fewer than {least} items allowed"
    elif len(items) > most:
        yield at, f"no more than {most} items allowed"


def check_element(element: object, at: str, allowed: frozenset[str] = IN_A_ROW) -> Iterator[Flaw]:
    """Yield what is wrong with an interactive element that stands where `allowed` ones may."""
    if not isinstance(element, dict) or "type" not in element:
        yield at, "missing required field: type"
        return
    yield from check_width(element, "action_id", 255, at)
    if "confirm" in element:
        yield from _confirm(element["confirm"], f"{at}/confirm")
    if "placeholder" in element:
        yield from check_text(element["placeholder"], 150, f"{at}/placeholder", plain=True)
    kind = element["type"]
    if kind not in allowed:
        yield f"{at}/type", f"unsupported type: {kind}"
    elif kind == "button":
        yield from _button(element, at)
    elif kind in _MOST_OPTIONS:
        yield from _options(element, at)


def _button(element: dict[str, Any], at: str) -> Iterator[Flaw]:
    yield from check_text(element.get("text"), 75, f"{at}/text", plain=True)
    yield from check_width(element, "value", 2000, at)
    yield from check_width(element, "url", 3000, at)
    yield from check_width(element, "accessibility_label", 75, at)
    if element.get("style", "primary") not in _BUTTON_STYLES:
        yield f"{at}/style", f"must be one of {', '.join(_BUTTON_STYLES)}"


def _options(element: dict[str, Any], at: str) -> Iterator[Flaw]:
    most = _MOST_OPTIONS[element["type"]]
    if groups := element.get("option_groups"):
        yield from check_count(groups, 1, _MOST_GROUPS, f"{at}/option_groups")
        for number, group in enumerate(groups):
            yield from _group(group, most, f"{at}/option_groups/{number}")
        return
    yield from check_count(element.get("options"), 1, most, f"{at}/options")
    for number, option in enumerate(element.get("options") or []):
        yield from _option(option, f"{at}/options/{number}")


def _group(group: object, most: int, at: str) -> Iterator[Flaw]:
    if not isinstance(group, dict):
        yield at, "missing required field: label"
        return
    yield from check_text(group.get("label"), 75, f"{at}/label", plain=True)
    yield from check_count(group.get("options"), 1, most, f"{at}/options")
    for number, option in enumerate(group.get("options") or []):
        yield from _option(option, f"{at}/options/{number}")


def _option(option: object, at: str) -> Iterator[Flaw]:
    if not isinstance(option, dict):
        yield at, "missing required field: text"
        return
    yield from check_text(option.get("text"), 75, f"{at}/text")
    yield from check_width(option, "value", 150, at)
    if "description" in option:
        yield from check_text(option["description"], 75, f"{at}/description")


def _confirm(dialog: object, at: str) -> Iterator[Flaw]:
    if not isinstance(dialog, dict):
        yield at, "missing required field: title"
        return
    for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        if name in dialog or name in ("title", "text"):
            yield from check_text(dialog.get(name), most, f"{at}/{name}", plain=name != "text")
