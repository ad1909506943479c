"""What an interaction tells the app: block_actions, view_submission and view_closed.

Source: docs.slack.dev/reference/interaction-payloads, the three pages of these names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.slack.objects import message_json, view_json
from sandbox.slack.records import Ephemeral, Json, Message, View
from sandbox.slack.store import Store


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an element stands: in a message, in a note for one person, or in a modal."""

    channel: str
    holder: Message | Ephemeral | View

    @property
    def blocks(self) -> list[Json]:
        """The blocks that a person sees there."""
        return self.holder.content["blocks"] if isinstance(self.holder, View) else self._own()

    def _own(self) -> list[Json]:
        assert not isinstance(self.holder, View)  # noqa: S101 - told apart by the caller
        return self.holder.blocks


def common(store: Store, kind: str, user: str) -> Json:
    """Return what every interaction carries."""
    team = store.team
    return {
        "type": kind,
        "team": {"id": team.id, "domain": team.domain},
        "user": {
            "id": user,
            "username": team.people[user],
            "name": team.people[user],
            "team_id": team.id,
        },
        "api_app_id": team.app_id,
        "token": "verification-token-of-old",
        "enterprise": None,
        "is_enterprise_install": False,
    }


def action(store: Store, element: Json, block_id: str, value: Mapping[str, object]) -> Json:
    """Return one action: the element that was used, and what it now holds."""
    copied = ("action_id", "type", "text", "value", "style", "placeholder")
    shown = {name: element[name] for name in copied if name in element}
    return {**shown, "block_id": block_id, "action_ts": store.new_ts(), **value}


def block_actions(store: Store, user: str, spot: Spot, done: Json, response_url: str) -> Json:
    """Return the payload of one used element."""
    payload = common(store, "block_actions", user) | {"actions": [done]}
    payload["trigger_id"] = store.triggers.issue(user, store.new_ts())
    match spot.holder:
        case View() as view:
            container: Json = {"type": "view", "view_id": view.id}
            return payload | {"container": container, "view": view_json(store, view)}
        case Message() as message:
            payload |= {"message": message_json(store, spot.channel, message)}
        case Ephemeral():
            pass  # Slack does not send the text of a note back
    container = {
        "type": "message",
        "message_ts": spot.holder.ts,
        "channel_id": spot.channel,
        "is_ephemeral": isinstance(spot.holder, Ephemeral),
    }
    if spot.holder.thread_ts:
        container["thread_ts"] = spot.holder.thread_ts
    channel = {"id": spot.channel, "name": store.channels[spot.channel].name}
    return payload | {
        "container": container,
        "channel": channel,
        "state": {"values": {}},
        "response_url": response_url,
    }


def view_submission(store: Store, user: str, view: View) -> Json:
    """Return the payload of a modal that was sent."""
    return common(store, "view_submission", user) | {
        "trigger_id": store.triggers.issue(user, store.new_ts()),
        "view": view_json(store, view),
        "response_urls": [],
    }


def view_closed(store: Store, user: str, view: View, *, is_cleared: bool) -> Json:
    """Return the payload of a modal that was closed without being sent."""
    return common(store, "view_closed", user) | {
        "view": view_json(store, view),
        "is_cleared": is_cleared,
    }
