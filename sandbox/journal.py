"""What the servers really received and what happened in the worlds, in order."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal.

    `world` is slack, github, cluster, engine, agent or people; `call` is the method or act,
    such as `chat.postMessage`, `POST pulls` or `pod.ready`; `detail` is JSON-able.
    """

    number: int
    world: str
    call: str
    detail: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the entry as builtins."""
        return asdict(self)


class Journal:
    """An append-only list that readers can wait on."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._grown = threading.Condition()

    def add(self, world: str, call: str, **detail: object) -> Entry:
        """Append one entry and wake the readers."""
        with self._grown:
            entry = Entry(len(self._entries) + 1, world, call, detail)
            self._entries.append(entry)
            self._grown.notify_all()
        return entry

    def entries(self, since: int = 0) -> list[Entry]:
        """Return the entries with a number above `since`."""
        with self._grown:
            return self._entries[since:]

    def wait(
        self, wanted: Callable[[Entry], bool], since: int = 0, at_most: float = 10.0
    ) -> Entry | None:
        """Return the first entry above `since` that is wanted; None after `at_most` seconds."""
        give_up = time.monotonic() + at_most
        with self._grown:
            while True:
                for entry in self._entries[since:]:
                    if wanted(entry):
                        return entry
                since = max(since, len(self._entries))
                left = give_up - time.monotonic()
                if left <= 0:
                    return None
                self._grown.wait(left)
