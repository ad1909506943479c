"""views.open and views.update: modals, with the rules that a modal must keep.

Sources: docs.slack.dev, surfaces/modals, reference/views/modal-views and the two method pages.
Refusals of a view's content are `invalid_arguments` with JSON pointers, as the block kit builder
and the API give them. views.push and views.publish are not here: Leadline calls neither.
"""

import json
from collections.abc import Iterator
from typing import Any

from sandbox.slack.blocks import flaws_of_view_blocks
from sandbox.slack.calls import Call
from sandbox.slack.elements import Flaw, check_text, check_width
from sandbox.slack.errors import RefusedError
from sandbox.slack.fields import initial_values
from sandbox.slack.objects import view_json
from sandbox.slack.records import Json, View
from sandbox.slack.store import Store

_LARGEST = 250_000  # "greater than 250kb"
_KEYS = frozenset(
    {"type", "title", "blocks", "close", "submit", "private_metadata", "callback_id"}
    | {"clear_on_close", "notify_on_close", "external_id", "submit_disabled"}
)


def open_view(store: Store, call: Call) -> Json:
    """views.open: put a modal on the screen of whoever the trigger came from."""
    content = checked_view(call.arguments.get("view"))
    _check_external_id(store, content, None)
    if not call.maybe("trigger_id"):
        raise RefusedError("invalid_trigger_id")
    user = store.triggers.exchange(call.text("trigger_id"))
    view = View(store.new_id("V"), user, {}, "")
    store.views.append(view)
    show(store, view, content)
    return {"view": view_json(store, view)}


def update_view(store: Store, call: Call) -> Json:
    """views.update: replace what a modal shows; a `hash` guards against overwriting."""
    content = checked_view(call.arguments.get("view"))
    view = _wanted(store, call)
    if call.maybe("hash") not in (None, view.hash):
        raise RefusedError("hash_conflict")
    _check_external_id(store, content, view)
    show(store, view, content)
    return {"view": view_json(store, view)}


def show(store: Store, view: View, content: Json) -> None:
    """Let a modal show this; what was typed into fields that stay is kept."""
    blocks = [
        {"block_id": f"{view.id}-{number}", **block}
        for number, block in enumerate(content["blocks"])
    ]
    kept, view.content = view.values, {**content, "blocks": blocks}
    view.values = initial_values(blocks)
    for block_id, fields in view.values.items():
        fields |= {name: kept[block_id][name] for name in fields if name in kept.get(block_id, {})}
    view.errors = {}
    view.hash = store.new_ts()


def checked_view(view: Any) -> Json:  # noqa: ANN401 - any JSON
    """Return a modal that keeps the rules, or refuse it."""
    if not isinstance(view, dict):
        raise _refused([("/view", "must provide an object")])
    if len(json.dumps(view, ensure_ascii=False).encode()) > _LARGEST:
        raise RefusedError("view_too_large")
    flaws = list(_flaws(view))
    if flaws:
        raise _refused(flaws)
    return view


def _flaws(view: Json) -> Iterator[Flaw]:
    if view.get("type") != "modal":
        yield "/view/type", "must be modal"
    yield from check_text(view.get("title"), 24, "/view/title", plain=True)
    for name in ("submit", "close"):
        if view.get(name) is not None:
            yield from check_text(view[name], 24, f"/view/{name}", plain=True)
    for name, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        yield from check_width(view, name, most, "/view")
    for name in sorted(view.keys() - _KEYS):
        yield "/view", f"invalid additional property: {name}"
    blocks = view.get("blocks")
    if not isinstance(blocks, list):
        yield "/view", "missing required field: blocks"
        return
    yield from flaws_of_view_blocks(blocks, "/view/blocks")
    if not view.get("submit") and any(_is_input(block) for block in blocks):
        yield "/view", "must define `submit` to use an `input` block in modals"


def _is_input(block: object) -> bool:
    return isinstance(block, dict) and block.get("type") == "input"


def _refused(flaws: list[Flaw]) -> RefusedError:
    messages = [f"[ERROR] {reason} [json-pointer:{at}]" for at, reason in flaws]
    return RefusedError("invalid_arguments", response_metadata={"messages": messages})


def _wanted(store: Store, call: Call) -> View:
    wanted, external = call.maybe("view_id"), call.maybe("external_id")
    for view in store.views:
        if wanted == view.id or (external and external == view.content.get("external_id")):
            return view
    raise RefusedError("not_found")


def _check_external_id(store: Store, content: Json, itself: View | None) -> None:
    wanted = content.get("external_id")
    others = [v.content.get("external_id") for v in store.views if v is not itself]
    if wanted and wanted in others:
        raise RefusedError("duplicate_external_id")
