"""Pure: a seal on what Slack hands back: values of buttons, and where a form was opened.

Slack signs its requests, yet what a press or a form carries comes from a person's client, which
may have been changed. So what we give out bears an HMAC-SHA256 (RFC 2104) of itself and its use,
and what bears none, or another's, does nothing. The key is made from the bot's token: every role
has it, over HTTP and Socket Mode alike, so replicas take each other's values; a new token ends the
old ones.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MARK = 32
"""Hex digits of a mark: 128 bits, as much as RFC 2104 (section 5) asks of a cut one."""

_PURPOSE = b"leadline: values of buttons and forms, 1"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seal:
    """Closes values before they go to Slack, and opens what comes back."""

    _key: bytes = field(repr=False)

    @classmethod
    def of(cls, token: str) -> "Seal":
        """Return the seal of all processes that have this bot token."""
        return cls(hmac.digest(token.encode(), _PURPOSE, "sha256"))

    def buttons(self, blocks: Sequence[Json]) -> list[Json]:
        """Return blocks with the value of each button closed for its action."""
        return [self._row(block) if block["type"] == "actions" else block for block in blocks]

    def form(self, view: Json) -> Json:
        """Return a modal with its metadata closed for its kind."""
        closed = self._close(view["callback_id"], view["private_metadata"])
        return view | {"private_metadata": closed}

    def pressed(self, action: Mapping[str, Any]) -> str | None:
        """Return the value of a pressed button; None where we did not give it to this button."""
        return self._open(action["action_id"], action.get("value"))

    def origin(self, view: Mapping[str, Any]) -> str | None:
        """Return a form's metadata; None where we did not give them to a form of its kind."""
        return self._open(view["callback_id"], view["private_metadata"])

    def _row(self, block: Json) -> Json:
        elements = [
            element | {"value": self._close(element["action_id"], element["value"])}
            for element in block["elements"]
        ]
        return block | {"elements": elements}

    def _close(self, use: str, value: str) -> str:
        return f"{self._mark(use, value)}:{value}"

    def _open(self, use: str, closed: object) -> str | None:
        mark, _, value = closed.partition(":") if isinstance(closed, str) else ("", "", "")
        right = self._mark(use, value)
        return value if hmac.compare_digest(_bytes(mark), right.encode()) else None

    def _mark(self, use: str, value: str) -> str:
        return hmac.digest(self._key, _bytes(f"{use}\n{value}"), "sha256").hex()[:MARK]


def _bytes(text: str) -> bytes:
    """Return bytes also of what is no text: JSON may name half a character."""
    return text.encode("utf-8", "surrogatepass")
