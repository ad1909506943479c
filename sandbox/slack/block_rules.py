"""The rules of each block that Leadline's kind of message is made of, block by block.

Source: docs.slack.dev/reference/block-kit/blocks, the pages section, header, markdown, image,
context, actions. Each check yields flaws: a JSON pointer and a reason.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sandbox.slack.elements import Flaw, check_count, check_element, check_text, check_width
from sandbox.slack.inputs import PRESSABLE, check_input

Block = dict[str, Any]
Check = Callable[[Block, str], Iterator[Flaw]]


def _section(block: Block, at: str) -> Iterator[Flaw]:
    if "text" not in block and not block.get("fields"):
        yield at, "missing required field: text or fields"
    if "text" in block:
        yield from check_text(block["text"], 3000, f"{at}/text")
    fields = block.get("fields") or []
    if fields:
        yield from check_count(fields, 1, 10, f"{at}/fields")
    for number, text in enumerate(fields):
        yield from check_text(text, 2000, f"{at}/fields/{number}")
    if "accessory" in block:
        yield from check_element(block["accessory"], f"{at}/accessory", PRESSABLE | {"image"})


def _header(block: Block, at: str) -> Iterator[Flaw]:
    yield from check_text(block.get("text"), 150, f"{at}/text", plain=True)


def _markdown(block: Block, at: str) -> Iterator[Flaw]:
    if not isinstance(block.get("text"), str) or not block["text"]:
        yield f"{at}/text", "must be more than 0 characters"


def check_image(block: Block, at: str) -> Iterator[Flaw]:
    """Yield what is wrong with an image, as a block or an element."""
    if not ("image_url" in block or "slack_file" in block):
        yield at, "missing required field: image_url"
    if not block.get("alt_text"):
        yield at, "missing required field: alt_text"
    yield from check_width(block, "image_url", 3000, at)
    yield from check_width(block, "alt_text", 2000, at)
    if "title" in block:
        yield from check_text(block["title"], 2000, f"{at}/title", plain=True)


def _context(block: Block, at: str) -> Iterator[Flaw]:
    yield from check_count(block.get("elements"), 1, 10, f"{at}/elements")
    for number, element in enumerate(block.get("elements") or []):
        if isinstance(element, dict) and element.get("type") == "image":
            yield from check_image(element, f"{at}/elements/{number}")
        else:
            yield from check_text(element, 3000, f"{at}/elements/{number}")


def _actions(block: Block, at: str) -> Iterator[Flaw]:
    yield from check_count(block.get("elements"), 1, 25, f"{at}/elements")
    for number, element in enumerate(block.get("elements") or []):
        yield from check_element(element, f"{at}/elements/{number}", PRESSABLE)


def _divider(block: Block, at: str) -> Iterator[Flaw]:  # noqa: ARG001 - one signature for all
    yield from ()


CHECKS: dict[str, Check] = {
    "section": _section,
    "header": _header,
    "markdown": _markdown,
    "image": check_image,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
    "input": check_input,
}
