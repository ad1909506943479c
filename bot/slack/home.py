"""Adapter: which workspace and which app are ours, asked of Slack once.

Until that is known every payload is taken: it was signed, and the worker decides by the person's
own workspace and fails closed. Source: docs.slack.dev, auth.test and bots.info.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cachetools import TTLCache
from slack_sdk import WebClient

from bot.slack.faults import FAULTS, reason_of, word
from gitops.clock import Clock

AGAIN = 60.0
"""Seconds before Slack is asked again that did not answer; one request asks, others go on."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ours:
    """Our workspace and our app."""

    team: str
    app: str


class Home:
    """Tells payloads of other workspaces and apps from ours. Safe to share between threads."""

    def __init__(self, client: WebClient, clock: Clock) -> None:
        self._client = client
        self._ours: Ours | None = None
        self._lately: TTLCache[str, bool] = TTLCache(1, AGAIN, clock.monotonic)

    def is_foreign(self, payload: Mapping[str, Any]) -> bool:
        """Say whether a payload is of a workspace or an app that is not ours."""
        team, app = _team(payload), payload.get("api_app_id")
        if team is None or (ours := self._known()) is None:
            return False
        return team != ours.team or app not in {None, ours.app}

    def _known(self) -> Ours | None:
        if self._ours is None and "asked" not in self._lately:
            self._lately["asked"] = True
            self._ours = self._asked()
        return self._ours

    def _asked(self) -> Ours | None:
        try:
            us = self._client.auth_test()
            app = self._client.bots_info(bot=word(us, "bot_id"))["bot"]["app_id"]
            return Ours(word(us, "team_id"), str(app))
        except FAULTS as error:
            why = reason_of(error) or type(error).__name__
            _log.warning("workspace not known error=%s", why)
            return None


def _team(payload: Mapping[str, Any]) -> str | None:
    """Return the workspace that a payload came from; None where it names none."""
    team = payload.get("team_id") or (payload.get("team") or {}).get("id")
    return str(team) if team else None
