"""Finding what a person would use: a message they can see, a modal on their screen, an element.

Whatever is not there is refused in words, as nobody can press it.
"""

from dataclasses import dataclass

from sandbox.slack.blocks import elements_of
from sandbox.slack.errors import NotThereError
from sandbox.slack.payloads import Spot
from sandbox.slack.records import Json, View
from sandbox.slack.store import Store


@dataclass(frozen=True, slots=True)
class Found:
    """An element, the block around it, and that block's id, given or made up."""

    element: Json
    block: Json
    block_id: str


def check_person(store: Store, user: str) -> None:
    """Refuse somebody who is not in the workspace, or whose account is closed."""
    if user not in store.team.people or user in store.team.deactivated:
        known = ", ".join(store.team.people)
        raise NotThereError(f"nobody with the id {user} can act here; people: {known}")


def check_channel(store: Store, user: str, channel: str, thread: str | None = None) -> None:
    """Refuse a channel or thread in which this person can write nothing."""
    found = store.channels.get(channel)
    if found is None or found.is_archived or not store.is_seen_by(user, channel):
        there = ", ".join(name for name in store.channels if store.is_seen_by(user, name))
        raise NotThereError(f"{user} cannot write in {channel}; channels: {there}")
    if thread is not None and thread not in (m.ts for m in store.messages[channel]):
        raise NotThereError(f"no message {thread} in {channel} to answer")


def spot_of(store: Store, user: str, name: str) -> Spot:
    """Return the modal, the message or the note that a person means by its id or time stamp."""
    if name.startswith("V"):
        return Spot("", view_of(store, user, name))
    for channel, messages in store.messages.items():
        if store.is_seen_by(user, channel):
            for message in messages:
                if message.ts == name:
                    return Spot(channel, message)
    for note in store.ephemerals:
        if note.ts == name and note.user == user:
            return Spot(note.channel, note)
    raise NotThereError(f"{user} sees no message or modal {name}")


def view_of(store: Store, user: str, name: str = "") -> View:
    """Return a modal on this person's screen by id or callback id; the topmost without a name."""
    for view in reversed(store.views):
        if view.user == user and name in ("", view.id, view.content.get("callback_id")):
            return view
    raise NotThereError(f"{user} has no modal {name} on the screen".replace("  ", " "))


def elements(spot: Spot) -> list[Found]:
    """Return every element of a message or modal, in the order of reading."""
    return [
        Found(element, block, str(block.get("block_id") or f"block-{number}"))
        for number, block in enumerate(spot.blocks)
        for element in elements_of(block)
    ]


def element_of(spot: Spot, action_id: str, value: str | None = None) -> Found:
    """Return one element by its action id, and by its value where several share the id."""
    offered = elements(spot)
    for found in offered:
        mine = found.element.get("action_id") == action_id
        if mine and (value is None or value in _values(found.element)):
            return found
    there = ", ".join(_named(found) for found in offered) or "none"
    wanted = action_id if value is None else f"{action_id}|{value}"
    raise NotThereError(f"no element {wanted} there; elements: {there}")


def field_of(spot: Spot, name: str) -> Found:
    """Return an element by its action id, or by the id of the block it stands in."""
    for found in elements(spot):
        if name in (found.element.get("action_id"), found.block.get("block_id")):
            return found
    return element_of(spot, name)


def _values(element: Json) -> list[str]:
    """Return the values a press could carry: a button's own, or those of feedback buttons."""
    halves = (element, element.get("positive_button") or {}, element.get("negative_button") or {})
    return [half["value"] for half in halves if "value" in half]


def _named(found: Found) -> str:
    name = str(found.element.get("action_id"))
    return "|".join([name, *_values(found.element)])
