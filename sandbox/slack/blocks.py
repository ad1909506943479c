"""Block Kit validation: the limits of docs.slack.dev/reference/block-kit/blocks, block by block.

Checked to the end: section, header, context, actions, markdown, image. Other block types are known
by name only. Refusals carry a JSON pointer, as Slack's do.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.slack.elements import Flaw, check_element, check_text, check_width
from sandbox.slack.errors import RefusedError

_MOST_BLOCKS = 50
_MOST_MARKDOWN = 12_000
_MOST_CHARACTERS_WITH_MARKDOWN = 13_200  # undocumented ceiling: slackapi/bolt-js issue 2509

_BY_NAME_ONLY = frozenset(
    {
        "alert",
        "call",
        "card",
        "carousel",
        "container",
        "context_actions",
        "data_table",
        "data_visualization",
        "divider",
        "file",
        "input",
        "plan",
        "rich_text",
        "table",
        "task_card",
        "video",
    }
)


def check_blocks(blocks: object) -> None:
    """Refuse blocks that Slack would refuse."""
    if not isinstance(blocks, list):
        raise RefusedError("invalid_blocks_format")
    flaws = list(_flaws(blocks))
    if flaws:
        raise RefusedError(
            "invalid_blocks",
            errors=[f"{reason} [json-pointer:{at}]" for at, reason in flaws],
            response_metadata={
                "messages": [f"[ERROR] {reason} [json-pointer:{at}]" for at, reason in flaws]
            },
        )
    _check_markdown_size(blocks)


def _flaws(blocks: list[Any]) -> Iterator[Flaw]:
    if len(blocks) > _MOST_BLOCKS:
        yield "/blocks", f"no more than {_MOST_BLOCKS} items allowed"
    for number, block in enumerate(blocks):
        yield from _check_block(block, f"/blocks/{number}")
    yield from _repeated("block_id", [b for b in blocks if isinstance(b, dict)])
    yield from _repeated("action_id", list(_elements(blocks)))
    if sum(_markdown_length(block) for block in blocks) > _MOST_MARKDOWN:
        yield "/blocks", f"markdown blocks must be less than {_MOST_MARKDOWN + 1} characters in all"


def _check_block(block: object, at: str) -> Iterator[Flaw]:
    if not isinstance(block, dict) or "type" not in block:
        yield at, "missing required field: type"
        return
    yield from check_width(block, "block_id", 255, at)
    kind = block["type"]
    if kind in _CHECKS:
        yield from _CHECKS[kind](block, at)
    elif kind not in _BY_NAME_ONLY:
        yield f"{at}/type", f"unsupported type: {kind}"


def _section(block: dict[str, Any], at: str) -> Iterator[Flaw]:
    if "text" not in block and not block.get("fields"):
        yield at, "missing required field: text or fields"
    if "text" in block:
        yield from check_text(block["text"], 3000, f"{at}/text")
    fields = block.get("fields") or []
    if len(fields) > 10:  # noqa: PLR2004 - the figure of the page, used once
        yield f"{at}/fields", "no more than 10 items allowed"
    for number, text in enumerate(fields):
        yield from check_text(text, 2000, f"{at}/fields/{number}")
    if "accessory" in block:
        yield from check_element(block["accessory"], f"{at}/accessory")


def _header(block: dict[str, Any], at: str) -> Iterator[Flaw]:
    yield from check_text(block.get("text"), 150, f"{at}/text", plain=True)


def _markdown(block: dict[str, Any], at: str) -> Iterator[Flaw]:
    if not isinstance(block.get("text"), str) or not block["text"]:
        yield f"{at}/text", "must be more than 0 characters"


def _image(block: dict[str, Any], at: str) -> Iterator[Flaw]:
    if not ("image_url" in block or "slack_file" in block):
        yield at, "missing required field: image_url"
    if not block.get("alt_text"):
        yield at, "missing required field: alt_text"
    yield from check_width(block, "image_url", 3000, at)
    yield from check_width(block, "alt_text", 2000, at)


def _context(block: dict[str, Any], at: str) -> Iterator[Flaw]:
    yield from _between(block, 10, at)
    for number, element in enumerate(block.get("elements") or []):
        if isinstance(element, dict) and element.get("type") == "image":
            yield from _image(element, f"{at}/elements/{number}")
        else:
            yield from check_text(element, 3000, f"{at}/elements/{number}")


def _actions(block: dict[str, Any], at: str) -> Iterator[Flaw]:
    yield from _between(block, 25, at)
    for number, element in enumerate(block.get("elements") or []):
        yield from check_element(element, f"{at}/elements/{number}")


_CHECKS: dict[str, Callable[[dict[str, Any], str], Iterator[Flaw]]] = {
    "section": _section,
    "header": _header,
    "markdown": _markdown,
    "image": _image,
    "context": _context,
    "actions": _actions,
}


def _between(block: dict[str, Any], most: int, at: str) -> Iterator[Flaw]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield f"{at}/elements", "no fewer than 1 items allowed"
    elif len(elements) > most:
        yield f"{at}/elements", f"no more than {most} items allowed"


def _elements(blocks: list[Any]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        if isinstance(block, dict):
            inner = block.get("elements")
            yield from (e for e in inner or [] if isinstance(e, dict))
            if isinstance(block.get("accessory"), dict):
                yield block["accessory"]


def _repeated(name: str, things: list[dict[str, Any]]) -> Iterator[Flaw]:
    seen: set[object] = set()
    for thing in things:
        value = thing.get(name)
        if value is not None and value in seen:
            yield "/blocks", f"`{name}` already exists in the message: {value}"
        seen.add(value)


def _markdown_length(block: object) -> int:
    if isinstance(block, dict) and block.get("type") == "markdown":
        return len(str(block.get("text", "")))
    return 0


def _check_markdown_size(blocks: list[Any]) -> None:
    if any(map(_markdown_length, blocks)):
        size = len(json.dumps(blocks, ensure_ascii=False))
        if size > _MOST_CHARACTERS_WITH_MARKDOWN:
            raise RefusedError("msg_blocks_too_long")
