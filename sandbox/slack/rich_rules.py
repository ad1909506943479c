"""The rules of blocks with an inner structure: tables, tasks, cards, alerts and their like.

Source: docs.slack.dev/reference/block-kit/blocks, the pages table, task-card, plan, card, carousel,
alert, context-actions. container, data_table, data_visualization, rich_text, file, video and call
are known by name only. That an alert holds 200 characters is from slackblocks 3.0.0, not the page.
"""

from collections.abc import Iterator
from typing import Any

from sandbox.slack.block_rules import Block, Check
from sandbox.slack.elements import Flaw, check_count, check_element, check_text, check_width

_STATES = ("pending", "in_progress", "complete", "error")
_LEVELS = ("default", "info", "warning", "error", "success")
_CELLS = ("raw_text", "raw_number", "rich_text")

BY_NAME_ONLY = frozenset(
    {"call", "container", "data_table", "data_visualization", "file", "rich_text", "video"}
)


def _table(block: Block, at: str) -> Iterator[Flaw]:
    rows = block.get("rows")
    yield from check_count(rows, 1, 100, f"{at}/rows")
    for number, row in enumerate(rows or []):
        yield from check_count(row, 1, 20, f"{at}/rows/{number}")
        for column, cell in enumerate(row if isinstance(row, list) else []):
            if not isinstance(cell, dict) or cell.get("type") not in _CELLS:
                yield f"{at}/rows/{number}/{column}/type", f"must be one of {', '.join(_CELLS)}"
    if "column_settings" in block:
        yield from check_count(block["column_settings"], 1, 20, f"{at}/column_settings")


def _alert(block: Block, at: str) -> Iterator[Flaw]:
    yield from check_text(block.get("text"), 200, f"{at}/text")
    if block.get("level", "default") not in _LEVELS:
        yield f"{at}/level", f"must be one of {', '.join(_LEVELS)}"


def _task(block: Block, at: str) -> Iterator[Flaw]:
    for name in ("task_id", "title"):
        if not block.get(name):
            yield at, f"missing required field: {name}"
    if block.get("status", "pending") not in _STATES:
        yield f"{at}/status", f"must be one of {', '.join(_STATES)}"


def _task_card(block: Block, at: str) -> Iterator[Flaw]:
    yield from _task(block, at)


def _plan(block: Block, at: str) -> Iterator[Flaw]:
    if not block.get("title"):
        yield at, "missing required field: title"
    tasks = block.get("tasks") or []
    yield from check_count(tasks, 0, 50, f"{at}/tasks")
    for number, task in enumerate(tasks):
        yield from _task(task, f"{at}/tasks/{number}")


def _card(block: Block, at: str) -> Iterator[Flaw]:
    if not any(block.get(name) for name in ("hero_image", "title", "actions", "body")):
        yield at, "missing required field: hero_image, title, actions or body"
    for name, most in (("title", 150), ("subtitle", 150), ("body", 200)):
        if name in block:
            yield from check_text(block[name], most, f"{at}/{name}")
    actions = block.get("actions") or []
    yield from check_count(actions, 0, 3, f"{at}/actions")
    for number, button in enumerate(actions):
        yield from check_element(button, f"{at}/actions/{number}", frozenset({"button"}))


def _carousel(block: Block, at: str) -> Iterator[Flaw]:
    yield from check_count(block.get("elements"), 1, 10, f"{at}/elements")
    for number, card in enumerate(block.get("elements") or []):
        yield from _card(card, f"{at}/elements/{number}")


def _context_actions(block: Block, at: str) -> Iterator[Flaw]:
    yield from check_count(block.get("elements"), 1, 5, f"{at}/elements")
    allowed = frozenset({"feedback_buttons", "icon_button"})
    for number, element in enumerate(block.get("elements") or []):
        yield from check_element(element, f"{at}/elements/{number}", allowed)
        yield from _feedback(element, f"{at}/elements/{number}")


def _feedback(element: Any, at: str) -> Iterator[Flaw]:  # noqa: ANN401 - any JSON
    if not isinstance(element, dict) or element.get("type") != "feedback_buttons":
        return
    for name in ("positive_button", "negative_button"):
        button = element.get(name)
        if not isinstance(button, dict):
            yield at, f"missing required field: {name}"
            continue
        yield from check_text(button.get("text"), 75, f"{at}/{name}/text", plain=True)
        yield from check_width(button, "value", 2000, f"{at}/{name}")


RICH_CHECKS: dict[str, Check] = {
    "table": _table,
    "alert": _alert,
    "task_card": _task_card,
    "plan": _plan,
    "card": _card,
    "carousel": _carousel,
    "context_actions": _context_actions,
}
