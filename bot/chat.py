"""Port: the chat in which people type and Leadline answers."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.notice import Footer, Notice


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, or a thread in it when `thread` holds the root message's time stamp.

    `answer_url` reaches the person who typed there also where Leadline is not in the channel;
    whoever has it can speak for Leadline, so it stays out of logs.
    """

    channel: str
    thread: str | None = None
    answer_url: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a workspace; ids, never names, say who it is."""

    id: str
    team: str


class Stream(Protocol):
    """One message that grows while an answer arrives."""

    def append(self, text: str) -> None:
        """Show more text; the adapter decides when it is sent."""
        ...

    def fold(self) -> None:
        """Take back all text so far: it turned out to be no part of the answer."""
        ...

    def wanted(self) -> bool:
        """Say whether somebody still reads it: False once it was stopped or cannot be shown."""
        ...

    def end(self, footer: Footer) -> None:
        """Send what is left and close the message with a footer.

        Raises:
            ChatUnavailableError: it could not be sent, for about a quarter of a minute.
        """
        ...


class Chat(Protocol):
    """A chat. It speaks only where it was spoken to and never repeats a key by itself."""

    def post(self, place: Place, key: str, notice: Notice) -> str:
        """Post a notice carrying `key` as hidden metadata; return its time stamp."""
        ...

    def find(self, place: Place, key: str, since: datetime) -> Sequence[str]:
        """Return the time stamps of our messages with that key, posted since then, oldest first.

        Nothing where the chat does not let us read.
        """
        ...

    def update(self, place: Place, message: str, notice: Notice | None) -> None:
        """Edit a message of ours in place; None takes it away."""
        ...

    def whisper(self, place: Place, person: Person, notice: Notice) -> None:
        """Tell one person something nobody else sees."""
        ...

    def stream(self, place: Place, person: Person) -> AbstractContextManager[Stream]:
        """Open a growing message in a thread; leaving the block closes it, whatever happened."""
        ...


class Directory(Protocol):
    """What the chat knows of people and places."""

    def link(self, place: Place) -> str:
        """Return a link to a message: the root of a thread."""
        ...

    def groups(self, person: Person, among: frozenset[str]) -> frozenset[str]:
        """Return which of these user groups a person is in, as of at most a minute ago."""
        ...

    def is_home(self, person: Person) -> bool:
        """Say whether a person belongs to our own workspace: no guest of another one, no bot."""
        ...

    def name(self, person: str) -> str:
        """Return the name that the chat shows for a user's id; the id where it shows none.

        Names can be taken by somebody else: they are for reading, never for deciding.

        Raises:
            ChatUnavailableError: the chat does not answer.
        """
        ...
