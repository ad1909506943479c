"""Block Kit validation of a whole message or modal: docs.slack.dev/reference/block-kit/blocks.

What each block must be stands in `block_rules.py` and `rich_rules.py`; here stand the rules between
blocks: how many, on which surface, ids that repeat, totals. Refusals carry a JSON pointer, as
Slack's do. Which surfaces take an alert is not on its page; both take it here.
"""

import json
from collections.abc import Iterator
from typing import Any

from sandbox.slack.block_rules import CHECKS
from sandbox.slack.elements import Flaw, check_count, check_width
from sandbox.slack.errors import RefusedError
from sandbox.slack.rich_rules import BY_NAME_ONLY, RICH_CHECKS

_MOST_BLOCKS = 50
_MOST_BLOCKS_OF_A_VIEW = 100
_MOST_MARKDOWN = 12_000
_MOST_CHARACTERS_WITH_MARKDOWN = 13_200  # undocumented ceiling: slackapi/bolt-js issue 2509

_RULES = CHECKS | RICH_CHECKS
_IN_A_VIEW = frozenset(
    {"actions", "alert", "card", "context", "divider", "header", "image", "input", "rich_text"}
    | {"section", "video"}
)


def check_blocks(blocks: object) -> None:
    """Refuse blocks that Slack would refuse in a message."""
    if not isinstance(blocks, list):
        raise RefusedError("invalid_blocks_format")
    flaws = list(_flaws(blocks))
    if flaws:
        told = [f"{reason} [json-pointer:{at}]" for at, reason in flaws]
        messages = {"messages": [f"[ERROR] {line}" for line in told]}
        raise RefusedError("invalid_blocks", errors=told, response_metadata=messages)
    if sum(_kind(block) == "table" for block in blocks) > 1:
        raise RefusedError("invalid_attachments", errors=["only_one_table_allowed"])
    _check_markdown_size(blocks)


def flaws_of_view_blocks(blocks: list[Any], at: str) -> Iterator[Flaw]:
    """Yield what is wrong with the blocks of a modal."""
    yield from check_count(blocks, 1, _MOST_BLOCKS_OF_A_VIEW, at)
    for number, block in enumerate(blocks):
        if _kind(block) in _RULES.keys() | BY_NAME_ONLY and _kind(block) not in _IN_A_VIEW:
            yield f"{at}/{number}/type", f"unsupported type in a modal: {_kind(block)}"
        else:
            yield from _check_block(block, f"{at}/{number}")
    yield from _repetitions(blocks, at)


def elements_of(block: object) -> Iterator[dict[str, Any]]:
    """Yield the elements of one block that a person could use, in their order."""
    if not isinstance(block, dict):
        return
    found = [*(block.get("elements") or []), *(block.get("actions") or [])]
    found += [block.get("accessory"), block.get("element")]
    for element in found:
        if isinstance(element, dict) and element.get("type") not in ("image", "mrkdwn"):
            yield element


def _flaws(blocks: list[Any]) -> Iterator[Flaw]:
    if len(blocks) > _MOST_BLOCKS:
        yield "/blocks", f"no more than {_MOST_BLOCKS} items allowed"
    for number, block in enumerate(blocks):
        yield from _check_block(block, f"/blocks/{number}")
    yield from _repetitions(blocks, "/blocks")
    if sum(map(_markdown_length, blocks)) > _MOST_MARKDOWN:
        yield "/blocks", f"markdown blocks must be less than {_MOST_MARKDOWN + 1} characters in all"


def _check_block(block: object, at: str) -> Iterator[Flaw]:
    if not isinstance(block, dict) or "type" not in block:
        yield at, "missing required field: type"
        return
    yield from check_width(block, "block_id", 255, at)
    kind = block["type"]
    if kind in _RULES:
        yield from _RULES[kind](block, at)
    elif kind not in BY_NAME_ONLY:
        yield f"{at}/type", f"unsupported type: {kind}"


def _repetitions(blocks: list[Any], at: str) -> Iterator[Flaw]:
    yield from _repeated("block_id", [b for b in blocks if isinstance(b, dict)], at)
    for number, block in enumerate(blocks):
        yield from _repeated("action_id", list(elements_of(block)), f"{at}/{number}/elements")


def _repeated(name: str, things: list[dict[str, Any]], at: str) -> Iterator[Flaw]:
    seen: set[str] = set()
    for value in (str(thing[name]) for thing in things if thing.get(name) is not None):
        if value in seen:
            yield at, f"`{name}` already exists: {value}"
        seen.add(value)


def _kind(block: object) -> str:
    return str(block.get("type")) if isinstance(block, dict) else ""


def _markdown_length(block: object) -> int:
    if isinstance(block, dict) and block.get("type") == "markdown":
        return len(str(block.get("text", "")))
    return 0


def _check_markdown_size(blocks: list[Any]) -> None:
    if any(map(_markdown_length, blocks)):
        size = len(json.dumps(blocks, ensure_ascii=False))
        if size > _MOST_CHARACTERS_WITH_MARKDOWN:
            raise RefusedError("msg_blocks_too_long")
