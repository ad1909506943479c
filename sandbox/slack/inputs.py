"""Input blocks and their elements.

Source: docs.slack.dev/reference/block-kit, blocks/input-block and the element pages it lists.
"""

from collections.abc import Iterator
from typing import Any

from sandbox.slack.elements import (
    IN_A_ROW,
    PICKERS,
    SELECTS,
    Flaw,
    check_element,
    check_text,
)

_MOST_TEXT = 3000
TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
"""Elements a person types into; the value of each is a string."""

FIELDS = (
    TYPED | SELECTS | PICKERS | {"checkboxes", "radio_buttons", "rich_text_input", "file_input"}
)
"""Elements an input block may hold; buttons and overflow menus are not among them."""


def check_input(block: dict[str, Any], at: str) -> Iterator[Flaw]:
    """Yield what is wrong with an input block."""
    yield from check_text(block.get("label"), 2000, f"{at}/label", plain=True)
    if "hint" in block:
        yield from check_text(block["hint"], 2000, f"{at}/hint", plain=True)
    element = block.get("element")
    yield from check_element(element, f"{at}/element", FIELDS)
    if isinstance(element, dict):
        yield from _bounds(element, f"{at}/element")
        yield from _needs(element, f"{at}/element")


def _bounds(element: dict[str, Any], at: str) -> Iterator[Flaw]:
    if element.get("type") != "plain_text_input":
        return
    for name, least in (("min_length", 0), ("max_length", 1)):
        given = element.get(name, least)
        if not isinstance(given, int) or not least <= given <= _MOST_TEXT:
            yield f"{at}/{name}", f"must be an integer from {least} to {_MOST_TEXT}"


def _needs(element: dict[str, Any], at: str) -> Iterator[Flaw]:
    if element.get("type") == "number_input" and "is_decimal_allowed" not in element:
        yield at, "missing required field: is_decimal_allowed"


PRESSABLE = IN_A_ROW | {"workflow_button"}
"""Elements that stand in a block of their own right, outside inputs."""
