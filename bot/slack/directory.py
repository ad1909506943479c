"""Adapter: the Directory port over Slack's Web API: who belongs where, and links to messages.

Answers about people are kept for a minute (cachetools), so that a burst of commands asks once.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import TTLCache, cachedmethod
from slack_sdk import WebClient

from bot.chat import Person, Place
from bot.errors import ChatUnavailableError
from bot.settings import SlackSettings
from bot.slack.client import connect, said
from bot.slack.escaping import cut
from bot.slack.faults import word
from gitops.clock import Clock

KEPT = 60.0
"""How long an answer about people counts, in seconds; who loses a right loses it within that."""

PEOPLE, GROUPS = 5_000, 200
"""Most people and groups that are kept."""

HASTE = 0.5
"""In a person's three seconds no user group is asked for any more after so many, really seconds: a
trigger of Slack's does not wait for a sandbox's clock."""

LONGEST_NAME = 80
"""Most characters of a name; Slack's own limit for display names."""


@dataclass(frozen=True, slots=True)
class _User:
    """What is kept of a person: whether our workspace is theirs, and their name."""

    home: bool
    name: str


class SlackDirectory:
    """One workspace. Safe to share between threads: at worst two of them ask the same."""

    def __init__(self, client: WebClient, clock: Clock, *, hasty: bool = False) -> None:
        self._client = client
        self._hasty = hasty
        self._turn = threading.Lock()
        self._people: TTLCache[str, _User] = TTLCache(PEOPLE, KEPT, clock.monotonic)
        self._groups: TTLCache[str, frozenset[str]] = TTLCache(GROUPS, KEPT, clock.monotonic)
        self._links: TTLCache[Place, str] = TTLCache(PEOPLE, 24 * 3600, clock.monotonic)
        self._team = ""

    @classmethod
    def connect(
        cls, settings: SlackSettings, clock: Clock, *, hasty: bool = False
    ) -> "SlackDirectory":
        """Return a directory for the settings; no call is made yet.

        A hasty one answers within a person's three seconds, or not at all.
        """
        return cls(connect(settings, hasty=hasty), clock, hasty=hasty)

    @cachedmethod(lambda self: self._links, lock=lambda self: self._turn)
    def link(self, place: Place) -> str:
        """Return a link to the root of a thread; see the port."""
        with said("asking for a link"):
            answer = self._client.chat_getPermalink(
                channel=place.channel, message_ts=place.thread or ""
            )
            return word(answer, "permalink")

    def groups(self, person: Person, among: frozenset[str]) -> frozenset[str]:
        """Return which of these groups a person is in; see the port.

        Raises:
            ChatUnavailableError: Slack does not say, or not soon enough.
        """
        found = self._in_time(sorted(among))
        return frozenset(group for group in found if person.id in self._members(group))

    def is_home(self, person: Person) -> bool:
        """Say whether a person belongs to our own workspace; see the port."""
        return bool(person.id) and person.team == self._own_team() and self._user(person.id).home

    def name(self, person: str) -> str:
        """Return the name that Slack shows for a person; see the port."""
        return self._user(person).name or person

    def _in_time(self, groups: Iterable[str]) -> Iterable[str]:
        """Yield groups while there is time to ask for them; those that were asked for are kept."""
        began = time.monotonic()
        for group in groups:
            if self._hasty and time.monotonic() - began > HASTE:
                raise ChatUnavailableError(
                    "reading user groups in Slack takes too long; try again in a few seconds"
                )
            yield group

    @cachedmethod(lambda self: self._groups, lock=lambda self: self._turn)
    def _members(self, group: str) -> frozenset[str]:
        with said(f"reading the user group {group}"):
            return frozenset(self._client.usergroups_users_list(usergroup=group)["users"])

    @cachedmethod(lambda self: self._people, lock=lambda self: self._turn)
    def _user(self, person: str) -> "_User":
        with said(f"reading the user {person}"):
            user = dict(self._client.users_info(user=person)["user"])
        strange = any(user.get(s) for s in ("is_bot", "deleted", "is_stranger"))
        profile = user.get("profile") or {}
        name = profile.get("display_name") or profile.get("real_name") or user.get("name") or ""
        home = user.get("team_id") == self._own_team() and not strange
        return _User(home, cut(str(name), LONGEST_NAME))

    def _own_team(self) -> str:
        if not self._team:
            with said("asking who we are"):
                self._team = word(self._client.auth_test(), "team_id")
        return self._team
