"""The app's settings pages: how Slack reaches it, and which events it asked for.

Sources: docs.slack.dev, apis/events-api (subscriptions and the scopes each needs) and
apis/events-api/using-socket-mode (with Socket Mode on, request URLs are not used).
"""

from collections.abc import Mapping
from dataclasses import dataclass

EVENT_SCOPES: Mapping[str, str] = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
}
"""The events this Slack knows, and the scope without which none can subscribe."""


@dataclass(frozen=True, slots=True)
class AppSettings:
    """How the app is reached.

    `request_url` takes commands, interactions and events alike; `socket_mode` sends all of them
    over WebSockets instead. `events` are names of `EVENT_SCOPES`.
    """

    request_url: str = ""
    socket_mode: bool = False
    events: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset({"/llm"})

    def check(self, scopes: frozenset[str]) -> None:
        """Refuse a subscription that Slack's pages would not save.

        Raises:
            ValueError: an unknown event, or a scope is missing.
        """
        for event in sorted(self.events):
            if event not in EVENT_SCOPES:
                raise ValueError(f"event {event}: unknown here; known: {', '.join(EVENT_SCOPES)}")
            if EVENT_SCOPES[event] not in scopes:
                raise ValueError(f"event {event}: the app lacks the scope {EVENT_SCOPES[event]}")
