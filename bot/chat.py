"""Port: the chat in which people type and Leadline answers."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.notice import Footer, Notice


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, or a thread in it when `thread` holds the root message's time stamp."""

    channel: str
    thread: str | None = None


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

    def end(self, footer: Footer) -> None:
        """Send what is left and close the message with a footer."""
        ...


class Chat(Protocol):
    """A chat. It speaks only where it was spoken to and never repeats a key by itself."""

    def post(self, place: Place, key: str, notice: Notice) -> str:
        """Post a notice carrying `key` as hidden metadata; return its time stamp."""
        ...

    def find(self, place: Place, key: str, since: datetime) -> str | None:
        """Return the time stamp of our message with that key, posted since then."""
        ...

    def update(self, place: Place, message: str, notice: Notice) -> None:
        """Edit a message of ours in place."""
        ...

    def whisper(self, place: Place, person: Person, notice: Notice) -> None:
        """Tell one person something nobody else sees."""
        ...

    def stream(self, place: Place, person: Person) -> AbstractContextManager[Stream]:
        """Open a growing message in a thread; leaving the block closes it, whatever happened."""
        ...
